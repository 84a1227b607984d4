"""A Redis of the test's own, and a client that hears what is published."""

import os
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Redis:
    def __init__(self, *args, port=None):
        self.port = port or free_port()
        self.url = "redis://127.0.0.1:%d" % self.port
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
             "--dir", self.folder.name, *args],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.clients = []
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                return self.client()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def client(self):
        client = Client(self.port)
        self.clients.append(client)
        return client

    def subscriber(self, channel="__anycable__"):
        client = self.client()
        client.ask("SUBSCRIBE", channel)
        return client

    def close(self):
        for client in self.clients:
            client.close()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class Client:
    """Speaks as much of RESP as tests need."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def ask(self, *words):
        words = [os.fsencode(word) for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.read()

    def read(self):
        line = self.file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise AssertionError(rest.decode())
        return rest.decode()

    def messages(self, count):
        return [self.read()[2] for _ in range(count)]
