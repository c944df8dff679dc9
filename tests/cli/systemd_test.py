"""What systemd does to a service: socket activation by its own program, sd_notify(3) by a manager
that we play, the watchdog, and the unit files."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import tool
from service import (MODELS, SHAPES, Executable, Manager, Service, adopt_orphans, has,
                     listening_sockets)
from tool import Program, connect, receive_all, receive_exactly

ACTIVATE = "systemd-socket-activate"
UNITS = pathlib.Path(__file__).resolve().parents[2] / "deploy/systemd"


def setUpModule():
    adopt_orphans()


def converse(address, text=b"hello"):
    with connect(address) as client:
        client.sendall(text)
        return receive_exactly(client, len(text))


class Activated(Program):
    """The tool as systemd-socket-activate starts it: when the first client has come."""

    def __init__(self, addresses, *options, activate=(), handler="echo"):
        words = [word for each in addresses for word in ("-l", each.removeprefix("unix:"))]
        super().__init__([ACTIVATE, *activate, *words, os.path.abspath(tool.TOOL), "serve",
                          handler, *options])
        for _ in addresses:
            self.wait_until_said("Listening on")

    @property
    def pid(self):
        return self.process.pid


@unittest.skipUnless(has(ACTIVATE), f"{ACTIVATE} is not installed")
class Activation(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = f"{directory.name}/echo.sock"
        self.address = f"127.0.0.1:{tool.free_port()}"

    def test_serves_the_client_for_whom_it_was_started_on_every_model(self):
        for model in MODELS:
            for shape in SHAPES:
                with self.subTest(model=model, shape=shape), \
                        Activated([self.address], "--model", model, *shape) as server:
                    with connect(self.address) as first:
                        first.sendall(b"first")
                        try:
                            server.wait_until_said("listening on " + self.address)
                        except AssertionError:
                            if "not available here" in server.said:
                                continue
                            raise
                        self.assertEqual(receive_exactly(first, 5), b"first", server.said)
                        # It came before anybody could bound its blocking calls; still it ends.
                        code, _ = server.stop()
                        self.assertEqual(receive_all(first), b"")
                    self.assertEqual(code, 0, server.said)

    def test_without_addresses_serves_every_socket(self):
        with Activated([self.address, f"unix:{self.path}"]) as server:
            for address in (self.address, f"unix:{self.path}"):
                self.assertEqual(converse(address), b"hello", server.said)
            self.assertEqual(server.stop()[0], 0, server.said)
            self.assertTrue(os.path.exists(self.path), "the file is systemd's")

    def test_with_the_same_addresses_serves_these_sockets(self):
        listen = ("--listen", f"unix:{self.path}", "--listen", self.address)
        with Activated([self.address, f"unix:{self.path}"], *listen) as server:
            for address in (self.address, f"unix:{self.path}"):
                self.assertEqual(converse(address), b"hello", server.said)
            self.assertEqual(len(listening_sockets(server.pid)), 2)
            self.assertEqual(server.stop()[0], 0, server.said)
            self.assertTrue(os.path.exists(self.path), "the file is systemd's")

    def test_binds_what_is_missing_and_closes_what_nobody_asked_for(self):
        other = f"127.0.0.1:{tool.free_port()}"
        with Activated([self.address], "--listen", other) as server:
            with self.assertRaises(ConnectionResetError):  # Perhaps before connect() returns.
                with connect(self.address) as first:
                    first.recv(1)
            server.wait_until_said(f"{self.address} was handed to this process, which is not "
                                   "asked to listen there: closed")
            self.assertEqual(converse(other), b"hello", server.said)
            self.assertEqual(server.stop()[0], 0, server.said)

    def test_restarts_with_the_socket_it_was_given(self):
        for shape in SHAPES:
            with self.subTest(shape=shape), \
                    Activated([self.address, f"unix:{self.path}"], *shape) as server:
                self.assertEqual(converse(self.address), b"hello")
                before = listening_sockets(server.pid)
                os.kill(server.pid, signal.SIGUSR2)
                found = server.wait_until_said(r"restart: process (\d+) has taken over")
                successor = int(found.group(1))
                self.assertEqual(server.process.wait(tool.PATIENCE), 0, server.said)
                self.assertEqual(listening_sockets(successor), before)
                for address in (self.address, f"unix:{self.path}"):
                    self.assertEqual(converse(address), b"hello", server.said)
                os.kill(successor, signal.SIGTERM)
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(successor, 0)[1]), 0)
                self.assertTrue(os.path.exists(self.path), "the file is systemd's")
            os.unlink(self.path)

    def test_refuses_a_socket_that_does_not_listen(self):
        for activate, reason in ((["--datagram"], "it is not a stream socket"),
                                 (["--accept"], "it does not listen")):
            with self.subTest(activate=activate), \
                    Activated([self.address], activate=activate) as server:
                if "--datagram" in activate:
                    host, port = self.address.split(":")
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                        client.sendto(b"x", (host, int(port)))
                else:
                    connect(self.address).close()
                line = server.wait_until_said("LISTEN_FDS gives").string
                self.assertIn(reason, line)
                if "--datagram" in activate:
                    self.assertEqual(server.wait()[0], 2)


class Environment(unittest.TestCase):
    def refused(self, variables, *parts):
        done = subprocess.run(["sh", "-c", f"{variables} exec {tool.TOOL} serve echo"],
                              capture_output=True, text=True, timeout=tool.PATIENCE)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_that_is_malformed_is_refused(self):
        self.refused("LISTEN_PID=$$ LISTEN_FDS=some", "LISTEN_FDS", "'some'")
        self.refused("LISTEN_PID=me LISTEN_FDS=1", "LISTEN_PID", "'me'")
        self.refused("LISTEN_PID=$$ LISTEN_FDS=99999999", "LISTEN_FDS", "99999999")
        self.refused("LISTEN_PID=$$ LISTEN_FDS=1", "descriptor 3", "not open")
        self.refused("NOTIFY_SOCKET=relative", "NOTIFY_SOCKET", "'relative'")
        self.refused(f"NOTIFY_SOCKET=/{'x' * 200}", "NOTIFY_SOCKET")

    def test_that_is_meant_for_another_process_is_left_alone(self):
        environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "WEIR_READY_FD": "4"}
        with tool.Server("echo", environment=environment) as server:
            self.assertEqual(converse(server.address), b"hello")

    def test_is_not_passed_on_to_the_successor_as_it_was(self):
        # A second restart has to be as good as the first.
        with Manager() as manager, Service(
                "echo", environment={"NOTIFY_SOCKET": manager.address, "EXTRA": "kept"}) as server:
            for _ in range(2):
                old = server.restart()
                entries = pathlib.Path(f"/proc/{server.main}/environ").read_bytes().split(b"\0")
                names = [entry.split(b"=")[0] for entry in entries if entry]
                self.assertEqual(len(names), len(set(names)))
                self.assertIn(b"EXTRA=kept", entries)
                self.assertIn(f"LISTEN_PID={server.main}".encode(), entries)
                # Or it would reap its successor, and take the exit code with it.
                self.assertEqual(server.exit_code(old), 0, server.said)
            self.assertEqual(server.stop(), 0, server.said)


class Descriptor(unittest.TestCase):
    def listener(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return listener, f"127.0.0.1:{listener.getsockname()[1]}"

    def refused(self, given, number, reason):
        done = subprocess.run(
            [tool.TOOL, "serve", "echo", "--listen", f"fd:{number}"], capture_output=True,
            text=True, timeout=tool.PATIENCE, pass_fds=[given.fileno()] if given else [])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(reason, done.stderr)
        self.assertIn(f"fd:{number}", done.stderr)

    def test_that_listens_is_served_and_handed_over(self):
        listener, address = self.listener()
        number = listener.fileno()
        for shape in SHAPES:
            with self.subTest(shape=shape), \
                    Service("echo", *shape, listen=("127.0.0.1:0", f"fd:{number}"),
                            pass_fds=(number,)) as server:
                self.assertEqual(server.addresses[1], address)
                before = listening_sockets(server.main)
                for _ in range(2):
                    old = server.restart()
                    self.assertEqual(server.exit_code(old), 0, server.said)
                    self.assertEqual(listening_sockets(server.main), before)
                    for each in server.addresses:
                        self.assertEqual(converse(each), b"hello", server.said)
                self.assertEqual(server.stop(), 0, server.said)

    def test_that_cannot_be_accepted_from_is_refused(self):
        listener, address = self.listener()
        with open("/dev/null", "rb") as file:
            self.refused(file, file.fileno(), "it is not a socket")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            self.refused(datagram, datagram.fileno(), "it is not a stream socket")
        with socket.socket() as idle:
            self.refused(idle, idle.fileno(), "it does not listen")
        with connect(address) as client:
            self.refused(client, client.fileno(), "it does not listen")
        self.refused(None, 77, "it is not open")
        for number in ("0", "2", "-1", "x", "", "99999999999"):
            self.refused(None, number, "is not a descriptor from 3 on")

    def test_is_not_taken_twice(self):
        listener, _ = self.listener()
        words = ["--listen", f"fd:{listener.fileno()}"] * 2
        done = subprocess.run([tool.TOOL, "serve", "echo", *words], capture_output=True, text=True,
                              timeout=tool.PATIENCE, pass_fds=[listener.fileno()])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("twice", done.stderr)


class Notification(unittest.TestCase):
    def serve(self, manager, *options, **environment):
        return Service("echo", *options,
                       environment={"NOTIFY_SOCKET": manager.address, **environment})

    def test_says_that_it_is_ready_and_that_it_stops(self):
        for abstract in (False, True):
            for shape in SHAPES:
                with self.subTest(abstract=abstract, shape=shape), Manager(abstract) as manager, \
                        self.serve(manager, *shape) as server:
                    process, lines = manager.wait_for("READY")
                    self.assertEqual(process, server.main)
                    self.assertEqual(lines["READY"], "1")
                    self.assertEqual(lines["MAINPID"], str(server.main))
                    self.assertEqual(converse(server.address), b"hello")
                    self.assertEqual(server.stop(), 0, server.said)
                    said = [lines for _, lines in manager.hear_rest()]
                    self.assertEqual(sum("STOPPING" in lines for lines in said), 1, said)
                    self.assertEqual(sum("READY" in lines for lines in said), 1, said)

    def test_a_restart_makes_another_process_the_main_one(self):
        for shape in SHAPES:
            with self.subTest(shape=shape), Manager() as manager, \
                    self.serve(manager, *shape) as server:
                manager.wait_for("READY")
                before = time.monotonic_ns() // 1000
                old = server.restart()
                process, lines = manager.wait_for("RELOADING")
                self.assertEqual(process, old)
                self.assertLessEqual(before, int(lines["MONOTONIC_USEC"]))
                self.assertLessEqual(int(lines["MONOTONIC_USEC"]), time.monotonic_ns() // 1000)
                process, lines = manager.wait_for("READY")
                self.assertEqual(process, server.main)
                self.assertEqual(lines["MAINPID"], str(server.main))
                # For a manager that believes the main process only.
                process, lines = manager.wait_for("MAINPID")
                self.assertEqual(process, old)
                self.assertEqual((lines["MAINPID"], lines["READY"]), (str(server.main), "1"))
                self.assertEqual(server.exit_code(old), 0, server.said)
                self.assertEqual(server.stop(), 0, server.said)
                said = manager.hear_rest()
                stopping = [process for process, lines in said if "STOPPING" in lines]
                self.assertEqual(stopping, [server.main], "the old one must not end the unit")

    def test_a_restart_that_failed_ends_the_reloading(self):
        with Executable() as program, Manager() as manager, \
                Service("echo", program=program.path,
                        environment={"NOTIFY_SOCKET": manager.address}) as server:
            manager.wait_for("READY")
            program.script("exit 1")
            server.ask()
            self.assertEqual(manager.wait_for("RELOADING")[0], server.main)
            process, lines = manager.wait_for("READY")
            self.assertEqual(process, server.main)
            self.assertNotIn("MAINPID", lines)
            self.assertEqual(server.stop(), 0, server.said)

    def test_a_manager_that_is_not_there_changes_nothing(self):
        with tool.Server("echo", environment={"NOTIFY_SOCKET": "/there/is/nobody"}) as server:
            self.assertEqual(converse(server.address), b"hello")
            self.assertEqual(server.stop()[0], 0, server.said)


class Watchdog(unittest.TestCase):
    INTERVAL = 0.4  # Seconds. Shorter than what a blocking call takes to look up, twice.

    def serve(self, manager, *options, **environment):
        environment = {"NOTIFY_SOCKET": manager.address,
                       "WATCHDOG_USEC": str(int(self.INTERVAL * 1e6)), **environment}
        return Service("echo", *options, environment=environment)

    def test_is_fed_by_every_model_also_after_a_restart(self):
        for model in MODELS:
            for shape in SHAPES:
                with self.subTest(model=model, shape=shape), Manager() as manager:
                    try:
                        server = self.serve(manager, "--model", model, *shape)
                    except AssertionError as error:
                        if "not available here" in str(error):
                            continue
                        raise
                    with server, connect(server.address) as client:
                        # On blocking models: a worker inside a call.
                        client.sendall(b"hello")
                        self.assertEqual(receive_exactly(client, 5), b"hello")
                        for _ in range(2):
                            self.assertEqual(manager.wait_for("WATCHDOG")[0], server.main)
                        old = server.restart()
                        while manager.wait_for("WATCHDOG")[0] != server.main:
                            pass
                        self.assertEqual(receive_all(client), b"")
                        client.close()
                        self.assertEqual(server.exit_code(old), 0, server.said)
                        self.assertEqual(server.stop(), 0, server.said)

    def test_of_another_process_is_not_fed(self):
        with Manager() as manager, self.serve(manager, WATCHDOG_PID="1") as server:
            manager.wait_for("READY")
            time.sleep(3 * self.INTERVAL)
            self.assertEqual(server.stop(), 0, server.said)
            self.assertFalse([lines for _, lines in manager.hear_rest() if "WATCHDOG" in lines])

    def test_is_not_fed_while_one_worker_hangs(self):
        with Manager() as manager, \
                self.serve(manager, "--workers", "2", "--worker-kind", "process") as server:
            manager.wait_for("WATCHDOG")
            children = pathlib.Path(f"/proc/{server.main}/task/{server.main}/children")
            worker = int(children.read_text().split()[0])
            os.kill(worker, signal.SIGSTOP)
            try:
                # What was under way may still come; then there is silence.
                time.sleep(2 * self.INTERVAL)
                manager.hear_rest()
                heard = len(manager.said)
                time.sleep(5 * self.INTERVAL)
                said = manager.hear_rest()[heard:]
                self.assertFalse([lines for _, lines in said if "WATCHDOG" in lines])
            finally:
                os.kill(worker, signal.SIGCONT)
            manager.wait_for("WATCHDOG")
            self.assertEqual(server.stop(), 0, server.said)


class Units(unittest.TestCase):
    @unittest.skipUnless(has("systemd-analyze"), "systemd-analyze is not installed")
    def test_are_what_systemd_takes(self):
        with tempfile.TemporaryDirectory() as directory:
            copies = []
            for unit in sorted(UNITS.iterdir()):
                copies.append(f"{directory}/{unit.name}")
                text = unit.read_text().replace("/usr/bin/weir", os.path.abspath(tool.TOOL))
                pathlib.Path(copies[-1]).write_text(text)
            self.assertEqual(len(copies), 2)
            done = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True,
                                  text=True, timeout=tool.PATIENCE)
            ours = [line for line in done.stderr.splitlines()
                    if directory in line or "weir" in line]
            self.assertEqual((done.returncode, ours), (0, []), done.stderr)

    def test_start_what_the_tool_understands(self):
        text = (UNITS / "weir-echo.service").read_text()
        command = re.search(r"^ExecStart=/usr/bin/weir (.*)$", text, re.M).group(1).split()
        command[command.index("--listen") + 1] = "127.0.0.1:0"
        with Program([tool.TOOL, *command]) as server:
            server.wait_until_said("listening on")
            self.assertEqual(server.stop()[0], 0, server.said)


if __name__ == "__main__":
    unittest.main()
