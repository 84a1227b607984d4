"""Runs sessions.txt through the node and through the real server, and compares
what clients and the application hear of each step.

  run.py BUILD
"""
import http.client
import json
import os
import queue
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'broadcast'))

import websocket  # noqa: E402
from processes import Program, free_port, wait_until  # noqa: E402

SCRIPT = os.path.join(HERE, 'sessions.txt')
SERVER = os.environ['PARITY_SERVER']
# How long a frame that should not be there has to show up.
QUIET = 0.15

VERSION = tuple(int(n) for n in re.findall(r'\d+', subprocess.run(
    [SERVER, '--version'], stdout=subprocess.PIPE, check=True,
    text=True).stdout)[:3])

# Where the node does what the server means to do, and not what it does.
BUGS = {
    'one-of-many': 'anycable-go 1.6.16 disconnects one client of a user for '
                   'each command, and not all of them',
}


def masked(text):
    """A frame without what is the server's own choice."""
    text = re.sub(r'"epoch":"[^"]*"', '"epoch":"*"', text)
    text = re.sub(r'localhost:\d+', 'localhost', text)
    frame = json.loads(text)
    if isinstance(frame, dict):
        message = frame.get('message')
        if isinstance(message, dict) and 'records' in message:
            message['records'].sort(key=lambda record: record['id'])
            text = json.dumps(frame)
        if 'subscriptions' in frame:
            frame['subscriptions'].sort()
            text = json.dumps(frame)
    return text


class Client(websocket.Client):
    """Keeps all frames as they came, and the end."""

    def __init__(self, port, query, name):
        self.name = name
        self.heard = []
        self.open = True
        self.socket = websocket.socket.create_connection(
            ('127.0.0.1', port), websocket.PATIENCE)
        self.file = self.socket.makefile('rb')
        self._shake_hands(query, 'actioncable-v1-json',
                          {'X-Request-ID': name, 'Cookie': 'a=1; b=2'})
        self.socket.settimeout(None)
        self.lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while True:
                kind, data = self._read_frame()
                if kind == websocket.TEXT:
                    text = data.decode()
                    if not text.startswith('{"type":"ping"'):
                        self.heard.append(('frame', masked(text)))
                elif kind == websocket.PING:
                    self._write_frame(websocket.PONG, data)
                elif kind == websocket.CLOSE:
                    code, = struct.unpack('>H', data[:2])
                    self.heard.append(('closed', json.dumps(
                        [code, data[2:].decode()])))
                    break
        except (OSError, ValueError):
            pass
        self.open = False

    def write(self, text):
        try:
            self._write_frame(websocket.TEXT, text.encode())
        except OSError:
            pass


class Backend:
    """The application, and the server in front of it."""

    def __init__(self, test, build, number, broker):
        rpc, self.port, self.http = free_port(), free_port(), free_port()
        self.backend = Program(
            test, 'backend%d' % number, [build + '/parity/server'],
            env={'ANYCABLE_RPC_HOST': '127.0.0.1:%d' % rpc,
                 'ANYCABLE_BROADCAST_ADAPTER': 'http',
                 'ANYCABLE_HTTP_BROADCAST_URL':
                     'http://127.0.0.1:%d/_broadcast' % self.http},
            stdout=open(os.path.join(test.folder, 'said%d' % number), 'wb'))
        self.said = os.path.join(test.folder, 'said%d' % number)
        wait_until(lambda: self.listens(rpc), 'the application')
        self.server = Program(
            test, 'server%d' % number, [
                SERVER, '--host=127.0.0.1', '--port=%d' % self.port,
                '--rpc_host=127.0.0.1:%d' % rpc, '--broadcast_adapter=http',
                '--http_broadcast_port=%d' % self.http, '--log_level=debug',
                *(['--broker=memory'] if broker else [])],
            env={'ANYCABLE_DISABLE_TELEMETRY': 'true'})
        wait_until(self.up, 'the servers')

    def listens(self, port):
        if not self.backend.running():
            raise AssertionError('no application: ' + self.backend.said())
        with websocket.socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', port)) == 0

    def up(self):
        if not self.server.running() or not self.backend.running():
            raise AssertionError('a server is gone: %s%s' % (
                self.server.said(), self.backend.said()))
        try:
            connection = http.client.HTTPConnection('127.0.0.1', self.port)
            connection.request('GET', '/health')
            return connection.getresponse().status == 200
        except OSError:
            return False

    def publish(self, text):
        connection = http.client.HTTPConnection('127.0.0.1', self.http)
        connection.request('POST', '/_broadcast', text.encode())
        connection.getresponse().read()

    def heard(self):
        with open(self.said, encoding='utf-8') as file:
            return [('frame', masked(line)) for line in file.read().split('\n')
                    if line]

    def stop(self):
        self.server.kill()
        self.backend.kill()


