"""Restart without a lost connection: SIGUSR2, on every model and kind of worker."""
import os
import random
import shutil
import signal
import socket
import tempfile
import threading
import unittest

import churn
import tool
from service import (MODELS, REAPED, SHAPES, Executable, Service, adopt_orphans, in_full,
                     listening_sockets)
from tool import connect, eventually, receive_all, receive_exactly


def setUpModule():
    adopt_orphans()


def available(model):
    return tool.run("serve", "echo", "--model", model, "--listen", "fd:3").stderr.find(
        "not available") < 0


def converse(address, text=b"hello"):
    with connect(address) as client:
        client.sendall(text)
        return receive_exactly(client, len(text))


class Restart(unittest.TestCase):
    def each_shape(self):
        for model in MODELS:
            if not available(model):
                continue
            for shape in SHAPES:
                with self.subTest(model=model, shape=shape):
                    yield "--model", model, *shape

    def test_hands_the_sockets_over_and_ends_idle_clients_in_order(self):
        for options in self.each_shape():
            with Service("echo", *options) as server:
                before = listening_sockets(server.main)
                self.assertEqual(len(before), 1)
                with connect(server.address) as idle:
                    idle.sendall(b"hello")
                    self.assertEqual(receive_exactly(idle, 5), b"hello")
                    old = server.restart()
                    self.assertEqual(converse(server.address), b"hello", server.said)
                    self.assertEqual(receive_all(idle), b"")
                self.assertEqual(server.exit_code(old), 0, server.said)
                self.assertEqual(listening_sockets(server.main), before)
                self.assertEqual(converse(server.address), b"hello", server.said)
                self.assertEqual(server.stop(), 0, server.said)

    def test_lets_the_old_process_finish_what_it_has_begun(self):
        data = random.Random(7).randbytes(6_000_000)
        for options in self.each_shape():
            with Service("echo", *options) as server, connect(server.address) as busy:
                sender = threading.Thread(target=busy.sendall, args=(data,))
                sender.start()
                self.assertEqual(receive_exactly(busy, 1000), data[:1000])
                old = server.restart()
                self.assertEqual(converse(server.address), b"hello", server.said)
                self.assertTrue(receive_exactly(busy, len(data) - 1000) == data[1000:])
                sender.join()
                busy.shutdown(socket.SHUT_WR)
                self.assertEqual(receive_all(busy), b"")
                self.assertEqual(server.exit_code(old), 0, server.said)
                self.assertEqual(server.stop(), 0, server.said)

    def test_serves_in_the_end_whoever_waits_in_the_backlog_of_a_busy_server(self):
        # One client at a time: the others wait where both processes accept.
        with Service("echo", "--model", "iterative") as server:
            with connect(server.address) as first:
                first.sendall(b"first")
                self.assertEqual(receive_exactly(first, 5), b"first")
                waiting = [connect(server.address) for _ in range(20)]
                for client in waiting:
                    client.sendall(b"hello")
                    client.shutdown(socket.SHUT_WR)
                old = server.restart()
                for client in waiting:
                    self.assertEqual(receive_all(client), b"hello", server.said)
                    client.close()
            self.assertEqual(server.exit_code(old), 0, server.said)
            self.assertEqual(server.stop(), 0, server.said)

    def test_of_a_full_server_serves_who_waits_for_room_too(self):
        # io_uring has accepted some of them already: there is no way back into the backlog.
        for options in self.each_shape():
            with Service("echo", *options, "--connections-max", "2") as server:
                full = [connect(server.address) for _ in range(1 if "iterative" in options else 2)]
                for client in full:
                    client.sendall(b"full")
                    self.assertEqual(receive_exactly(client, 4), b"full")
                waiting = [connect(server.address) for _ in range(12)]
                for client in waiting:
                    client.sendall(b"hello")
                    client.shutdown(socket.SHUT_WR)
                old = server.restart()
                for client in full:
                    self.assertEqual(receive_all(client), b"", server.said)
                    client.close()
                for client in waiting:
                    self.assertEqual(receive_all(client), b"hello", server.said)
                    client.close()
                self.assertEqual(server.exit_code(old), 0, server.said)
                self.assertEqual(server.stop(), 0, server.said)

    def test_is_refused_by_process_1(self):
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/echo.sock"
            command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child",
                       tool.TOOL, "serve", "echo", "--listen", f"unix:{path}"]
            with tool.Program(command) as server:
                try:
                    server.wait_until_said("listening")
                except (AssertionError, FileNotFoundError):
                    self.skipTest("no namespaces here: " + server.said.strip())
                children = f"/proc/{server.process.pid}/task/{server.process.pid}/children"
                with open(children, encoding="ascii") as file:
                    first = int(file.read().split()[0])
                os.kill(first, signal.SIGUSR2)
                server.wait_until_said("no restart: process 1 cannot be replaced")
                self.assertEqual(converse(f"unix:{path}"), b"hello")
                os.kill(first, signal.SIGTERM)
                self.assertEqual(server.process.wait(tool.PATIENCE), 0, server.said)

    def test_can_be_done_again_and_again(self):
        with Service("echo", "--workers", "2") as server:
            seen = {server.main}
            for _ in range(4):
                old = server.restart()
                self.assertNotIn(server.main, seen)
                seen.add(server.main)
                self.assertEqual(converse(server.address), b"hello", server.said)
                self.assertEqual(server.exit_code(old), 0, server.said)
            self.assertEqual(server.stop(), 0, server.said)

    def test_can_be_done_again_while_the_first_process_still_drains(self):
        with Service("echo") as server, connect(server.address) as busy:
            data = bytes(6_000_000)
            sender = threading.Thread(target=busy.sendall, args=(data,))
            sender.start()
            self.assertEqual(len(receive_exactly(busy, 10)), 10)
            first, second = server.restart(), server.restart()
            self.assertEqual(server.exit_code(second), REAPED, server.said)
            self.assertIsNone(server.process.poll())
            self.assertEqual(len(receive_exactly(busy, len(data) - 10)), len(data) - 10)
            sender.join()
            busy.shutdown(socket.SHUT_WR)
            self.assertEqual(server.exit_code(first), 0, server.said)
            self.assertEqual(server.stop(), 0, server.said)

    def test_is_refused_while_the_server_drains(self):
        with Service("echo", "--drain", "600000") as server, connect(server.address) as busy:
            sender = threading.Thread(target=busy.sendall, args=(bytes(6_000_000),))
            sender.start()
            self.assertEqual(len(receive_exactly(busy, 10)), 10)
            server.ask(signal.SIGTERM)
            self.assertTrue(eventually(lambda: not listening_sockets(server.main)))
            server.ask(signal.SIGUSR2)
            server.wait_until_said("no restart: the server is stopping")
            receive_exactly(busy, 6_000_000 - 10)
            sender.join()
            busy.close()
            self.assertEqual(server.exit_code(server.main), 0, server.said)

    def test_cuts_what_does_not_end_when_the_restart_drain_is_over(self):
        with Service("chargen", "--restart-drain", "300") as server:
            with connect(server.address) as client:
                self.assertEqual(len(receive_exactly(client, 1000)), 1000)
                old = server.restart()
                self.assertEqual(server.exit_code(old), 3, server.said)
            self.assertEqual(server.stop(), 0, server.said)

    def test_executes_what_stands_at_its_path_by_now(self):
        with Executable() as program, Service("echo", program=program.path) as server:
            self.assertEqual(converse(server.address), b"hello")
            real = os.path.abspath(tool.TOOL)
            program.script(f'shift 2; exec {real} serve daytime "$@"')
            # Until it has heard of it the old one accepts too.
            self.assertEqual(server.exit_code(server.restart()), 0, server.said)
            with connect(server.address) as client:
                self.assertRegex(receive_all(client).decode(), r"\d\d:\d\d")
            self.assertEqual(server.stop(), 0, server.said)

    def test_changes_the_model_while_both_processes_accept(self):
        # The sockets are shared: one process must not take for blocking what the other has made
        # nonblocking, nor the other way round.
        real = os.path.abspath(tool.TOOL)
        for old, new in (("iterative", "epoll-et"), ("threads", "poll"), ("epoll-lt", "iterative"),
                         ("select", "fork")):
            with self.subTest(old=old, new=new), Executable() as program, \
                    Service("echo", "--model", old, program=program.path) as server:
                # A successor that never serves leaves the old one with what it did to the socket.
                command = f"exec {real} serve echo --model {new} --listen 127.0.0.1:0"
                program.script(f"{command} --listen 192.0.2.1:7000")
                server.ask()
                server.wait_until_said("restart failed: .* ended with exit code 2")
                for _ in range(20):
                    self.assertEqual(converse(server.address), b"hello", server.said)
                program.script(command)
                before = server.restart()
                for _ in range(20):
                    self.assertEqual(converse(server.address), b"hello", server.said)
                self.assertEqual(server.exit_code(before), 0, server.said)
                self.assertEqual(server.stop(), 0, server.said)


