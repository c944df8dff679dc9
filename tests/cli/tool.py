"""Starts the tool and the examples for the tests, and makes sure that they end."""
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import time

TOOL = os.environ.get("WEIR_TOOL", "build/release/weir")
EXAMPLES = os.environ.get("WEIR_EXAMPLES", "build/release/examples")
# Seconds. Only a test that fails waits so long.
PATIENCE = 240 if os.environ.get("WEIR_SANITIZE") else 60

MODELS = ("iterative fork threads nonblocking select poll epoll-lt epoll-et io-uring").split()
ADDRESS = re.compile(r"(127\.0\.0\.1:\d+|\[::1?\]:\d+|unix:[^\s,]+)")


def run(*words, environment=None, before=()):
    """Runs the tool to its end: a finished process with texts as stdout and stderr."""
    return subprocess.run([*before, TOOL, *words], capture_output=True, text=True,
                          timeout=PATIENCE, env={**os.environ, **(environment or {})})


def available(model):
    """Whether it works on this machine."""
    listed = json.loads(run("models", "--json").stdout)
    return next(each["available"] for each in listed if each["model"] == model)


def eventually(condition):
    """Whether the condition comes true in time."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return condition()


def free_port():
    """A port for somebody who cannot choose one. Not among those that the kernel gives to clients,
    of whom other tests have thousands at the same time."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def has_ipv6():
    """Whether this machine has IPv6; containers often have none."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def connect(address):
    """A connected socket that never waits for ever."""
    if address.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(address[5:])
        return client
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)


def receive_all(client):
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def receive_exactly(client, count):
    data = b""
    while len(data) < count:
        part = client.recv(count - len(data))
        if not part:
            break
        data += part
    return data


class Program:
    """A running program whose stderr is read line by line."""

    def __init__(self, command, environment=None, session=False, pass_fds=()):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=session,
            pass_fds=pass_fds, env={**os.environ, **(environment or {})})
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def _read_more(self):
        stream = self.process.stderr
        ready, _, _ = select.select([stream], [], [], PATIENCE)
        if not ready:
            raise AssertionError(f"it says nothing more after:\n{self.said}")
        part = os.read(stream.fileno(), 65536).decode()
        self.said += part
        return bool(part)

    def wait_until_said(self, pattern):
        """Waits for a whole line on stderr that matches; returns the match."""
        while True:
            for line in self.said.split("\n")[:-1]:
                if found := re.search(pattern, line):
                    return found
            if not self._read_more():
                raise AssertionError(f"never said {pattern!r}, but:\n{self.said}")

    def stop(self, number=signal.SIGTERM):
        """Sends the signal; returns the exit code and all of stdout."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        while self._read_more():
            pass
        return self.process.wait(PATIENCE), self.process.stdout.read().decode()


class Server(Program):
    """`weir serve`, listening."""

    def __init__(self, handler, *options, listen=("127.0.0.1:0",), before=(), program=None,
                 count=None, **rest):
        addresses = [word for each in listen for word in ("--listen", each)]
        super().__init__([*before, program or TOOL, "serve", handler, *addresses, *options],
                         **rest)
        self.addresses = []
        count = count or len(listen)
        try:
            while len(self.addresses) < count:
                self._note_addresses()
                if len(self.addresses) < count and not self._read_more():
                    raise AssertionError(f"it did not start:\n{self.said}")
        except AssertionError:
            self.__exit__()
            raise

    def _note_addresses(self):
        lines = [line for line in self.said.split("\n")[:-1] if "listening" in line]
        self.addresses = list(dict.fromkeys(ADDRESS.findall("\n".join(lines))))

    @property
    def address(self):
        return self.addresses[0]

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])
