"""A server under measurement: its process, and what it is seen to use."""

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import time

import message

SERVER_CPU, CLIENT_CPU = 0, 1


class Failed(Exception):
    """An answer, or the lack of one, that makes every figure worthless."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """Pinned to one core, and ready when it has sent its SETTINGS, or listens
    where it is |mute|."""

    def __init__(self, name, command, tls=None, wrapper=(), patience=10,
                 mute=False):
        self.name, self.tls, self.mute = name, tls is not None, mute
        self.port = free_port()
        argv = [*wrapper, *command, "--address", f"127.0.0.1:{self.port}",
                "--frame", message.FRAME]
        if tls:
            argv += ["--cert", tls[0], "--key", tls[1]]
        # Inherited: the child is there from its first instruction on.
        os.sched_setaffinity(0, {SERVER_CPU})
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        started = time.perf_counter()
        os.sched_setaffinity(0, {CLIENT_CPU})
        self.pid = self.process.pid
        try:
            self._wait(started + patience)
        except BaseException:
            self.stop()
            raise
        self.ready = time.perf_counter() - started

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _wait(self, until):
        while True:
            try:
                # TLS speaks second: a connection is all that shows.
                self.connect(settings=not (self.tls or self.mute)).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise Failed(f"{self.name} ended at once")
                if time.perf_counter() > until:
                    raise Failed(f"{self.name} does not listen")
                time.sleep(0.0001)

    def connect(self, settings=True):
        """A connection on which both sides have said their SETTINGS."""
        s = socket.create_connection(("127.0.0.1", self.port), 10)
        if settings:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(message.PREFACE
                      + message.frame(message.SETTINGS, 0, 0))
            await_frame(s, message.SETTINGS, 0)
            s.sendall(message.frame(message.SETTINGS, message.ACK, 0))
        return s

    def cpu(self):
        """Seconds of CPU time, user and system, of all threads there were."""
        # The kernel's MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED).
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory(self, key="VmRSS"):
        """KiB from /proc/PID/status: VmRSS now, VmHWM at most."""
        with open(f"/proc/{self.pid}/status") as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        raise Failed(f"{self.name} has no {key}")

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


def await_frame(s, kind, flags):
    """Reads until a frame of |kind| with all of |flags| has come, and none
    that takes a stream or the connection away."""
    while True:
        head = receive(s, 9)
        if head[3] in (message.RST_STREAM, message.GOAWAY):
            raise Failed(f"the server gave up: a frame of type {head[3]}")
        receive(s, int.from_bytes(head[:3], "big"))
        if head[3] == kind and head[4] & flags == flags:
            return


def receive(s, size):
    data = b""
    while len(data) < size:
        part = s.recv(size - len(data))
        if not part:
            raise Failed("the server closed a connection")
        data += part
    return data


def settle(s):
    """Waits until the server has handled all that was sent."""
    s.sendall(message.frame(message.PING, 0, 0, b"settled?"))
    await_frame(s, message.PING, message.ACK)


def held_connections(server, amounts):
    """Pairs of a number of idle connections and the server's memory."""
    seen = []
    with contextlib.ExitStack() as held:
        opened = 0
        for amount in amounts:
            for _ in range(opened, amount):
                settle(held.enter_context(server.connect()))
            opened = amount
            seen.append((amount, server.memory()))
    return seen


def held_streams(server, connections, amounts):
    """Pairs of a number of streams in all and the server's memory, with an
    amount of them on each of |connections|, whose requests never end."""
    seen = []
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(server.connect())
                   for _ in range(connections)]
        opened = 0
        for amount in amounts:
            for s in sockets:
                s.sendall(b"".join(message.open_call(2 * i + 1)
                                   for i in range(opened, amount)))
                settle(s)
            opened = amount
            seen.append((amount * connections, server.memory()))
    return seen


def time_to_ready(name, command, times):
    seen = []
    for _ in range(times):
        with Server(name, command) as server:
            seen.append(server.ready)
    return statistics.median(seen)
