"""Runs the server under test, and holds what every test expects of it: that it
serves on, gives its descriptors back, and ends well."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import hpack

import grpcraw
import h2raw
from grpcraw import COMMAND, SUCCESS, Reply, command_message, fields, message

PROGRAM = os.environ.get('CONFORMANCE_SERVER', 'build/conformance/server')

# Sanitizers keep freed memory: what a process holds says nothing then.
SANITIZED = bool(os.environ.get('SAN'))


class Server:
    """One process of server.c; |flags| as it knows them."""

    def __init__(self, *flags):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [PROGRAM, *map(str, flags)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.addresses = self.process.stdout.readline().split()
        self.address = self.addresses[0] if self.addresses else None
        if not self.address:
            self.process.wait()
            reason = self.stderr()
            self.dispose()
            raise RuntimeError('no server: ' + reason)

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode('utf-8', 'replace')

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError('the server is gone: ' + self.stderr())
        return {k: int(v) for k, v in
                (pair.split('=') for pair in answer.split())}

    def stats(self):
        return self.tell('stats')

    def release(self):
        return self.tell('release')

    def wait_stats(self, patience=h2raw.PATIENCE, **expected):
        """Waits until the counters are as |expected|."""
        until = time.monotonic() + patience
        while True:
            stats = self.stats()
            if all(stats[k] == v for k, v in expected.items()):
                return stats
            if time.monotonic() > until:
                raise h2raw.Timeout('%s, not %s' % (stats, expected))
            time.sleep(0.005)

    def status(self, name):
        """A line of /proc/PID/status, in KiB."""
        with open('/proc/%d/status' % self.process.pid) as lines:
            for line in lines:
                if line.startswith(name + ':'):
                    return int(line.split()[1])
        raise AssertionError('no %s of a dead process' % name)

    def rss(self):
        return self.status('VmRSS')

    def peak(self):
        return self.status('VmHWM')

    def reset_peak(self):
        with open('/proc/%d/clear_refs' % self.process.pid, 'w') as file:
            file.write('5')

    def fds(self):
        return len(os.listdir('/proc/%d/fd' % self.process.pid))

    def cpu(self):
        """Seconds of processor time."""
        with open('/proc/%d/stat' % self.process.pid) as file:
            parts = file.read().rsplit(')', 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf('SC_CLK_TCK')

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_exit(self, patience=20):
        """The exit status; 'hangs' where it does not end."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return 'hangs'

    def dispose(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()


def brief(value):
    """As text that fits a line or two, however long a reply was."""
    text = repr(value)
    return text if len(text) < 300 else text[:300] + '...'


class ServerTest(unittest.TestCase):
    """Tests that share a server with |flags|. When they are done, it must
    still serve, hold no more descriptors than before, and end well."""
    flags = ()
    longMessage = True
    connect_options = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.flags)
        try:
            with cls.open() as conn:
                cls.good_call(conn)
                cls.fds = cls.server.fds() - 1
        except BaseException:
            sys.stderr.write(cls.server.stderr())
            cls.server.dispose()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.server.release()
            cls.check_descriptors()
            with cls.open() as conn:
                cls.good_call(conn)
            cls.server.terminate()
            status = cls.server.wait_exit()
            errors = cls.server.stderr()
            if status != 0 or errors:
                raise AssertionError('exit status %s\n%s' % (status, errors))
            if cls.server.process.poll() is None:
                raise AssertionError('still there')
        finally:
            cls.server.dispose()

    @classmethod
    def check_descriptors(cls, more=0):
        until = time.monotonic() + h2raw.PATIENCE
        while cls.server.fds() != cls.fds + more:
            if time.monotonic() > until:
                raise AssertionError('%d descriptors, before %d' % (
                    cls.server.fds(), cls.fds + more))
            time.sleep(0.01)

    @classmethod
    def open(cls, values=(), **options):
        return h2raw.Connection(cls.server.address, values,
                                **{**cls.connect_options, **options})

    def connect(self, values=(), **options):
        conn = self.open(values, **options)
        self.addCleanup(conn.close)
        return conn

    # --- calls

    @staticmethod
    def start(conn, data='echo:hi', path=COMMAND, body=None, end=True, **kw):
        """Begins a good call: its stream."""
        body = message(command_message(data)) if body is None else body
        return conn.request(fields(path, **kw), body, end)

    @classmethod
    def good_call(cls, conn, data='echo:hi', expected=b'hi', path=COMMAND,
                  patience=h2raw.PATIENCE, **kw):
        """A call that must succeed, by a header block that uses the dynamic
        table as real clients do."""
        if not hasattr(conn, 'encoder'):
            conn.encoder = hpack.Encoder()
        stream = conn.new_stream()
        conn.send(h2raw.headers(
            stream, conn.encoder.encode(fields(path, **kw), huffman=True)) +
            h2raw.data_frames(stream, message(command_message(data))))
        got = conn.response(stream, patience)
        if got.grpc_status != 0:
            raise AssertionError('a good call got %s, %s' % (
                got, conn.goaways))
        reply = Reply(got, path)
        if reply.status != SUCCESS or reply.transmissions != [expected]:
            raise AssertionError('a good call got ' + brief(reply.fields))
        return got

    def still_serves(self, conn=None):
        """A good call passes: on |conn|, or on a connection of its own."""
        if conn is not None:
            self.good_call(conn)
            return
        with self.open() as other:
            self.good_call(other)

    def check_form(self, got, allowed=()):
        self.assertEqual(grpcraw.flaws(got, allowed), [], str(got))

    def check_status(self, got, status, text=None):
        """A gRPC status over HTTP 200, in good form."""
        self.check_form(got)
        self.assertEqual((got.http_status, got.grpc_status), (200, status),
                         str(got))
        if text is not None:
            self.assertIn(text, got.grpc_message)

    def check_reply(self, got, status=SUCCESS, transmissions=None, error=None,
                    path=COMMAND):
        """The gRPC status OK, and what the message says."""
        self.check_status(got, grpcraw.OK)
        reply = Reply(got, path)
        self.assertEqual(reply.status, status, brief(reply.fields))
        if transmissions is not None:
            self.assertTrue(reply.transmissions == transmissions,
                            brief(reply.fields))
        if error is not None:
            self.assertIn(error, reply.error)
        return reply


