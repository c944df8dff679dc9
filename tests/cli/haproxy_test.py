"""HAProxy in front of two servers: the way to more than one machine, as docs/DEPLOY.md has it.

The configuration is deploy/haproxy.cfg itself, with other addresses. A request is a connection of
its own: connect, send, receive the same, close. What an operator does to the servers under load
must cost not one of them.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import tempfile
import threading
import unittest

from service import REAPED, SHAPES, Service, adopt_orphans, in_full, listening_sockets
from tool import MODELS, PATIENCE, Program, Server, connect, eventually, free_port, \
    receive_exactly

CONFIGURATION = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "haproxy.cfg"
FULL = in_full()
BEHIND_PROXY = ("--proxy-from", "127.0.0.1", "--proxy-only", "--totals", "json")


def setUpModule():
    adopt_orphans()


class HAProxy(Program):
    """HAProxy, running, with deploy/haproxy.cfg between a port of ours and two servers."""

    def __init__(self, directory, servers, *changes):
        self.admin = os.path.join(directory, "admin.sock")
        self.address = f"127.0.0.1:{free_port()}"
        text = CONFIGURATION.read_text()
        for old, new in (("/run/haproxy/admin.sock", self.admin),
                         ("10.0.0.1:7000", self.address),
                         ("10.0.0.11:7000", servers[0]),
                         ("10.0.0.12:7000", servers[1]), *changes):
            assert old in text, old
            text = text.replace(old, new)
        path = os.path.join(directory, "haproxy.cfg")
        pathlib.Path(path).write_text(text)
        super().__init__(["haproxy", "-db", "-f", path])
        if not eventually(lambda: self.states() == ["UP", "UP"] and self.has_checked()):
            raise AssertionError(f"HAProxy does not see both servers:\n{self.said}")

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(PATIENCE)
            admin.connect(self.admin)
            admin.sendall(command.encode() + b"\n")
            answer = b""
            while part := admin.recv(65536):
                answer += part
        return answer.decode()

    def table(self):
        """What HAProxy knows of both servers: for each its columns."""
        lines = self.ask("show stat").lstrip("# ").splitlines()
        names = lines[0].split(",")
        rows = [dict(zip(names, line.split(","))) for line in lines[1:] if line]
        return [row for row in rows if row["pxname"] == "weir" and row["svname"] != "BACKEND"]

    def states(self):
        try:
            return [row["status"].split()[0] for row in self.table()]
        except OSError:
            return []  # It does not listen yet.

    def has_checked(self):
        return all("L4OK" in row["check_status"] for row in self.table())

    def served_by(self, number):
        """Connections that this server has had so far, without checks."""
        return int(self.table()[number]["stot"])

    def is_idle(self, number):
        return self.table()[number]["scur"] == "0"

    def take_out(self, number):
        """No new connection goes there; returns when the last old one has ended."""
        self.ask(f"set server weir/{('one', 'two')[number]} state drain")
        return eventually(lambda: self.is_idle(number))

    def put_back(self, number):
        self.ask(f"set server weir/{('one', 'two')[number]} state ready")
        return eventually(lambda: self.states()[number] == "UP")


class Load:
    """Clients that ask without a pause, and count what they get."""

    def __init__(self, address, clients=4):
        self.address = address
        self.served = 0
        self.failures = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(seed,))
                        for seed in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, seed):
        chance = random.Random(seed)
        while not self.over.is_set():
            data = chance.randbytes(chance.choice((1, 100, 5_000, 100_000)))
            try:
                with connect(self.address) as client:
                    client.sendall(data)
                    got = receive_exactly(client, len(data))
                failure = None if got == data else f"{len(got)} of {len(data)} bytes, or others"
            except OSError as error:
                failure = repr(error)
            with self.lock:
                if failure is None:
                    self.served += 1
                else:
                    self.failures.append(failure)

    def goes_on(self, requests=200):
        """Whether that many more are served."""
        goal = self.served + requests
        return eventually(lambda: self.served >= goal)


@unittest.skipUnless(shutil.which("haproxy"), "haproxy is not installed")
class TwoServers(unittest.TestCase):
    def start(self, address="127.0.0.1:0", *options):
        server = Server("echo", *BEHIND_PROXY, "--drain", "10000", *options, listen=(address,))
        self.addCleanup(server.__exit__)
        return server

    def proxy(self, servers, *changes):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        proxy = HAProxy(scratch.name, [server.address for server in servers], *changes)
        self.addCleanup(proxy.__exit__)
        return proxy

    def stop(self, server):
        code, out = server.stop()
        totals = json.loads(out.splitlines()[-1])
        self.assertEqual(totals["accepted"], totals["closed"])
        self.assertEqual(totals["proxy_invalid"], 0, server.said)
        return code, totals

    def operate(self, changes, *options):
        """Each server in turn is taken out, stopped, started again and put back, under load."""
        servers = [self.start("127.0.0.1:0", *options), self.start("127.0.0.1:0", *options)]
        proxy = self.proxy(servers, *changes)
        drained = 0
        with Load(proxy.address) as load:
            for number in (0, 1) * (3 if FULL else 1):
                self.assertTrue(load.goes_on())
                address = servers[number].address
                self.assertTrue(proxy.take_out(number), "it does not become idle")
                code, totals = self.stop(servers[number])
                self.assertEqual(code, 0, servers[number].said)
                self.assertEqual(totals["cut"], 0)
                self.assertGreater(totals["accepted"], 0)
                drained += 1
                self.assertTrue(load.goes_on(), "the other serves alone")
                servers[number] = self.start(address, *options)
                self.assertTrue(proxy.put_back(number), proxy.states())
            self.assertTrue(load.goes_on())
        print(f"\n{load.served} requests, {len(load.failures)} failed, over {drained} drains and "
              f"starts: {' '.join(options) or 'automatic'}, "
              f"{changes[0][1] if changes else 'send-proxy-v2 with crc32c'}", flush=True)
        self.assertEqual(load.failures, [])
        for server in servers:
            self.stop(server)
        self.doCleanups()

    def test_one_after_the_other_is_drained_and_started_again_without_a_failed_request(self):
        self.operate(())

    def test_the_same_with_headers_of_version_1(self):
        self.operate((("send-proxy-v2 proxy-v2-options crc32c", "send-proxy"),))

    def restart(self, *options, restarts):
        """One server restarts by SIGUSR2 again and again, under load, and stays in."""
        service = Service("echo", *BEHIND_PROXY, *options)
        self.addCleanup(service.__exit__)
        other = self.start()
        proxy = self.proxy([service, other])
        sockets, processes = listening_sockets(service.main), [service.main]
        with Load(proxy.address) as load:
            for _ in range(restarts):
                self.assertTrue(load.goes_on())
                old = service.restart()
                self.assertIn(service.exit_code(old), (0, REAPED), service.said)
                self.assertNotIn(service.main, processes, "a new process serves")
                processes.append(service.main)
                self.assertEqual(listening_sockets(service.main), sockets)
                before = proxy.served_by(0)  # From here on by the new one alone.
                self.assertTrue(load.goes_on())
                self.assertGreater(proxy.served_by(0), before)
                self.assertEqual(proxy.states(), ["UP", "UP"], "no check has failed")
        print(f"\n{load.served} requests, {len(load.failures)} failed, over {restarts} restarts: "
              f"{' '.join(options) or 'automatic'}", flush=True)
        self.assertEqual(load.failures, [])
        self.assertEqual(service.stop(), 0, service.said)
        totals = [json.loads(line) for line in service.process.stdout.read().splitlines()]
        self.assertEqual(len(totals), len(processes))
        for each in totals:
            self.assertGreater(each["accepted"], 0)
            self.assertEqual(each["accepted"], each["closed"])
            self.assertEqual([each[key] for key in ("cut", "proxy_invalid", "lost")], [0, 0, 0])
        self.stop(other)
        self.doCleanups()

    def test_one_restarts_again_and_again_without_a_failed_request(self):
        self.restart(restarts=10 if FULL else 3)

    def test_the_same_with_worker_processes(self):
        self.restart("--workers", "2", "--worker-kind", "process", restarts=10 if FULL else 2)

    @unittest.skipUnless(FULL, "only with WEIR_FULL: restarts on every model")
    def test_one_restarts_on_every_model(self):
        for model in MODELS:
            for shape in SHAPES:
                if model != "iterative":  # HAProxy's checks would wait for its one client.
                    with self.subTest(model=model, shape=shape):
                        self.restart("--model", model, *shape, restarts=3)

    @unittest.skipUnless(FULL, "only with WEIR_FULL: every model")
    def test_the_same_on_every_model(self):
        for model in MODELS:
            if model != "iterative":  # HAProxy's checks would wait for its one client.
                with self.subTest(model=model):
                    self.operate((), "--model", model)

    def test_a_server_that_dies_is_noticed_and_the_other_serves(self):
        servers = [self.start(), self.start()]
        proxy = self.proxy(servers)
        servers[0].process.send_signal(signal.SIGKILL)
        servers[0].process.wait()
        self.assertTrue(eventually(lambda: proxy.states() == ["DOWN", "UP"]), proxy.states())
        with Load(proxy.address) as load:
            self.assertTrue(load.goes_on())
        self.assertEqual(load.failures, [])
        self.start(servers[0].address)
        self.assertTrue(eventually(lambda: proxy.states() == ["UP", "UP"]), proxy.states())

    def test_the_servers_know_the_clients_and_not_the_proxy(self):
        denied = ("--deny", "127.0.0.9")
        servers = [self.start("127.0.0.1:0", *denied), self.start("127.0.0.1:0", *denied)]
        proxy = self.proxy(servers)
        for source, served in (("127.0.0.1", b"hello"), ("127.0.0.9", b""),
                               ("127.0.0.8", b"hello")):
            host, port = proxy.address.split(":")
            with socket.create_connection((host, int(port)), PATIENCE, (source, 0)) as client:
                client.sendall(b"hello")
                try:
                    self.assertEqual(receive_exactly(client, 5), served, source)
                except ConnectionResetError:
                    self.assertEqual(served, b"", source)
        counted = [self.stop(server)[1] for server in servers]
        # A reset that comes while HAProxy still takes itself to be connecting makes it try again.
        self.assertIn(sum(each["proxy_denied"] for each in counted), range(1, 1 + 1 + 3))
        # Its checks are connections of its own (LOCAL), which no list keeps out. They end with a
        # reset, some before the server looks where they come from.
        self.assertGreaterEqual(
            sum(each["accepted"] + each["refused_network"] for each in counted), 3 + 2)

    def test_nobody_goes_past_the_proxy(self):
        servers = [self.start(), self.start()]
        host, port = servers[0].address.split(":")
        with socket.create_connection((host, int(port)), PATIENCE, ("127.0.0.2", 0)) as client:
            self.assertEqual(client.recv(1), b"")
        _, totals = self.stop(servers[0])
        self.assertEqual(totals["refused_network"], 1)

    def test_everything_that_version_2_can_carry(self):
        changes = (("proxy-v2-options crc32c", "proxy-v2-options crc32c,unique-id"),
                   ("bind 127", "unique-id-format %ci-%cp-%Ts-%rt\n    bind 127"))
        servers = [self.start(), self.start()]
        proxy = self.proxy(servers, *changes)
        with Load(proxy.address) as load:
            self.assertTrue(load.goes_on())
        self.assertEqual(load.failures, [])
        for server in servers:
            self.stop(server)


if __name__ == "__main__":
    unittest.main()
