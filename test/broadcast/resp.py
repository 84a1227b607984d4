"""The protocol of Redis: values, a client, and a subscriber."""
import socket


class Incomplete(Exception):
    """The value goes on in bytes that have not come yet."""


class Error(str):
    """A reply that begins with a minus."""


def _line(data, at):
    end = data.find(b'\r\n', at)
    if end < 0:
        raise Incomplete
    return bytes(data[at:end]), end + 2


def parse(data, at=0):
    """The value that begins at |at|, and where it ends."""
    line, at = _line(data, at)
    kind, rest = line[:1], line[1:]
    if kind == b'+':
        return rest.decode(), at
    if kind == b'-':
        return Error(rest.decode()), at
    if kind == b':':
        return int(rest), at
    if kind == b'$':
        if int(rest) < 0:
            return None, at
        end = at + int(rest)
        if len(data) < end + 2:
            raise Incomplete
        return bytes(data[at:end]), end + 2
    if kind == b'*':
        items = []
        for _ in range(int(rest)):
            item, at = parse(data, at)
            items.append(item)
        return items, at
    raise ValueError('no reply: %r' % line[:100])


def encode(*words):
    """A command."""
    out = [b'*%d\r\n' % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        out.append(b'$%d\r\n%s\r\n' % (len(word), word))
    return b''.join(out)


class Values:
    """Takes bytes as they come, gives whole values."""

    def __init__(self):
        self.data = bytearray()

    def feed(self, more):
        """Yields each value with the bytes that it took."""
        self.data += more
        at = 0
        try:
            while at < len(self.data):
                value, end = parse(self.data, at)
                yield value, bytes(self.data[at:end])
                at = end
        except Incomplete:
            pass
        del self.data[:at]


class Client:
    """|where|: a port, or the path of a unix socket."""

    def __init__(self, where, password=None, patience=10):
        if isinstance(where, int):
            self.socket = socket.create_connection(('127.0.0.1', where),
                                                   patience)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(patience)
            self.socket.connect(where)
        self.values = Values()
        self.waiting = []
        if password:
            self.call('AUTH', password)

    def send(self, *words):
        self.socket.sendall(encode(*words))

    def read(self):
        while not self.waiting:
            more = self.socket.recv(1 << 16)
            if not more:
                raise ConnectionError('closed')
            self.waiting += [value for value, _ in self.values.feed(more)]
        return self.waiting.pop(0)

    def call(self, *words):
        self.send(*words)
        reply = self.read()
        if isinstance(reply, Error):
            raise RuntimeError('%s: %s' % (words[0], reply))
        return reply

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()


class Subscription:
    """Yields what is published to |channel|, until the server is gone."""

    def __init__(self, port, channel='__anycable__', password=None):
        self.client = Client(port, password)
        try:
            self.client.call('SUBSCRIBE', channel)
        except OSError:
            self.client.close()
            raise
        self.client.socket.settimeout(None)

    def __iter__(self):
        try:
            while True:
                kind, _, payload = self.client.read()
                if kind == b'message':
                    yield payload
        except (OSError, ValueError):
            pass
        finally:
            self.client.close()

    def close(self):
        try:
            self.client.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
