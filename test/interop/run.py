"""make check-interop: gRPC implementations that are not ours, as clients.

Each client is a program that runs the scenarios it is given by name, on one
channel each, and prints "ok NAME" or "not ok NAME: why". What a scenario proves
is in client_grpc_core.py; the others do the same. A scenario that prints
"running" goes on until it is sent a line: the tap between client and server
knows when enough has happened.
"""

import argparse
import os
import queue
import subprocess
import sys
import threading

from tap import Tap

PLAIN = ["connect", "reject", "command", "disconnect", "metadata", "version",
         "error_text", "unimplemented", "deadline", "cancel", "large",
         "too_large", "large_reply", "parallel", "health", "watch"]
TLS = ["connect", "command", "large", "parallel", "watch"]


class Failed(Exception):
    pass


class Server:
    def __init__(self, options, *flags):
        self.log = open(os.path.join(options.work, "server.log"), "a")
        print("---", *flags, file=self.log, flush=True)
        self.process = subprocess.Popen(
            [options.server, "--address", "127.0.0.1:0", *flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise Failed("the server does not start")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none"
        self.log.close()
        if code != 0 and kind is None:
            raise Failed(f"the server ended with status {code}")


class Client:
    """A client's process; |command| is its name and how to run it."""

    def __init__(self, name, command, address, *scenarios, flags=()):
        self.name, self.scenarios = name, list(scenarios)
        self.process = subprocess.Popen(
            [*command, "--address", address, *flags, *scenarios], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self, seconds=60):
        try:
            return self.lines.get(timeout=seconds)
        except queue.Empty:
            self.process.kill()
            raise Failed(f"{self.name} hangs in {self.scenarios}") from None

    def expect(self, line):
        seen = self.line()
        if seen != line:
            self.process.kill()
            raise Failed(f"{self.name}: {seen!r} instead of {line!r}")

    def tell(self):
        self.process.stdin.write("enough\n")
        self.process.stdin.flush()

    def finish(self):
        """Waits for the end; every scenario must have been run, and well."""
        good = []
        while (line := self.line()) is not None:
            if line.startswith("ok "):
                good.append(line[3:])
            print(f"  {self.name}: {line}", flush=True)
        code = self.process.wait(30)
        if good != self.scenarios or code != 0:
            raise Failed(f"{self.name}: {len(good)} of "
                         f"{len(self.scenarios)} scenarios, status {code}")
        return len(good)


# --- what is run with each client --------------------------------------------

def plain(options, name, command):
    with Server(options) as server:
        return Client(name, command, server.address, *PLAIN).finish()


def drain(options, name, command):
    """The server ends by itself, in order."""
    with Server(options) as server:
        done = Client(name, command, server.address, "drain").finish()
        try:
            server.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Failed("the server does not end") from None
        return done


def tls(options, name, command):
    files = [os.path.join(options.work, f)
             for f in ("ca.pem", "cert.pem", "key.pem", "other.pem")]
    ca, cert, key, other = files
    with Server(options, "--cert", cert, "--key", key) as server:
        # The certificate is for the name.
        address = server.address.replace("127.0.0.1", "localhost")
        return (Client(name, command, address, *TLS,
                       flags=["--ca", ca]).finish()
                + Client(name, command, address, "untrusted",
                         flags=["--ca", other]).finish())


def keepalive(options, name, command):
    with Server(options) as server, Tap(server.address) as tap:
        client = Client(name, command, tap.address, "keepalive")
        client.expect("running")
        tap.wait(lambda: tap.pings >= 5)
        client.tell()
        done = client.finish()
        if tap.goaways or tap.connections != 1:
            raise Failed(f"{name}: {tap.connections} connections, "
                         f"{tap.goaways} times GOAWAY, for {tap.pings} pings")
        return done


def age(options, name, command):
    with Server(options, "--age", "1") as server, Tap(server.address) as tap:
        client = Client(name, command, tap.address, "age")
        client.expect("running")
        tap.wait(lambda: tap.connections >= 4)
        client.tell()
        done = client.finish()
        if tap.goaways < 3:
            raise Failed(f"{name}: {tap.connections} connections, but only "
                         f"{tap.goaways} times GOAWAY")
        return done


GROUPS = [plain, drain, tls, keepalive, age]


def make_certificates(work):
    """A CA, a certificate for localhost signed by it, and another CA."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=work, check=True,
                       stderr=subprocess.DEVNULL)
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
           "-nodes"]
    for ca in ("ca", "other"):
        openssl(*new, "-x509", "-days", "2", "-subj", f"/CN={ca}",
                "-keyout", f"{ca}-key.pem", "-out", f"{ca}.pem")
    openssl(*new, "-subj", "/CN=localhost", "-keyout", "key.pem",
            "-out", "cert.csr")
    with open(os.path.join(work, "san"), "w") as f:
        f.write("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "cert.csr", "-days", "2", "-CA", "ca.pem",
            "-CAkey", "ca-key.pem", "-extfile", "san", "-out", "cert.pem")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--client", action="append", required=True,
                        metavar="NAME=COMMAND")
    parser.add_argument("--only", help="one group")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    make_certificates(options.work)
    passed, failed = 0, 0
    for client in options.client:
        name, _, command = client.partition("=")
        for group in GROUPS:
            if options.only in (None, group.__name__):
                try:
                    passed += group(options, name, command.split())
                except (Failed, TimeoutError) as failure:
                    print(f"not ok {name}, {group.__name__}: {failure}")
                    failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
