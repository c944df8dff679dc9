"""Servers with known behaviour, for tests of what measures servers."""
import socket
import threading
import time

from tool import PATIENCE


class KnownServer:
    """Calls `serve(socket, server)` on a thread for each client."""

    def __init__(self, serve):
        self.serve = serve
        self.accepted = 0
        self.open = set()
        self.first_request = None
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for client in self.open:
                client.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            with self.lock:
                self.open.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        client.settimeout(PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.serve(client, self)
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(client)
            client.close()


def delayed_echo(seconds):
    def serve(client, _):
        while data := client.recv(65536):
            time.sleep(seconds)
            client.sendall(data)
    return serve


def echo_that_stalls_once(after, seconds):
    """From `after` seconds after its first request nobody is answered for `seconds`."""
    def serve(client, server):
        while data := client.recv(65536):
            with server.lock:
                if server.first_request is None:
                    server.first_request = time.monotonic()
            stalls_at = server.first_request + after
            now = time.monotonic()
            if stalls_at <= now < stalls_at + seconds:
                time.sleep(stalls_at + seconds - now)
            client.sendall(data)
    return serve


def echo_that_spoils(every):
    """One bit of every so many'th receive comes back wrong."""
    def serve(client, _):
        count = 0
        while data := client.recv(65536):
            count += 1
            if count % every == 0:
                data = bytes([data[0] ^ 1]) + data[1:]
            client.sendall(data)
    return serve


def echo_that_adds(client, _):
    while data := client.recv(65536):
        client.sendall(data + b"!")


def echo_that_leaves(after):
    """Closes each connection after so many receives."""
    def serve(client, _):
        for _ in range(after):
            if data := client.recv(65536):
                client.sendall(data)
    return serve


def http(replies):
    """Sends the replies in turn, one for each request; b"" closes."""
    def serve(client, _):
        unread, turn = b"", 0
        while True:
            while b"\r\n\r\n" not in unread:
                data = client.recv(65536)
                if not data:
                    return
                unread += data
            unread = unread.partition(b"\r\n\r\n")[2]
            reply = replies[turn % len(replies)]
            turn += 1
            client.sendall(reply)
            if b"Connection: close" in reply:
                return
    return serve
