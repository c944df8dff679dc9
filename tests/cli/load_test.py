"""`weir load` against servers whose behaviour is known, and `weir report merge`."""
import collections
import json
import math
import os
import signal
import tempfile
import time
import unittest

import known_server
from known_server import KnownServer
from tool import PATIENCE, Program, Server, TOOL, free_port, run

MS = 1_000_000  # Nanoseconds.


def load(address, *options, code=0):
    """The result of `weir load`, which must end with that exit code."""
    words = ["load", address, "--json", *options]
    for option, value in (("--warm-up", "0.1"), ("--duration", "0.5")):
        if option not in options:
            words += [option, value]
    done = run(*words)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}: {done.stderr}{done.stdout[:500]}")
    return json.loads(done.stdout)


def percentile(buckets, percent):
    """The lowest value of the bucket in which that share of all is reached."""
    total = sum(count for _, count in buckets)
    wanted, seen = max(1, math.ceil(percent / 100 * total - 1e-6)), 0
    for value, count in buckets:
        seen += count
        if seen >= wanted:
            return value
    return 0


class RightServers(unittest.TestCase):
    def test_every_reply_of_an_echo_server_is_right(self):
        for options in ([], ["--pipeline", "8"], ["--message", "1"],
                        ["--message", "100k", "--connections", "3"], ["--workers", "2"],
                        ["--rate", "2000"], ["--rate", "2000", "--arrivals", "poisson"],
                        ["--churn"], ["--churn", "--rate", "200"],
                        ["--message", "20k", "--pipeline", "20", "--connections", "2"]):
            with self.subTest(options=options), Server("echo") as server:
                result = load(server.address, *options)
                self.assertEqual(result["errors"], {})
                self.assertGreater(result["requests"], 0)
                self.assertEqual(result["latency"]["count"], result["requests"])
                self.assertGreaterEqual(result["requests_ever"], result["requests"])

    def test_the_generator_runs_on_any_model(self):
        with Server("echo") as server:
            for model in ("threads", "nonblocking", "select", "poll", "epoll-lt", "epoll-et"):
                with self.subTest(model=model):
                    result = load(server.address, "--model", model, "--connections", "5")
                    self.assertEqual(result["errors"], {})
                    self.assertEqual(result["model"], model)

    def test_the_server_counts_the_same(self):
        with Server("echo", "--totals", "json") as server:
            result = load(server.address, "--connections", "7", "--idle", "50",
                          "--message", "100")
            _, out = server.stop()
        totals = json.loads(out)
        self.assertEqual(totals["accepted"], 57)
        self.assertEqual(totals["bytes_received"], 100 * result["requests_ever"])
        self.assertEqual(result["bytes_received"], 100 * result["requests_ever"])

    def test_churn_makes_a_connection_for_each_exchange(self):
        with Server("echo", "--totals", "json") as server:
            result = load(server.address, "--churn", "--connections", "4")
            _, out = server.stop()
        self.assertEqual(json.loads(out)["accepted"], result["requests_ever"])
        self.assertEqual(result["connect"]["count"], result["requests_ever"])

    def test_on_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as directory:
            path = f"unix:{directory}/echo.sock"
            with Server("echo", listen=(path,)):
                self.assertEqual(load(path)["errors"], {})

    def test_the_open_loop_keeps_its_rate(self):
        with Server("echo") as server:
            for kind in ("constant", "poisson"):
                with self.subTest(arrivals=kind):
                    result = load(server.address, "--rate", "1000", "--arrivals", kind,
                                  "--duration", "2")
                    # Poisson: 2,000 with a standard deviation of 45.
                    self.assertAlmostEqual(result["requests"], 2000, delta=300)

    def test_it_tells_people_too(self):
        with Server("echo") as server:
            done = run("load", server.address, "--warm-up", "0", "--duration", "0.3",
                       "--rate", "500")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("requests", "errors    none", "due", "sent", "p99.99", "connect"):
            self.assertIn(word, done.stdout)

    def test_an_interrupt_ends_it_with_what_there_is(self):
        with Server("echo") as server:
            words = [TOOL, "load", server.address, "--json", "--warm-up", "0", "--duration",
                     "3600"]
            with Program(words) as program:
                time.sleep(0.5)
                code, out = program.stop(signal.SIGINT)
        self.assertEqual(code, 0)
        self.assertGreater(json.loads(out)["requests"], 0)
        self.assertLess(json.loads(out)["seconds"], PATIENCE)


