"""Who is let in by `weir serve`, and whose word is taken: curl as one who speaks for others."""
import json
import shutil
import socket
import subprocess
import tempfile
import unittest

from tool import PATIENCE, TOOL, Program, Server, connect, receive_all, run


def totals(server):
    _, out = server.stop()
    return json.loads(out.splitlines()[-1])


class Networks(unittest.TestCase):
    def test_a_denied_client_is_closed_and_counted(self):
        with Server("echo", "--deny", "10.0.0.0/8", "--deny", "127.0.0.1",
                    "--totals", "json") as server:
            with connect(server.address) as client:
                self.assertEqual(receive_all(client), b"")
            self.assertEqual(totals(server)["refused_network"], 1, server.said)

    def test_only_allowed_clients_are_served(self):
        with Server("daytime", "--allow", "127.0.0.0/8") as server, \
                connect(server.address) as client:
            self.assertNotEqual(receive_all(client), b"")
        with Server("daytime", "--allow", "::1") as server, connect(server.address) as client:
            self.assertEqual(receive_all(client), b"")

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_an_address_is_asked_for_once_a_client_and_only_if_a_list_is_set(self):
        for options, expected in (((), 0), (("--deny", "10.0.0.0/8"), 3),
                                  (("--allow", "127.0.0.1", "--connections-per-address", "5"), 3)):
            with self.subTest(options=options), tempfile.NamedTemporaryFile("r") as trace:
                # -D: the server is our child, and strace its.
                command = ["strace", "-D", "-f", "-qq", "-e", "trace=getpeername",
                           "-o", trace.name, TOOL,
                           "serve", "echo", "--listen", "127.0.0.1:0", *options]
                with Program(command) as server:
                    address = server.wait_until_said("listening on ([0-9.:]+)")[1]
                    for _ in range(3):
                        with connect(address) as client:
                            client.sendall(b"hello")
                            client.shutdown(socket.SHUT_WR)
                            self.assertEqual(receive_all(client), b"hello")
                    server.stop()
                self.assertEqual(trace.read().count("getpeername("), expected)

    def test_a_mistake_is_one_line_and_nothing_is_started(self):
        for words, expected in ((("--deny", "10.1.2.3/8"), "the network is 10.0.0.0/8"),
                                (("--allow", "localhost"), "not an IPv4 or IPv6 address"),
                                (("--proxy-from", "10.0.0.0/33"), "from 0 to 32"),
                                (("--allow", "unix:"), "do not hold for unix sockets"),
                                (("--proxy-only",), "proxy_from is empty"),
                                (("--proxy-header", "x"), "not a number")):
            with self.subTest(words=words):
                done = run("serve", "echo", "--listen", "127.0.0.1:0", *words)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(expected, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_help_tells_of_it(self):
        said = run("serve", "--help").stdout
        for option in ("--allow NET", "--deny NET", "--proxy-from NET", "--proxy-only",
                       "--proxy-header MS"):
            self.assertIn(option, said)


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(unittest.TestCase):
    """curl --haproxy-protocol sends a header of version 1. The echo server gives it back to those
    whose word it does not take."""

    def speak(self, server):
        command = ["curl", "-sN", "--haproxy-protocol", "--http0.9", "--max-time", str(PATIENCE),
                   "-o", "-", f"http://{server.address}/path"]
        # An echo is no answer that HTTP knows: curl has read enough when the server closes.
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            return client, client.stdout.read(20)
        finally:
            client.kill()
            client.communicate()

    def test_its_header_is_taken_where_it_is_trusted(self):
        with Server("echo", "--proxy-from", "127.0.0.0/8", "--totals", "json") as server:
            _, answer = self.speak(server)
            self.assertTrue(answer.startswith(b"GET /path HTTP/1.1"), answer)
            counted = totals(server)
            self.assertEqual(counted["proxy_invalid"], 0, server.said)
            self.assertEqual(counted["accepted"], 1)

    def test_its_header_is_bytes_like_others_where_it_is_not(self):
        with Server("echo", "--proxy-from", "10.0.0.0/8") as server:
            _, answer = self.speak(server)
            self.assertTrue(answer.startswith(b"PROXY TCP4 127.0.0.1"), answer)

    def test_it_is_kept_out_by_the_address_that_it_names(self):
        with Server("echo", "--proxy-from", "127.0.0.0/8", "--deny", "127.0.0.1",
                    "--totals", "json") as server:
            _, answer = self.speak(server)
            self.assertEqual(answer, b"")
            self.assertEqual(totals(server)["proxy_denied"], 1, server.said)

    def test_who_sends_no_header_is_ended_and_the_log_says_so_once(self):
        with Server("echo", "--proxy-from", "127.0.0.0/8", "--totals", "json") as server:
            for _ in range(3):
                with connect(server.address) as client:
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    try:
                        self.assertEqual(client.recv(100), b"")
                    except ConnectionResetError:
                        pass
            counted = totals(server)
            self.assertEqual(counted["proxy_invalid"], 3, server.said)
            self.assertEqual(counted["failed"], 3, server.said)
            self.assertEqual(server.said.count("no valid PROXY header"), 1, server.said)


if __name__ == "__main__":
    unittest.main()
