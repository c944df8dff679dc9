"""A server as a service: restarted, watched by a manager, and what its sockets are."""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import tempfile
import time

import tool

MODELS = tool.MODELS
SHAPES = (("--workers", "1"), ("--workers", "2"), ("--workers", "2", "--worker-kind", "process"))
REAPED = "reaped"
TAKEN_OVER = r"restart: process (\d+) has taken over"


def adopt_orphans():
    """Successors outlive their parent; then they become ours, so that we see how they end."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def ended(process):
    """Its exit code once it has ended; REAPED if its predecessor was there to see that; None while
    it runs."""
    try:
        pid, status = os.waitpid(process, os.WNOHANG)
    except ChildProcessError:
        # A child of its predecessor, which reaps it, or dies and leaves it to us.
        return None if os.path.exists(f"/proc/{process}") else REAPED
    return os.waitstatus_to_exitcode(status) if pid else None


def listening_sockets(process):
    """The listening sockets of a process: {(where, inode)}."""
    inodes = set()
    for entry in pathlib.Path(f"/proc/{process}/fd").iterdir():
        try:
            inodes.add(os.readlink(entry))
        except FileNotFoundError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                found.add((fields[1], fields[9]))
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[3] == "00010000" and f"socket:[{fields[6]}]" in inodes:
            found.add((fields[7], fields[6]))
    return found


class Service(tool.Server):
    """A `weir serve` whose executable can be replaced, and that restarts."""

    def __init__(self, handler, *options, program=None, **rest):
        self.main = 0  # The process that serves.
        super().__init__(handler, *options, program=program, session=True, **rest)
        self.main = self.process.pid

    def __exit__(self, *ignored):
        # All of them: they are one session.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        super().__exit__(*ignored)

    def ask(self, number=signal.SIGUSR2):
        os.kill(self.main, number)

    def restart(self):
        """Restarts it; returns the process that served before."""
        before, seen = self.main, len(re.findall(TAKEN_OVER, self.said))
        self.ask()
        self.wait_until(lambda: len(re.findall(TAKEN_OVER, self.said)) > seen)
        self.main = int(re.findall(TAKEN_OVER, self.said)[-1])
        return before

    def wait_until(self, condition):
        """Reads on until the condition holds."""
        while not condition():
            if not self._read_more():
                raise AssertionError(f"it has ended and said only:\n{self.said}")

    def exit_code(self, process):
        """Of one that is about to end."""
        if process == self.process.pid:
            return self.process.wait(tool.PATIENCE)
        code = []

        def has_ended():
            code[:] = [ended(process)]
            return code[0] is not None
        if not tool.eventually(has_ended):
            raise AssertionError(f"process {process} does not end; it said:\n{self.said}")
        return code[0]

    def stop(self, number=signal.SIGTERM):
        """Stops the one that serves; returns its exit code."""
        self.ask(number)
        return self.exit_code(self.main)


class Executable:
    """A copy of the tool that can be replaced, behind a symbolic link as deployments have one."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = f"{self.directory.name}/weir"
        self.good()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def _point_to(self, target):
        link = f"{self.directory.name}/next"
        os.symlink(target, link)
        os.rename(link, self.path)

    def good(self):
        self._point_to(os.path.abspath(tool.TOOL))

    def missing(self):
        self._point_to(f"{self.directory.name}/nowhere")

    def script(self, text):
        name = f"{self.directory.name}/script-{time.monotonic_ns()}"
        with open(name, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n" + text + "\n")
        os.chmod(name, 0o755)
        self._point_to(name)


class Manager:
    """The side of sd_notify(3) that a service manager has."""

    def __init__(self, abstract=False):
        self.directory = tempfile.TemporaryDirectory()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.settimeout(tool.PATIENCE)
        self.address = (f"@weir-test-{os.getpid()}-{time.monotonic_ns()}" if abstract
                        else f"{self.directory.name}/notify")
        self.socket.bind(self.address.replace("@", "\0"))
        self.said = []  # (process, {key: value}), in order.

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.directory.cleanup()

    def hear(self):
        """The next message."""
        data, ancillary, _, _ = self.socket.recvmsg(4096, 256)
        process = next(struct.unpack("3i", bytes_[:12])[0] for _, kind, bytes_ in ancillary
                       if kind == socket.SCM_CREDENTIALS)
        lines = dict(line.split("=", 1) for line in data.decode().split("\n") if line)
        self.said.append((process, lines))
        return process, lines

    def wait_for(self, key):
        """The next message with this key."""
        while True:
            process, lines = self.hear()
            if key in lines:
                return process, lines

    def hear_rest(self):
        """Whatever has come by now."""
        self.socket.settimeout(0)
        try:
            while True:
                self.hear()
        except BlockingIOError:
            self.socket.settimeout(tool.PATIENCE)
        return self.said


def in_full():
    return os.environ.get("WEIR_FULL", "") not in ("", "0")


def has(program):
    return shutil.which(program) is not None
