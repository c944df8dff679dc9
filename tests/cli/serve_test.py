"""`weir serve`, with clients that nobody here wrote: nc, socat and Python's socket."""
import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from tool import (MODELS, PATIENCE, TOOL, Server, available, connect, eventually, free_port,
                  has_ipv6, receive_all, receive_exactly)


def talk(command, data):
    """What a client program prints when it is given `data`."""
    done = subprocess.run(command, input=data, capture_output=True, timeout=PATIENCE)
    return done.stdout


def children(process):
    """In the order of their start."""
    with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
        return [int(each) for each in file.read().split()]


class Echo(unittest.TestCase):
    """RFC 862, on every model."""

    def each_model(self):
        for model in MODELS:
            with self.subTest(model=model):
                try:
                    server = Server("echo", "--model", model)
                except AssertionError as error:
                    if model == "io-uring" and "io_uring" in str(error):
                        continue  # Not available here; `weir models` says why.
                    raise
                with server:
                    yield server
                    code, _ = server.stop()
                    self.assertIn(code, (0, 3), server.said)

    def test_netcat_gets_back_what_it_sends(self):
        data = os.urandom(100_000)
        for server in self.each_model():
            answer = talk(["nc", "-N", "127.0.0.1", str(server.port)], data)
            self.assertEqual(answer, data)

    @unittest.skipUnless(shutil.which("socat"), "socat is not installed")
    def test_socat_gets_back_what_it_sends(self):
        data = os.urandom(3_000_000)
        for server in self.each_model():
            answer = talk(["socat", "-t", str(PATIENCE), "-", "TCP:" + server.address], data)
            self.assertTrue(answer == data)

    def test_python_holds_a_conversation(self):
        for server in self.each_model():
            with connect(server.address) as client:
                for size in (1, 10, 1000, 10_000):
                    client.sendall(b"x" * size)
                    self.assertEqual(receive_exactly(client, size), b"x" * size)
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(client.recv(1), b"")


class Handlers(unittest.TestCase):
    def test_discard_answers_nothing_and_ends_when_the_client_has(self):
        with Server("discard") as server, connect(server.address) as client:
            client.sendall(b"x" * 1_000_000)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(client), b"")

    def test_chargen_sends_the_pattern_of_RFC_864(self):
        with Server("chargen") as server, connect(server.address) as client:
            client.sendall(b"whatever comes in is thrown away")
            lines = receive_exactly(client, 95 * 74 + 74).split(b"\r\n")[:-1]
            ring = bytes(range(32, 127)) * 2
            for number, line in enumerate(lines):
                self.assertEqual(line, ring[number % 95:number % 95 + 72])

    def test_chargen_stops_when_the_client_goes(self):
        with Server("chargen") as server:
            for _ in range(5):
                with connect(server.address) as client:
                    self.assertEqual(len(receive_exactly(client, 100_000)), 100_000)
            code, _ = server.stop()
            self.assertIn(code, (0, 3), server.said)

    def test_daytime_tells_the_date_and_closes(self):
        with Server("daytime") as server, connect(server.address) as client:
            line = receive_all(client).decode()
            self.assertTrue(line.endswith("\r\n"), line)
            now = datetime.datetime.now(datetime.timezone.utc)
            self.assertIn(str(now.year), line)

    def test_time_tells_the_seconds_since_1900_and_closes(self):
        with Server("time") as server, connect(server.address) as client:
            data = receive_all(client)
            self.assertEqual(len(data), 4)
            seconds = struct.unpack("!I", data)[0]
            now = int(time.time()) + 2_208_988_800
            self.assertLess(abs((now - seconds) % 2**32), 60)


class Listening(unittest.TestCase):
    def test_on_several_addresses_at_once(self):
        with tempfile.TemporaryDirectory() as directory:
            path = f"unix:{directory}/echo.sock"
            second = "[::1]:0" if has_ipv6() else "127.0.0.1:0"
            with Server("echo", listen=("127.0.0.1:0", second, path)) as server:
                self.assertEqual(len(server.addresses), 3, server.said)
                for address in server.addresses:
                    with connect(address) as client:
                        client.sendall(b"hello")
                        self.assertEqual(receive_exactly(client, 5), b"hello")

    @unittest.skipUnless(shutil.which("socat"), "socat is not installed")
    def test_on_a_unix_socket_for_socat(self):
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/echo.sock"
            with Server("echo", listen=(f"unix:{path}",)):
                answer = talk(["socat", "-t", str(PATIENCE), "-", f"UNIX:{path}"], b"hello")
                self.assertEqual(answer, b"hello")

    def test_with_workers_of_both_kinds(self):
        for kind in ("thread", "process"):
            with self.subTest(kind=kind):
                with Server("echo", "--workers", "2", "--worker-kind", kind) as server:
                    for _ in range(20):
                        with connect(server.address) as client:
                            client.sendall(b"hello")
                            self.assertEqual(receive_exactly(client, 5), b"hello")
                    code, _ = server.stop()
                    self.assertIn(code, (0, 3), server.said)