# --- answers, for tables

class Answer:
    """What a row of a table requires; |check| raises where |got| is not it."""

    def __init__(self, name, accepts):
        self.name, self.accepts = name, accepts

    def __or__(self, other):
        return Answer('%s or %s' % (self.name, other.name),
                      lambda got: self.accepts(got) or other.accepts(got))

    def check(self, test, got):
        test.assertTrue(self.accepts(got),
                        'required %s, seen %s' % (self.name, got))


def grpc(status, http=200):
    return Answer('HTTP %d with grpc-status %d' % (http, status),
                  lambda got: got.http_status == http and
                  got.grpc_status == status)


def http(status):
    return Answer('HTTP %d' % status, lambda got: got.http_status == status)


def rst(*codes):
    return Answer('RST_STREAM%s' % (codes,), lambda got: got.rst in codes and
                  not got.blocks)


def reply(status, *transmissions, error=None):
    def accepts(got):
        if got.http_status != 200 or got.grpc_status != 0:
            return False
        answer = Reply(got)
        return (answer.status == status and
                (not transmissions or
                 answer.transmissions == list(transmissions)) and
                (error is None or error in answer.error))
    return Answer('a reply of status %d, %s' % (
        status, transmissions or error or 'anything'), accepts)


ok = reply(SUCCESS)


def table(rows):
    """Makes a test method of each row, named test_rowNN_case: what follows
    the number and the case's name is given to check_row."""
    def decorate(cls):
        for number, case, *rest in rows:
            name = 'test_row%02d_%s' % (number, case)
            assert not hasattr(cls, name), name
            setattr(cls, name,
                    lambda self, rest=rest: self.check_row(*rest))
        return cls
    return decorate


def main():
    unittest.main(verbosity=2 if '-v' in sys.argv else 1)