class Latencies(unittest.TestCase):
    def test_a_delay_shows_in_full(self):
        with KnownServer(known_server.delayed_echo(0.05)) as server:
            result = load(server.address, "--connections", "4")
        self.assertGreaterEqual(result["latency"]["min"], 50 * MS)
        self.assertGreaterEqual(result["latency"]["p50"], 50 * MS)
        self.assertEqual(result["errors"], {})

    def test_a_stall_shows_in_an_open_loop_and_hides_in_a_closed_one(self):
        stall = known_server.echo_that_stalls_once(1.0, 1.0)
        with KnownServer(stall) as server:
            opened = load(server.address, "--connections", "2", "--rate", "200",
                          "--warm-up", "0", "--duration", "3")
        with KnownServer(stall) as server:
            closed = load(server.address, "--connections", "2", "--warm-up", "0",
                          "--duration", "3")
        # A third of the requests were due while nobody was answered, one in 300 was in flight.
        self.assertGreaterEqual(opened["latency"]["p99"], 500 * MS)
        self.assertGreaterEqual(opened["latency"]["p90"], 200 * MS)
        self.assertLess(opened["service"]["p90"], 200 * MS)
        self.assertLess(closed["latency"]["p99"], 500 * MS)
        self.assertGreaterEqual(closed["latency"]["max"], 900 * MS)

    def test_a_request_without_a_reply_counts_as_long_as_it_was_waited_for(self):
        def silent(client, _):
            while client.recv(65536):
                pass
        with KnownServer(silent) as server:
            result = load(server.address, "--connections", "3", "--warm-up", "0",
                          "--timeout", "0.5", code=1)
        self.assertEqual(result["requests"], 0)
        self.assertEqual(result["errors"], {"no reply": 3})
        self.assertEqual(result["latency"]["count"], 3)
        self.assertGreaterEqual(result["latency"]["min"], 900 * MS)


class WrongServers(unittest.TestCase):
    def errors_of(self, serve, *options):
        with KnownServer(serve) as server:
            return load(server.address, "--connections", "2", *options, code=1)["errors"]

    def test_a_wrong_bit_is_found(self):
        for options in (["--message", "64"], ["--message", "50k"]):
            errors = self.errors_of(known_server.echo_that_spoils(20), *options)
            self.assertGreater(errors["wrong bytes"], 0)

    def test_one_byte_too_many_is_found(self):
        errors = self.errors_of(known_server.echo_that_adds)
        self.assertTrue({"more bytes than were sent", "wrong bytes"} & set(errors), errors)

    def test_a_server_that_closes_is_found_and_connected_to_again(self):
        with KnownServer(known_server.echo_that_leaves(5)) as server:
            result = load(server.address, "--connections", "2", code=1)
            self.assertGreater(server.accepted, 4)
        self.assertTrue({"closed by the server", "connection reset"} & set(result["errors"]))
        self.assertGreater(result["requests"], 10)

    def test_replies_that_change_places_are_found(self):
        def swap(client, _):
            while True:
                data = b""
                while len(data) < 200:
                    part = client.recv(200 - len(data))
                    if not part:
                        return
                    data += part
                client.sendall(data[100:] + data[:100])
        errors = self.errors_of(swap, "--message", "100", "--pipeline", "2")
        self.assertGreater(errors["wrong bytes"], 0)

    def test_idle_connections_that_end_are_found(self):
        def close_the_silent(client, _):
            client.settimeout(0.2)
            while data := client.recv(65536):
                client.sendall(data)
        with KnownServer(close_the_silent) as server:
            result = load(server.address, "--connections", "1", "--idle", "5", code=1)
        self.assertEqual(result["errors"], {"idle connection lost": 5})

    def test_nobody_there(self):
        done = run("load", f"127.0.0.1:{free_port()}")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"^weir: connect to 127\.0\.0\.1:\d+: .*refused\n$")


