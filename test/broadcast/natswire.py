"""The protocol of NATS: what either side says, and a subscriber."""
import socket


def _lines(data):
    """Yields each line, with the bytes of the payload that follows it, and
    where it ends; both sides speak like that."""
    at = 0
    while True:
        end = data.find(b'\r\n', at)
        if end < 0:
            return
        line = bytes(data[at:end])
        words = line.split()
        verb = words[0].upper() if words else b''
        at = end + 2
        payload = b''
        if verb in (b'PUB', b'HPUB', b'MSG', b'HMSG'):
            size = int(words[-1])
            if len(data) < at + size + 2:
                return
            payload = bytes(data[at:at + size])
            at += size + 2
        yield verb, line, payload, at


class Stream:
    """Takes bytes as they come, gives whole operations."""

    def __init__(self):
        self.data = bytearray()

    def feed(self, more):
        """Yields each operation's verb and payload with its bytes."""
        self.data += more
        done = 0
        for verb, _, payload, end in _lines(self.data):
            yield verb, payload, bytes(self.data[done:end])
            done = end
        del self.data[:done]


class Subscription:
    """Yields what is published to |subject|, until the server is gone."""

    def __init__(self, port, subject='__anycable__', options='{}'):
        self.socket = socket.create_connection(('127.0.0.1', port), 10)
        self.stream = Stream()
        self.early = []
        self.socket.sendall(b'CONNECT %s\r\nSUB %s 1\r\nPING\r\n' % (
            options.encode(), subject.encode()))
        while not any(verb == b'PONG' for verb, _ in self.early):
            self.early += self._read()
        self.socket.settimeout(None)

    def _read(self):
        more = self.socket.recv(1 << 16)
        if not more:
            raise ConnectionError('closed')
        found = []
        for verb, payload, whole in self.stream.feed(more):
            if verb == b'PING':
                self.socket.sendall(b'PONG\r\n')
            if verb == b'-ERR':
                raise ConnectionError(whole.decode())
            found.append((verb, payload))
        return found

    def __iter__(self):
        try:
            while True:
                for verb, payload in self.early:
                    if verb == b'MSG':
                        yield payload
                self.early = self._read()
        except OSError:
            pass
        finally:
            self.socket.close()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
