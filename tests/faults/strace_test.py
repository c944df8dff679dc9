"""A sample of the sweep once more, with an injector that nobody here wrote: strace(1).

The server is the tool's echo, a process of its own; strace fails one of its
system calls. Then: it goes on, the clients get their own bytes or an end, and the next is served.
"""

import errno
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

TOOL = os.environ["WEIR_TOOL"]
STRACE = shutil.which("strace")
PATIENCE = 60

SAID = bytes(range(256)) * 80

# For each model the calls that it makes of its clients' sockets, and a few errors of each.
ACCEPT = ("accept4", ("EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR"))
RECEIVE = ("recvfrom", ("ECONNRESET", "ENOMEM", "ETIMEDOUT"))
SEND = ("sendto", ("ECONNRESET", "EPIPE", "ENOBUFS"))
CLOSE = ("shutdown", ("ENOTCONN",))
CALLS = {
    "iterative": (ACCEPT, RECEIVE, SEND, CLOSE),
    "fork": (ACCEPT, RECEIVE, SEND, ("clone", ("EAGAIN", "ENOMEM"))),
    "threads": (ACCEPT, RECEIVE, SEND, ("clone3", ("EAGAIN",))),
    "nonblocking": (ACCEPT, RECEIVE, SEND, CLOSE),
    "select": (ACCEPT, RECEIVE, SEND, ("pselect6", ("EINTR", "ENOMEM"))),
    "poll": (ACCEPT, RECEIVE, SEND, ("ppoll", ("EINTR", "ENOMEM"))),
    "epoll-lt": (ACCEPT, RECEIVE, SEND, ("epoll_ctl", ("ENOMEM", "ENOSPC")),
                 ("epoll_wait", ("EINTR",))),
    "epoll-et": (ACCEPT, RECEIVE, SEND, ("epoll_ctl", ("ENOMEM", "ENOSPC")),
                 ("epoll_wait", ("EINTR",))),
    "io-uring": (("io_uring_enter", ("EINTR", "EAGAIN")), CLOSE),
}


# What a start needs: a call, an error, which of them, and with which workers. The first thread is
# the watch for stalls, without which a server serves.
PROCESSES = ("--workers", "2", "--worker-kind", "process")
START = (
    ("socket", "EMFILE", 1, ()), ("bind", "EACCES", 1, ()), ("listen", "EADDRINUSE", 1, ()),
    ("getsockname", "ENOBUFS", 1, ()), ("eventfd2", "EMFILE", 1, ()),
    ("clone3", "EAGAIN", 2, ("--workers", "2")), ("clone", "EAGAIN", 2, PROCESSES),
)


class Server:
    """`weir serve echo` under strace."""

    def __init__(self, model, inject):
        self.trace = tempfile.NamedTemporaryFile("r", encoding="utf-8")
        call = inject.split(":")[0]
        command = [STRACE, "-f", "-qq", "-o", self.trace.name,
                   "-e", "trace=" + call, "-e", "inject=" + inject,
                   TOOL, "serve", "echo", "--listen", "127.0.0.1:0", "--model", model]
        # Who is traced cannot be looked over for leaks, which needs ptrace(2) itself.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        self.process = subprocess.Popen(command, env={**os.environ, "ASAN_OPTIONS": asan},
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.said = ""
        self.address = None
        for line in self.process.stdout:
            self.said += line
            if "listening on " in line:
                host, port = line.split("listening on ")[1].split(",")[0].rsplit(":", 1)
                self.address = (host, int(port))
                return

    def stop(self):
        """SIGTERM to the tool itself, which is strace's child."""
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(children, encoding="ascii") as file:
            tracee = int(file.read().split()[0])
        # ThreadSanitizer puts a signal off, and loses it with its thread if that ends just then.
        # The kernel prefers the first thread, but not while strace has stopped it.
        patience = 5 if "TSAN_OPTIONS" in os.environ else PATIENCE
        os.kill(tracee, signal.SIGTERM)
        try:
            rest, _ = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.kill(tracee, signal.SIGTERM)
            rest, _ = self.process.communicate(timeout=PATIENCE)
        self.said += rest
        return self.process.returncode

    def injected(self):
        """How many calls strace has failed."""
        return self.trace.read().count("(INJECTED)")

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()


def everything(client):
    got = b""
    try:
        while piece := client.recv(65536):
            got += piece
    except ConnectionError:
        pass  # It was reset: its right.
    return got


def converse(address):
    """Three clients at a time; what each of them got."""
    clients = [socket.create_connection(address, timeout=PATIENCE) for _ in range(3)]
    for client in clients:
        try:
            client.sendall(SAID)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It was reset while it spoke.
    answers = [everything(client) for client in clients]
    for client in clients:
        client.close()
    return answers


@unittest.skipIf(STRACE is None, "strace is not installed")
class Strace(unittest.TestCase):
    def one(self, model, call, error, nth):
        server = Server(model, f"{call}:error={error}:when={nth}")
        try:
            self.assertIsNotNone(server.address, server.said)
            for answer in converse(server.address):
                self.assertTrue(SAID.startswith(answer), f"{len(answer)} bytes, and wrong ones")
            with socket.create_connection(server.address, timeout=PATIENCE) as client:
                client.sendall(b"the next one")
                client.shutdown(socket.SHUT_WR)
                answer = everything(client)
            # strace counts the calls of each thread and process by itself, so what serves one
            # client alone fails for the next one again, and harms that one.
            if model in ("fork", "threads") and call in ("recvfrom", "sendto"):
                self.assertTrue(b"the next one".startswith(answer), answer)
            else:
                self.assertEqual(answer, b"the next one")
            self.assertIn(server.stop(), (0, 3), server.said)
            return server.injected()
        finally:
            server.kill()
            server.trace.close()

    def test_no_call_that_strace_fails_harms_anybody_but_its_own_connection(self):
        full = os.environ.get("WEIR_FULL", "") not in ("", "0")
        count = 0
        began = time.monotonic()
        for model, calls in CALLS.items():
            for call, errors in calls:
                for error in errors if full else errors[:1]:
                    for nth in (1, 2, 3, 4) if full else (2,):
                        with self.subTest(model=model, call=call, error=error, nth=nth):
                            count += self.one(model, call, error, nth)
        self.assertGreater(count, 20)
        print(f"strace failed {count} calls in {time.monotonic() - began:.0f} s")

    def fails_to_start(self, call, error, nth, workers):
        if error == "EADDRINUSE":
            nth = f"{nth}+"  # Whoever is in the way gets time to go.
        command = [STRACE, "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
                   "-e", f"inject={call}:error={error}:when={nth}", TOOL, "serve", "echo",
                   "--listen", "127.0.0.1:0", "--model", "epoll-et", *workers]
        asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        process = subprocess.Popen(command, env={**os.environ, "ASAN_OPTIONS": asan},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        try:
            said, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
        lines = [line for line in said.splitlines() if "listening on " not in line]
        self.assertEqual(len(lines), 1, said)
        self.assertTrue(lines[0].endswith(os.strerror(getattr(errno, error))) or
                        os.strerror(getattr(errno, error)) + ";" in lines[0], said)
        self.assertEqual(process.returncode, 2, said)

    def test_a_start_that_lacks_a_call_says_so_in_one_line_with_exit_code_2(self):
        for call, error, nth, workers in START:
            if call == "clone3" and "TSAN_OPTIONS" in os.environ:
                nth += 1  # ThreadSanitizer has a thread of its own.
            with self.subTest(call=call, error=error):
                self.fails_to_start(call, error, nth, workers)


if __name__ == "__main__":
    unittest.main()