class Http(unittest.TestCase):
    OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    CHUNKED = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"3\r\nabc\r\n0\r\n\r\n")
    MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
    TO_THE_END = b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nuntil the end"
    BROKEN = b"HELLO\r\n\r\n"

    def load(self, replies, *options, code=0):
        with KnownServer(known_server.http(replies)) as server:
            return load(server.address, "--protocol", "http", "--connections", "2", *options,
                        code=code)

    def test_replies_are_counted_by_status(self):
        result = self.load([self.OK, self.CHUNKED, self.OK, self.MISSING])
        self.assertEqual(set(result["statuses"]), {"200", "404"})
        ratio = result["statuses"]["200"] / result["statuses"]["404"]
        self.assertAlmostEqual(ratio, 3, delta=1)
        self.assertEqual(result["errors"], {})

    def test_pipelined(self):
        result = self.load([self.OK], "--pipeline", "8")
        self.assertEqual(result["errors"], {})
        self.assertGreater(result["requests"], 0)

    def test_a_connection_that_the_server_closes_in_order_is_replaced(self):
        for replies in ([self.OK, self.LAST], [self.TO_THE_END]):
            with self.subTest(replies=replies):
                result = self.load(replies)
                self.assertEqual(result["errors"], {})
                self.assertGreater(result["requests"], 4)
                self.assertGreater(result["connect"]["count"], 4)

    def test_what_is_not_HTTP_is_an_error(self):
        result = self.load([self.OK, self.BROKEN], code=1)
        self.assertTrue(any(kind.startswith("not HTTP") for kind in result["errors"]))

    def test_a_request_from_a_file_goes_out_as_it_is(self):
        seen = []

        def serve(client, _):
            while data := client.recv(65536):
                seen.append(data)
                client.sendall(self.OK)
        request = b"POST /x HTTP/1.1\r\nHost: y\r\nContent-Length: 3\r\n\r\nabc"
        with tempfile.NamedTemporaryFile() as file, KnownServer(serve) as server:
            file.write(request)
            file.flush()
            load(server.address, "--protocol", "http", "--request", "@" + file.name,
                 "--connections", "1")
        self.assertEqual(set(seen), {request})

    def test_a_reply_to_HEAD_has_no_body(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
        result = self.load([head], "--request", "HEAD / HTTP/1.1")
        self.assertEqual(result["errors"], {})


class Merge(unittest.TestCase):
    def merge(self, *results):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for number, result in enumerate(results):
                paths.append(os.path.join(directory, f"{number}.json"))
                with open(paths[-1], "w", encoding="utf-8") as file:
                    json.dump(result, file)
            done = run("report", "merge", "--json", *paths)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_a_merge_equals_one_run_that_saw_all(self):
        with Server("echo") as server:
            parts = [load(server.address, "--seed", str(seed), "--rate", "2000")
                     for seed in (1, 2, 3)]
        merged = self.merge(*parts)
        self.assertEqual(merged["requests"], sum(part["requests"] for part in parts))
        self.assertAlmostEqual(merged["requests_per_s"],
                               sum(part["requests_per_s"] for part in parts))
        self.assertEqual(merged["connections"], sum(part["connections"] for part in parts))
        for which in ("latency", "service", "connect"):
            counts = collections.Counter()
            for part in parts:
                for value, count in part[which]["buckets"]:
                    counts[value] += count
            self.assertEqual(merged[which]["buckets"],
                             [[value, counts[value]] for value in sorted(counts)])
            self.assertEqual(merged[which]["max"], max(part[which]["max"] for part in parts))
            self.assertEqual(merged[which]["min"], min(part[which]["min"] for part in parts))
            for percent in (50, 90, 99, 99.9):
                value = percentile(merged[which]["buckets"], percent)
                self.assertAlmostEqual(merged[which][f"p{percent:g}"], value,
                                       delta=value / 1000 + 1)

    def test_one_result_merged_is_itself(self):
        with Server("echo") as server:
            result = load(server.address, "--workers", "2")
        self.assertEqual(self.merge(result), result)

    def test_what_is_no_result_is_refused(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write('{"hello": 1}')
            file.flush()
            for path in (file.name, "/nonexistent"):
                done = run("report", "merge", path)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


class BadCommandLines(unittest.TestCase):
    def test_each_gets_one_clear_line(self):
        for words, part in ((["nowhere"], "port"), (["127.0.0.1:0"], "port"),
                            (["127.0.0.1:1", "--rate", "0"], "--rate"),
                            (["127.0.0.1:1", "--message", "0"], "--message"),
                            (["127.0.0.1:1", "--workers", "9", "--connections", "3"], "worker"),
                            (["127.0.0.1:1", "--churn", "--pipeline", "2"], "--churn"),
                            (["127.0.0.1:1", "--model", "quick"], "quick"),
                            (["127.0.0.1:1", "--request", "@/nonexistent", "--protocol",
                              "http"], "nonexistent")):
            with self.subTest(words=words):
                done = run("load", *words)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(part, done.stderr)


if __name__ == "__main__":
    unittest.main()
