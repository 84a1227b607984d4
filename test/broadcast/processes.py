"""Programs that tests start, and that always end with them; free ports; and
waiting, which is for conditions and never for a time."""
import atexit
import os
import random
import signal
import socket
import subprocess
import sys
import time

PATIENCE = 30

_alive = set()


def _end_all():
    for process in list(_alive):
        process.kill()


# An interrupted run, or one that took too long, leaves nothing behind.
atexit.register(_end_all)
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


def wait_until(condition, what, patience=PATIENCE, pause=0.005):
    """Waits for |condition| to return something true, and returns it."""
    until = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError('waited in vain for ' + (
                what() if callable(what) else what))
        time.sleep(pause)


def free_port():
    """One that nobody uses, below those that the system gives to clients."""
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(('127.0.0.1', port))
                return port
            except OSError:
                pass


class Program:
    """A process. What it says goes to |log|, which is shown if it fails."""

    def __init__(self, test, name, command, env=None, **options):
        self.name, self.command = name, [str(word) for word in command]
        self.path = os.path.join(test.folder, name + '.log')
        self.log = open(self.path, 'ab')
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('stdout', self.log)
        self.process = subprocess.Popen(
            self.command, stderr=self.log,
            env={**os.environ, **(env or {})}, **options)
        _alive.add(self.process)
        test.addCleanup(self.dispose)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()
        _alive.discard(self.process)

    def said(self):
        with open(self.path, errors='replace') as log:
            return log.read()

    def dispose(self):
        self.kill()
        for file in (self.process.stdin, self.process.stdout, self.log):
            if file:
                file.close()
