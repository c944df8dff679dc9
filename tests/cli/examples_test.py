"""The example programs, as a reader would try them."""
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import unittest

from tool import EXAMPLES, MODELS, PATIENCE, Program, available, connect, eventually, free_port
from tool import receive_all, receive_exactly


def answers(address):
    try:
        connect(address).close()
        return True
    except OSError:
        return False


class Example(Program):
    """An example that serves; its first argument is where it listens."""

    def __init__(self, name, *arguments, environment=None):
        super().__init__([os.path.join(EXAMPLES, name), *arguments], environment)

    def wait_until_it_listens_on(self, address):
        if not eventually(lambda: self.process.poll() is not None or answers(address)):
            raise AssertionError("it does not listen")
        if self.process.poll() is not None:
            raise AssertionError("it has ended: " + self.process.stderr.read().decode())


class Chat(unittest.TestCase):
    def check_broadcast(self, model):
        address = f"127.0.0.1:{free_port()}"
        with Example("chat", address, environment={"WEIR_MODEL": model}) as chat:
            chat.wait_until_it_listens_on(address)
            with connect(address) as alice, connect(address) as bob, connect(address) as carol:
                # Whoever has heard a line of the others is in the room.
                for speaker, hearers in ((alice, (bob, carol)), (bob, (alice, carol))):
                    heard = {hearer: b"" for hearer in hearers}

                    def all_heard():
                        speaker.sendall(b"hello\n")
                        for hearer in hearers:
                            hearer.setblocking(False)
                            try:
                                heard[hearer] += hearer.recv(65536)
                            except BlockingIOError:
                                pass
                            hearer.settimeout(PATIENCE)
                        return all(b": hello\n" in text for text in heard.values())

                    self.assertTrue(eventually(all_heard), heard)
            chat.process.send_signal(signal.SIGTERM)
            chat.process.wait(PATIENCE)

    def test_on_every_model_whose_clients_share_memory(self):
        for model in self.models_that_share_memory():
            with self.subTest(model=model):
                self.check_broadcast(model)

    def models_that_share_memory(self):
        for model in MODELS:
            # One serves a client at a time, the other each in a process of its own.
            if model not in ("iterative", "fork") and available(model):
                yield model

    def test_who_does_not_read_is_thrown_out_and_nobody_waits_for_him(self):
        for model in self.models_that_share_memory():
            with self.subTest(model=model):
                self.check_slow_reader(model)

    def check_slow_reader(self, model):
        address = f"127.0.0.1:{free_port()}"
        with Example("chat", address, environment={"WEIR_MODEL": model}) as chat:
            chat.wait_until_it_listens_on(address)
            with connect(address) as alice, connect(address) as bob, connect(address) as sloth:
                line = b"x" * 1000 + b"\n"
                ended = select.poll()
                ended.register(sloth, select.POLLERR | select.POLLHUP)
                bob.setblocking(False)

                def thrown_out():
                    for _ in range(50):
                        alice.sendall(line)
                    try:
                        while bob.recv(1 << 20):
                            pass
                    except BlockingIOError:
                        pass
                    return ended.poll(0)

                self.assertTrue(eventually(thrown_out))
                bob.settimeout(PATIENCE)
                alice.sendall(b"the last word\n")
                heard = b""
                while b": the last word\n" not in heard:
                    heard += bob.recv(65536)
                self.assertIsNone(chat.process.poll())
            chat.process.send_signal(signal.SIGTERM)
            chat.process.wait(PATIENCE)


class Echo(unittest.TestCase):
    def test_is_the_program_of_the_readme(self):
        # Its address is fixed, as it is in the text.
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", 7000))
            except OSError:
                self.skipTest("port 7000 is taken")
        with Example("echo") as echo:
            echo.wait_until_it_listens_on("127.0.0.1:7000")
            done = subprocess.run(["nc", "-N", "127.0.0.1", "7000"], input=b"hello\n",
                                  capture_output=True, timeout=PATIENCE)
            self.assertEqual(done.stdout, b"hello\n")


@unittest.skipUnless(shutil.which("socat"), "socat is not installed")
class Proxy(unittest.TestCase):
    def test_stands_before_a_server_that_nobody_here_wrote(self):
        upstream_port = free_port()
        address = f"127.0.0.1:{free_port()}"
        upstream = f"127.0.0.1:{upstream_port}"
        socat = subprocess.Popen(["socat", f"TCP-LISTEN:{upstream_port},fork,reuseaddr,"
                                  "bind=127.0.0.1", "EXEC:cat"])
        try:
            self.assertTrue(eventually(lambda: answers(upstream)))
            with Example("proxy", address, upstream) as proxy:
                proxy.wait_until_it_listens_on(address)
                with connect(address) as client:
                    client.sendall(b"through and back")
                    self.assertEqual(receive_exactly(client, 16), b"through and back")
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(receive_all(client), b"")
        finally:
            socat.terminate()
            socat.wait()

    def test_passes_a_reset_on_as_a_reset_in_both_directions(self):
        address = f"127.0.0.1:{free_port()}"
        at_once = struct.pack("ii", 1, 0)  # l_onoff, l_linger: close() sends a reset (socket(7)).
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(PATIENCE)
            with Example("proxy", address, "127.0.0.1:%d" % listener.getsockname()[1]) as proxy:
                proxy.wait_until_it_listens_on(address)
                listener.accept()[0].close()  # For the connection that asked whether it listens.
                for client_breaks in (False, True):
                    client = connect(address)
                    server = listener.accept()[0]
                    server.settimeout(PATIENCE)
                    client.sendall(b"hello")
                    self.assertEqual(receive_exactly(server, 5), b"hello")
                    server.sendall(b"half an answ")
                    self.assertEqual(receive_exactly(client, 12), b"half an answ")
                    breaks, hears = (client, server) if client_breaks else (server, client)
                    breaks.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                    breaks.close()
                    with hears, self.assertRaises(ConnectionResetError):
                        hears.recv(1)


if __name__ == "__main__":
    unittest.main()