class Failure(unittest.TestCase):
    """Whatever becomes of the new process, the old one goes on as if nothing had happened."""

    def fails(self, replace, pattern, *options):
        for shape in SHAPES:
            with self.subTest(shape=shape), Executable() as program, \
                    Service("echo", *shape, *options, program=program.path) as server:
                sockets = listening_sockets(server.main)
                with connect(server.address) as client:
                    client.sendall(b"before")
                    self.assertEqual(receive_exactly(client, 6), b"before")
                    replace(program)
                    server.ask()
                    line = server.wait_until_said("restart failed").string
                    self.assertRegex(line, pattern + ".*; this process goes on as before")
                    client.sendall(b"after")
                    self.assertEqual(receive_exactly(client, 5), b"after", server.said)
                self.assertEqual(listening_sockets(server.main), sockets)
                self.assertEqual(converse(server.address), b"hello", server.said)
                program.good()
                old = server.restart()
                self.assertEqual(server.exit_code(old), 0, server.said)
                self.assertEqual(server.said.count("restart failed"), 1, server.said)
                self.assertEqual(server.stop(), 0, server.said)

    def test_it_is_not_there(self):
        self.fails(lambda program: program.missing(), "cannot execute /.*: No such file")

    def test_it_ends_at_once(self):
        self.fails(lambda program: program.script("exit 7"), "ended with exit code 7")

    def test_it_is_killed(self):
        self.fails(lambda program: program.script("kill -9 $$"), "was ended by signal 9")

    def test_it_never_becomes_ready(self):
        self.fails(lambda program: program.script("exec sleep 1000"),
                   "did not say that it is ready", "--restart-ready", "2000")

    def test_it_never_becomes_ready_and_does_not_end_when_asked(self):
        self.fails(lambda program: program.script("trap '' TERM\nwhile :; do sleep 0.1; done"),
                   "did not say that it is ready", "--restart-ready", "2000")

    def test_it_throws_away_what_it_could_say_ready_on(self):
        self.fails(lambda program: program.script("exec 4>&- 5>&- 6>&-; exec sleep 1000"),
                   "did not say that it is ready")

    def test_another_restart_is_refused_meanwhile(self):
        with Executable() as program, Service("echo", program=program.path) as server:
            program.script("exec sleep 1000")
            server.ask()
            server.wait_until_said("restart: process .* starts")
            server.ask()
            server.wait_until_said("no restart: one is under way")
            self.assertEqual(server.stop(), 0, server.said)
            server.wait_until_said("no restart: the server is stopping; process .* is ended")


