"""A tap between a client and a server: passes bytes on, and counts frames."""

import contextlib
import socket
import threading

PING, GOAWAY, ACK = 6, 7, 1
PREFACE = 24


class Tap:
    """Listens at |address|; counts the connections, the client's PINGs and
    the server's GOAWAYs."""

    def __init__(self, server):
        host, _, port = server.rpartition(":")
        self.server = (host, int(port))
        self.connections = self.pings = self.goaways = 0
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def wait(self, condition, seconds=60):
        with self.changed:
            if not self.changed.wait_for(condition, seconds):
                raise TimeoutError(
                    f"after {self.connections} connections, {self.pings} "
                    f"pings, {self.goaways} times GOAWAY")

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                with self.changed:
                    self.connections += 1
                    self.changed.notify_all()
                server = socket.create_connection(self.server)
                for side in client, server:
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for source, target, frames in (
                        (client, server, Frames(PREFACE, self._from_client)),
                        (server, client, Frames(0, self._from_server))):
                    threading.Thread(target=pump, daemon=True,
                                     args=(source, target, frames)).start()

    def _from_client(self, kind, flags):
        if kind == PING and not flags & ACK:
            with self.changed:
                self.pings += 1
                self.changed.notify_all()

    def _from_server(self, kind, flags):
        if kind == GOAWAY:
            with self.changed:
                self.goaways += 1
                self.changed.notify_all()


class Frames:
    """Finds frame headers in a stream that begins with |skip| other bytes."""

    def __init__(self, skip, seen):
        self.skip, self.seen, self.head = skip, seen, b""

    def feed(self, data):
        while data:
            if self.skip:
                passed = min(self.skip, len(data))
                self.skip -= passed
                data = data[passed:]
                continue
            wanted = 9 - len(self.head)
            self.head, data = self.head + data[:wanted], data[wanted:]
            if len(self.head) == 9:
                self.skip = int.from_bytes(self.head[:3], "big")
                self.seen(self.head[3], self.head[4])
                self.head = b""


def pump(source, target, frames):
    """One direction; the end, orderly or not, is passed on."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            frames.feed(data)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