class Session:
    """A session through the real server: what it heard, by who and line."""

    def __init__(self, backend, names, expected):
        self.backend, self.names, self.expected = backend, names, expected
        self.clients, self.taken, self.heard = {}, {}, {}
        self.bugs = set()
        self.line = 0

    def all_heard(self, who):
        return self.backend.heard() if who == '' else self.clients[who].heard

    def fresh(self, who):
        return self.all_heard(who)[self.taken.get(who, 0):]

    def settle(self, line):
        """Waits for what the node says is to come, and a little longer."""
        until = time.monotonic() + 5
        wanted = {who: len(frames) for (at, who), frames in
                  self.expected.items() if at == line}
        while time.monotonic() < until and any(
                who != '' and who not in self.clients or
                len(self.fresh(who)) < n for who, n in wanted.items()):
            time.sleep(0.002)
        if not wanted:
            time.sleep(0.02)

    def collect(self, line):
        for who in [*self.clients, '']:
            frames = self.fresh(who)
            if frames:
                self.heard.setdefault((line, who), []).extend(frames)
                self.taken[who] = self.taken.get(who, 0) + len(frames)

    def disconnect(self, text):
        """Again and again, where one command does not do it."""
        before = {who for who, client in self.clients.items() if client.open}
        self.backend.publish(text)
        gone = sum(1 for (at, who), frames in self.expected.items()
                   if at == self.line and who)
        for _ in range(gone - 1):
            time.sleep(QUIET)
            left = [w for w in before if self.clients[w].open]
            if len(before) - len(left) < gone:
                self.bugs.add('one-of-many')
                self.backend.publish(text)

    def step(self, line, verb, rest):
        self.line = line
        if verb == 'publish':
            self.backend.publish(rest)
        elif verb == 'disconnect':
            self.disconnect(rest)
        else:
            self.client_step(verb, *(rest.split(' ', 1) + [''])[:2])
        self.settle(line)
        self.collect(line)

    def client_step(self, verb, who, rest):
        if verb == 'connect':
            self.clients[who] = Client(self.backend.port, rest, who)
            return
        client = self.clients[who]
        if verb == 'close':
            client.socket.shutdown(websocket.socket.SHUT_RDWR)
            return
        if verb == 'send':
            client.write(rest)
            return
        name, _, data = rest.partition(' ')
        frame = {'command': 'message' if verb == 'perform' else verb,
                 'identifier': self.names.get(name, name)}
        if verb == 'whisper':
            frame['data'] = json.loads(data)
        elif verb == 'perform':
            frame['data'] = data
        client.write(json.dumps(frame))


class Fixture:
    """What Program needs of a test."""

    def __init__(self, folder):
        self.folder, self.cleanups = folder, []

    def addCleanup(self, function):
        self.cleanups.append(function)

    def end(self):
        for function in reversed(self.cleanups):
            function()


def steps():
    with open(SCRIPT, encoding='utf-8') as script:
        for number, line in enumerate(script, 1):
            line = line.rstrip('\n')
            if line and not line.startswith('#'):
                verb, _, rest = line.partition(' ')
                yield number, verb, rest


def through_node(build):
    """{(line, who): [('frame', text), ...]}"""
    output = subprocess.run([build + '/parity/node', SCRIPT], check=True,
                            stdout=subprocess.PIPE, encoding='utf-8').stdout
    heard = {}
    for text in output.splitlines():
        head = re.match(r'\{"line":(\d+),"who":"(\w*)","(\w+)":(.*)\}$', text)
        kind, value = head[3], head[4]
        if kind == 'closed':
            value = json.dumps(json.loads(value))
        heard.setdefault((int(head[1]), head[2]), []).append(
            (kind, masked(value) if kind == 'frame' else value))
    return heard


def in_order(frames):
    """A message reaches the subscriptions of a client in any order."""
    def identifier(frame):
        value = json.loads(frame[1])
        return value.get('identifier', '') if isinstance(value, dict) else '~'
    return sorted(frames or [], key=identifier)


def compare(expected, heard, lines):
    wrong = 0
    for key in sorted(set(expected) | set(heard)):
        # The line is of a session that this server is too old for.
        if key[0] not in lines or in_order(expected.get(key)) == in_order(
                heard.get(key)):
            continue
        wrong += 1
        print('sessions.txt:%d: %s' % (key[0], lines[key[0]]))
        for name, frames in ('node', expected), ('server', heard):
            for kind, text in frames.get(key, [('nothing', '')]):
                print('  %-8s%s: %s %s' % (name, key[1] or 'application',
                                           kind, text))
    return wrong


def main(build):
    folder = tempfile.mkdtemp(dir=build + '/parity')
    fixture = Fixture(folder)
    names, lines, heard, bugs = {}, {}, {}, set()
    expected = through_node(build)
    session, skipped = None, 0
    try:
        for number, verb, rest in steps():
            if verb == 'name':
                name, _, names[name] = rest.partition(' ')
            elif verb == 'session':
                finish(session, heard, bugs)
                session = None
                if 'new' in rest.split() and VERSION < (1, 6):
                    skipped += 1
                    continue
                session = Session(
                    Backend(fixture, build, number, 'broker' in rest.split()),
                    names, expected)
            elif session:
                lines[number] = verb + ' ' + rest
                session.step(number, verb, rest)
        finish(session, heard, bugs)
    finally:
        fixture.end()
    for bug in sorted(bugs):
        print('  KNOWN %s: %s' % (bug, BUGS[bug]))
    if skipped:
        print('  SKIPPED %d sessions, for which this server is too old' %
              skipped)
    wrong = compare(expected, heard, lines)
    print('%d steps, %d frames, %d differences' % (
        len(lines), sum(map(len, heard.values())), wrong))
    if not wrong:
        shutil.rmtree(folder)
    return 1 if wrong else 0


def finish(session, heard, bugs):
    if not session:
        return
    time.sleep(QUIET)
    session.collect(session.line)
    heard.update(session.heard)
    bugs.update(session.bugs)
    session.backend.stop()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