def descriptors(process):
    """What those of a process lead to, by kind: sockets, pipes and processes."""
    found = set()
    for entry in os.scandir(f"/proc/{process}/fd"):
        try:
            found.add(os.readlink(entry.path))
        except FileNotFoundError:
            pass
    return found


def workers_of(server, besides=()):
    """Worker processes, without the shells and programs that take over."""
    path = f"/proc/{server.main}/task/{server.main}/children"
    with open(path, encoding="ascii") as file:
        return [int(each) for each in file.read().split() if int(each) not in besides]


class Workers(unittest.TestCase):
    def test_keep_nothing_of_their_supervisors(self):
        with Executable() as program, \
                Service("echo", "--workers", "2", "--worker-kind", "process",
                        program=program.path) as server:
            standard = descriptors(server.main)
            standard = {each for each in standard if each.startswith("pipe:")}
            self.assertTrue(eventually(lambda: len(workers_of(server)) == 2))
            before = workers_of(server)
            program.script("exec sleep 1000")
            server.ask()
            successor = int(server.wait_until_said(r"restart: process (\d+) starts")[1])
            os.kill(before[1], signal.SIGKILL)
            server.wait_until_said("it is replaced")
            others = (successor, before[1])
            self.assertTrue(eventually(lambda: len(workers_of(server, others)) == 2))
            for _ in range(10):  # Both serve by now.
                self.assertEqual(converse(server.address), b"hello", server.said)
            for worker in workers_of(server, (successor,)):
                def keeps_nothing(worker=worker):
                    kept = descriptors(worker)
                    pipes = {each for each in kept if each.startswith("pipe:")}
                    return "anon_inode:[pidfd]" not in kept and pipes <= standard
                self.assertTrue(eventually(keeps_nothing), descriptors(worker))
            self.assertEqual(server.stop(), 0, server.said)


