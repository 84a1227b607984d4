"""A TCP port in front of a server: what comes is passed on while it is open.

A server that is killed may have acknowledged a message and not have sent it to
its subscribers yet: both wait in its buffers, and go out one after the other.
So that each message that counts as published can be demanded of a subscriber,
the gate keeps an acknowledgement back until the subscriber has the message; if
it never gets it, as the server is gone, the publisher never hears of it, as if
it had been lost on the way."""
import socket
import threading
from collections import deque

import natswire
import resp
from processes import free_port


class RedisAcks:
    """What the replies on one connection of a publisher acknowledge."""

    def __init__(self):
        self.commands, self.replies = resp.Values(), resp.Values()
        self.waiting = deque()

    def sent(self, data):
        """Returns the payloads that are published."""
        found = []
        for words, _ in self.commands.feed(data):
            publishes = words[0].upper() in (b'PUBLISH', b'XADD')
            self.waiting.append(words[-1:] if publishes else [])
            found += self.waiting[-1]
        return found

    def answered(self, data):
        """Yields bytes, and the payloads that they acknowledge."""
        for _, whole in self.replies.feed(data):
            yield whole, self.waiting.popleft()


class NatsAcks:
    """PONG acknowledges all that came before its PING."""

    def __init__(self):
        self.said, self.heard = natswire.Stream(), natswire.Stream()
        self.before = []
        self.waiting = deque()

    def sent(self, data):
        found = []
        for verb, payload, _ in self.said.feed(data):
            if verb in (b'PUB', b'HPUB'):
                found.append(payload)
                self.before.append(payload)
            elif verb == b'PING':
                self.waiting.append(self.before)
                self.before = []
        return found

    def answered(self, data):
        for verb, _, whole in self.heard.feed(data):
            pong = verb == b'PONG' and self.waiting
            yield whole, self.waiting.popleft() if pong else []


class Gate:
    """|acks| and |recorder|: whether and where acknowledgements wait. What is
    sent again although its acknowledgement was passed on is in |repeated|."""

    def __init__(self, upstream, acks=None, recorder=None):
        self.upstream, self.acks, self.recorder = upstream, acks, recorder
        self.passed, self.repeated = set(), []
        self.losing, self.lost = False, 0
        self.port = free_port()
        self.lock = threading.Lock()
        self.listener = None
        self.pairs = set()
        self.accepted = 0
        self.withheld = 0

    def open(self):
        self.listener = socket.create_server(('127.0.0.1', self.port))
        threading.Thread(target=self._accept, args=[self.listener],
                         daemon=True).start()

    def close(self):
        """Refuses connections, and breaks those that there are."""
        if self.listener:
            # Closing alone would not wake who accepts.
            try:
                self.listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.listener.close()
            self.listener = None
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self._break(pair)

    def _accept(self, listener):
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            self.accepted += 1
            try:
                server = socket.create_connection(
                    ('127.0.0.1', self.upstream))
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            acks = self.acks() if self.acks else None
            with self.lock:
                self.pairs.add(pair)
            for target in (self._up, self._down):
                threading.Thread(target=target, args=[pair, acks],
                                 daemon=True).start()

    def _break(self, pair):
        with self.lock:
            self.pairs.discard(pair)
        for side in pair:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.close()

    def _up(self, pair, acks):
        client, server = pair
        try:
            while data := client.recv(1 << 16):
                if acks:
                    self.repeated += [payload for payload in acks.sent(data)
                                      if payload in self.passed]
                server.sendall(data)
        except OSError:
            pass
        self._break(pair)

    def lose(self):
        """Breaks a connection when the next message has arrived, and before its
        acknowledgement is passed on."""
        self.losing = True

    def _acknowledge(self, payloads):
        if self.recorder and not all(map(self.recorder.wait_seen, payloads)):
            self.withheld += 1
            raise OSError('nobody received it')
        if payloads and self.losing:
            self.losing = False
            self.lost += 1
            raise OSError('lost on the way')
        self.passed.update(payloads)

    def _down(self, pair, acks):
        client, server = pair
        try:
            while data := server.recv(1 << 16):
                if not acks:
                    client.sendall(data)
                    continue
                for whole, payloads in acks.answered(data):
                    self._acknowledge(payloads)
                    client.sendall(whole)
        except OSError:
            pass
        self._break(pair)
