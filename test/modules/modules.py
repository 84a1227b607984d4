"""What the tests of the modules share: the program that publishes, and ends of
connections."""
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

PUBLISHER = os.environ["MODULES_PUBLISHER"]
# A sanitizer must not look like an exit status of the program's own.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "exitcode=99"}
SLOW = 4 if os.environ.get("SAN") else 1  # sanitizers take their time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Publisher:
    """The program, and the lines that it has printed."""

    def __init__(self, *arguments, env=None):
        self.lines = []
        self.quiet = False
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            [PUBLISHER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**ENVIRONMENT, **(env or {})},
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def send(self, command):
        self.quiet = self.quiet or command == "quiet"
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def wait_for(self, prefix, count=1, timeout=20):
        """The rest of the |count|th line that begins with |prefix|."""
        end = time.monotonic() + timeout * SLOW
        with self.changed:
            while True:
                found = [l for l in self.lines if l.startswith(prefix)]
                if len(found) >= count:
                    return found[count - 1][len(prefix):].strip()
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(
                        f"no {count} {prefix!r} in {self.lines[-20:]}"
                    )
                self.changed.wait(left)

    def ask(self, command, prefix):
        """The answer to |command|."""
        with self.changed:
            before = sum(l.startswith(prefix) for l in self.lines)
        self.send(command)
        return self.wait_for(prefix, before + 1)

    def counts(self):
        words = self.ask("counts", "counts").split()
        return {k: int(v) for k, v in (w.split("=") for w in words)}

    def fates(self):
        return [l.split()[1] for l in self.lines if l.startswith("fate ")]

    def check_fates(self):
        """Every message that was taken has had one."""
        taken = sum(int(l.split()[1]) for l in self.lines if l.startswith("taken"))
        if not self.quiet and len(self.fates()) != taken:
            raise AssertionError(f"{taken} messages, {len(self.fates())} fates")

    def end(self):
        """Ends it; how long that took, in seconds."""
        began = time.monotonic()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(30 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join()
        self.process.stdout.close()
        status = self.process.returncode
        if status != (0 if "new 0 " in self.lines else 1):
            raise AssertionError(f"it died with {status}")
        self.check_fates()
        return time.monotonic() - began


class Listener:
    """Accepts connections, and serves each on a thread by |serve|(socket)."""

    def __init__(self, serve, port=0):
        self.serve = serve
        self.accepted = 0
        self.sockets = []
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            self.sockets.append(peer)
            threading.Thread(target=self.run, args=(peer,), daemon=True).start()

    def run(self, peer):
        try:
            self.serve(peer)
        except (OSError, EOFError):
            pass
        peer.close()

    def close(self):
        if self.socket.fileno() < 0:
            return
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Test(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def publisher(self, *arguments, **options):
        publisher = Publisher(*arguments, **options)
        self.addCleanup(publisher.end)
        return publisher

    def listen(self, serve, port=0):
        listener = Listener(serve, port)
        self.addCleanup(listener.close)
        return listener

    def openssl(self, *arguments):
        subprocess.run(
            ["openssl", *arguments],
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def make_certificate(self, name):
        self.openssl(
            *"req -x509 -newkey rsa:2048 -nodes -days 2".split(),
            *f"-keyout {name}.key -out {name}.pem -subj /CN={name}".split(),
            *f"-addext subjectAltName=DNS:{name}".split(),
        )
        return os.path.join(self.folder, name)