class Sockets(unittest.TestCase):
    def test_of_several_addresses_and_a_unix_socket_are_all_handed_over(self):
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/echo.sock"
            listen = ["127.0.0.1:0", "127.0.0.1:0", f"unix:{path}"]
            if tool.has_ipv6():
                listen.append("[::1]:0")
            for shape in SHAPES:
                with self.subTest(shape=shape), Service("echo", *shape, listen=listen) as server:
                    before, file = listening_sockets(server.main), os.stat(path).st_ino
                    self.assertEqual(len(before), len(listen))
                    old = server.restart()
                    self.assertEqual(server.exit_code(old), 0, server.said)
                    self.assertEqual(listening_sockets(server.main), before)
                    self.assertEqual(os.stat(path).st_ino, file)
                    for address in server.addresses:
                        self.assertEqual(converse(address), b"hello", server.said)
                    self.assertEqual(server.stop(), 0, server.said)
                    self.assertFalse(os.path.exists(path), "the last one removes its file")

    def test_of_every_worker_are_handed_over(self):
        for kind in ("thread", "process"):
            with self.subTest(kind=kind), \
                    Service("echo", "--workers", "4", "--worker-kind", kind,
                            "--reuse-port") as server:
                before = listening_sockets(server.main)
                self.assertEqual(len(before), 4)
                for _ in range(2):
                    old = server.restart()
                    self.assertEqual(server.exit_code(old), 0, server.said)
                    self.assertEqual(listening_sockets(server.main), before)
                    # Which socket a client comes to is chance: none of them is without a worker.
                    for _ in range(40):
                        self.assertEqual(converse(server.address), b"hello", server.said)
                self.assertEqual(server.stop(), 0, server.said)

    def test_of_an_address_that_is_not_wanted_any_more_is_closed(self):
        real = os.path.abspath(tool.TOOL)
        with tempfile.TemporaryDirectory() as directory, Executable() as program:
            path = f"{directory}/echo.sock"
            with Service("echo", listen=("127.0.0.1:0", f"unix:{path}"),
                         program=program.path) as server:
                program.script(f"exec {real} serve echo --listen 127.0.0.1:0")
                old = server.restart()
                server.wait_until_said("which is not asked to listen there: closed")
                self.assertEqual(server.exit_code(old), 0, server.said)
                self.assertEqual(converse(server.address), b"hello")
                self.assertEqual(len(listening_sockets(server.main)), 1)
                self.assertFalse(os.path.exists(path))
                self.assertEqual(server.stop(), 0, server.said)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_of_an_address_that_is_not_wanted_any_more_stays_if_the_new_process_fails(self):
        real = os.path.abspath(tool.TOOL)
        with tempfile.TemporaryDirectory() as directory, Executable() as program:
            path = f"{directory}/echo.sock"
            with Service("echo", "--model", "epoll-et", listen=("127.0.0.1:0", f"unix:{path}"),
                         program=program.path) as server:
                # It fails when it has its listeners, and nobody has been served yet.
                program.script("exec strace -D -o /dev/null -e inject=epoll_create1:error=EMFILE "
                               f"{real} serve echo --model epoll-et --listen 127.0.0.1:0")
                server.ask()
                server.wait_until_said("which is not asked to listen there: closed")
                server.wait_until_said("this process goes on as before")
                self.assertEqual(converse(f"unix:{path}"), b"hello", server.said)
                self.assertEqual(server.stop(), 0, server.said)


class Load(unittest.TestCase):
    def test_loses_nobody_under_load(self):
        """500 new connections a second, 100 clients that stay, and restarts all the while."""
        restarts = 50 if in_full() else 3
        for options in (("--model", "epoll-et", "--workers", "2"),
                        ("--workers", "2", "--worker-kind", "process", "--reuse-port")):
            churn.loses_nobody(self, options, restarts)


if __name__ == "__main__":
    unittest.main()