class Life(unittest.TestCase):
    def test_interrupt_and_terminate_end_it_with_exit_code_zero(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for model in ("iterative", "fork", "threads", "poll", "epoll-et"):
                with self.subTest(signal=number, model=model):
                    with Server("echo", "--model", model) as server:
                        with connect(server.address) as client:
                            client.sendall(b"hello")
                            client.shutdown(socket.SHUT_WR)
                            self.assertEqual(receive_all(client), b"hello")
                        code, _ = server.stop(number)
                        self.assertEqual(code, 0, server.said)

    def test_an_ignored_SIGCHLD_that_it_inherits_changes_nothing(self):
        with Server("echo", "--model", "fork", "--connections-max", "2", "--totals", "json",
                    before=("env", "--ignore-signal=CHLD")) as server:
            for _ in range(5):
                with connect(server.address) as client:
                    client.sendall(b"hello")
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(receive_all(client), b"hello")
            code, said = server.stop()
            self.assertEqual(code, 0, server.said)
            self.assertEqual(json.loads(said)["ended"], 5)

    def test_it_starts_again_at_once_where_it_was_killed(self):
        """The kernel takes the rings of a process down when its parent knows of its end already."""
        with tempfile.TemporaryDirectory() as directory:
            for model in filter(available, MODELS):
                addresses = [f"127.0.0.1:{free_port()}", f"unix:{directory}/{model}"]
                for _ in range(6):
                    with self.subTest(model=model), contextlib.ExitStack() as stack:
                        server = stack.enter_context(
                            Server("echo", "--model", model, listen=addresses))
                        for address in addresses if model != "iterative" else addresses[:1]:
                            client = stack.enter_context(connect(address))
                            client.sendall(b"hello")
                            self.assertEqual(receive_exactly(client, 5), b"hello")
                        server.stop(signal.SIGKILL)

    def test_it_says_where_it_listens_with_which_model_and_why(self):
        with Server("echo", "--model", "poll") as server:
            line = server.wait_until_said("listening").string
            self.assertIn("poll", server.said)
            self.assertIn(server.address, line)
        with Server("echo") as server:
            self.assertRegex(server.said, "io-uring|epoll-et")

    def test_statistics_name_the_workers_that_did_not_answer_in_time(self):
        with Server("echo", "--workers", "2", "--worker-kind", "process") as server:
            server.process.send_signal(signal.SIGUSR1)
            server.process.stdout.readline()
            self.assertNotIn("no answer", server.said)
            stopped = children(server.process.pid)[1]
            os.kill(stopped, signal.SIGSTOP)
            server.process.send_signal(signal.SIGUSR1)
            server.wait_until_said("statistics: no answer from worker 1 in time")
            os.kill(stopped, signal.SIGCONT)
            self.assertEqual(server.stop()[0], 0, server.said)

    def test_what_a_killed_worker_had_is_called_lost_everywhere(self):
        with Server("echo", "--worker-kind", "process", "--drain", "0") as server, \
                connect(server.address) as client:
            client.sendall(b"hello")
            self.assertEqual(receive_exactly(client, 5), b"hello")
            os.kill(children(server.process.pid)[0], signal.SIGSTOP)
            self.assertEqual(server.stop()[0], 3, server.said)
            self.assertIn("0 connections were cut, 1 were lost with workers that had to be killed",
                          server.said)
            self.assertRegex(server.said, r"served 1 connections .* 0 cut, 1 lost")

    def test_it_says_the_totals_at_the_end(self):
        with Server("echo", "--model", "poll", "--totals", "json") as server:
            for _ in range(3):
                with connect(server.address) as client:
                    client.sendall(b"hello")
                    client.shutdown(socket.SHUT_WR)
                    receive_all(client)
            code, out = server.stop()
            self.assertEqual(code, 0, server.said)
            self.assertIn("served 3 connections", server.said)
            totals = json.loads(out)
            self.assertEqual(totals["model"], "poll")
            self.assertEqual(totals["accepted"], 3)
            self.assertEqual(totals["closed"], 3)
            self.assertEqual(totals["bytes_received"], 15)
            self.assertEqual(totals["bytes_sent"], 15)

    def test_the_statistics_have_every_field_and_the_documents_tell_of_each(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(f"{root}/include/weir/statistics.h", encoding="utf-8") as file:
            fields = re.findall(r"std::uint64_t (\w+) = 0;", file.read())
        with open(f"{root}/docs/LIMITS.md", encoding="utf-8") as file:
            told = set(re.findall(r"`(\w+)`", file.read()))
        self.assertIn("stalls", fields)
        with Server("echo", "--model", "poll") as server:
            with connect(server.address) as client:
                client.sendall(b"hello")
                self.assertEqual(receive_exactly(client, 5), b"hello")
                server.process.send_signal(signal.SIGUSR1)
                keys = json.loads(server.process.stdout.readline())
        for field in fields:
            self.assertIn(field, keys)
        for key in keys:
            self.assertIn(key, told)
        self.assertEqual(keys["accepted"], 1)
        self.assertEqual(keys["open"], 1)
        self.assertEqual(keys["bytes_sent"], 5)

    def refused_by(self, log):
        """A server that has filled its one place, and writes a line about it to `log`."""
        process = subprocess.Popen(
            [TOOL, "serve", "echo", "--listen", f"127.0.0.1:{free_port()}", "--connections-max",
             "1", "--overload", "reject"], stdout=subprocess.DEVNULL, stderr=log)
        self.addCleanup(process.kill)
        address = process.args[4]

        def is_served():
            try:
                with connect(address) as client:
                    client.sendall(b"x")
                    return receive_exactly(client, 1) == b"x"
            except OSError:
                return False

        self.assertTrue(eventually(is_served))
        return process, address

    def test_a_log_that_nobody_reads_holds_nobody_up(self):
        reader, writer = os.pipe()
        process, address = self.refused_by(writer)
        os.set_blocking(writer, False)
        for piece in (b"." * 1024, b"."):  # To the brim.
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writer, piece)
        os.set_blocking(writer, True)
        with connect(address) as first:
            first.sendall(b"hello")
            self.assertEqual(receive_exactly(first, 5), b"hello")
            with connect(address) as second:  # There is a line about it.
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(receive_all(second), b"")
            first.sendall(b"again")
            self.assertEqual(receive_exactly(first, 5), b"again")
        os.read(reader, 65536)  # Now there is room again, and the next line tells of the others.
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        os.close(writer)
        with open(reader, "rb") as rest:
            said = rest.read().decode(errors="replace")
        self.assertRegex(said, r"weir: \d+ lines were lost, because nobody read them")

    def test_a_log_whose_reader_is_gone_ends_nobody(self):
        reader, writer = os.pipe()
        process, address = self.refused_by(writer)
        os.close(writer)
        os.close(reader)
        with connect(address) as first, connect(address) as second:
            with contextlib.suppress(ConnectionResetError):
                receive_all(second)
            first.sendall(b"hello")
            self.assertEqual(receive_exactly(first, 5), b"hello")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)

    def test_the_totals_of_processes_are_summed_up(self):
        for options in (("--model", "fork"), ("--model", "poll", "--workers", "2",
                                              "--worker-kind", "process")):
            with self.subTest(options=options):
                with Server("echo", *options, "--totals", "json") as server:
                    for _ in range(10):
                        with connect(server.address) as client:
                            client.sendall(b"hello")
                            client.shutdown(socket.SHUT_WR)
                            receive_all(client)
                    _, out = server.stop()
                    totals = json.loads(out)
                    self.assertEqual(totals["accepted"], 10, server.said)
                    self.assertEqual(totals["closed"], 10, server.said)
                    self.assertEqual(totals["bytes_sent"], 50, server.said)

    def test_the_environment_chooses_the_model(self):
        with Server("echo", environment={"WEIR_MODEL": "select"}) as server:
            self.assertIn("select", server.said)
            self.assertIn("WEIR_MODEL", server.said)


if __name__ == "__main__":
    unittest.main()
