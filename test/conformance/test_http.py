"""HTTP RPC, health and metrics over HTTP/1.1, on raw bytes, and over HTTP/2:
what is answered, what is refused and how the connection ends. The rules of the
reader itself have tests of their own; here is one of each kind, on the wire."""
import http.client
import json
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from prometheus_client.parser import text_string_to_metric_families

import h2raw
from harness import Server, ServerTest, main

KEY = 'the-key'
MOUNT = '/_anycable'
FLAGS = ['--http-rpc-mount-path=' + MOUNT, '--http-rpc-secret=' + KEY]
META = {'Authorization': 'Bearer ' + KEY, 'X-Anycable-Meta-Sid': 's1',
        'X-Anycable-Meta-Protov': 'v1'}


def command(data='echo:hi', **more):
    return json.dumps({'command': 'message', 'identifier': '{"channel":"A"}',
                       'connection_identifiers': '{}', 'data': data, **more})


def request(method='POST', path=MOUNT + '/command', body=None, headers=META,
            host=True):
    """A request's bytes."""
    body = command().encode() if body is None else body
    lines = ['%s %s HTTP/1.1' % (method, path)] + (['Host: h'] if host else [])
    lines += ['%s: %s' % pair for pair in headers.items()]
    if body:
        lines.append('Content-Length: %d' % len(body))
    return '\r\n'.join(lines + ['', '']).encode() + body


class Wire:
    """A connection that sends bytes and reads answers."""

    def __init__(self, address, context=None):
        host, port = address.rsplit(':', 1)
        self.sock = socket.create_connection((host.strip('[]'), int(port)),
                                             h2raw.PATIENCE)
        if context:
            self.sock = context.wrap_socket(self.sock,
                                            server_hostname='localhost')
        self.got = b''

    def send(self, data):
        self.sock.sendall(data)

    def read_more(self):
        data = self.sock.recv(65536)
        self.got += data
        return bool(data)

    def answer(self, head=False):
        """Status, headers and body of the next answer."""
        while b'\r\n\r\n' not in self.got:
            if not self.read_more():
                raise EOFError(self.got)
        top, self.got = self.got.split(b'\r\n\r\n', 1)
        first, *rest = top.decode().split('\r\n')
        headers = dict(line.split(': ', 1) for line in rest)
        version, status, _ = first.split(' ', 2)
        assert version == 'HTTP/1.1', first
        length = 0 if head else int(headers['Content-Length'])
        while len(self.got) < length:
            if not self.read_more():
                raise EOFError(self.got)
        body, self.got = self.got[:length], self.got[length:]
        return int(status), headers, body

    def ended(self):
        """The peer closes, after nothing more."""
        try:
            while self.read_more():
                pass
        except ConnectionResetError:
            pass
        return self.got == b''

    def close(self):
        self.sock.close()


class HttpTest(ServerTest):
    flags = FLAGS

    def wire(self, address=None, context=None):
        wire = Wire(address or self.server.address, context)
        self.addCleanup(wire.close)
        return wire

    def check(self, wire, status, body=None, reason=None):
        got, headers, text = wire.answer()
        self.assertEqual(got, status, text)
        if body is not None:
            self.assertEqual(json.loads(text), body)
            self.assertEqual(headers['Content-Type'], 'application/json')
        if reason is not None:
            self.assertIn(reason, text.decode())
        return headers

    def check_call(self, wire, data='echo:hi', said='hi'):
        wire.send(request(body=command(data).encode()))
        self.check(wire, 200, {'status': 1, 'transmissions': [said]})


class Requests(HttpTest):
    def test_methods(self):
        wire = self.wire()
        wire.send(request(path=MOUNT + '/connect', body=b'{"env":{"url":"u"}}'))
        self.check(wire, 200, {
            'status': 1, 'identifiers': '{"user":"jack"}',
            'transmissions': ['{"type":"welcome"}']})
        self.check_call(wire)
        wire.send(request(path=MOUNT + '/disconnect', body=b'{}'))
        self.check(wire, 200, {'status': 1})

    def test_metadata_and_env(self):
        wire = self.wire()
        self.check_call(wire, 'metadata:sid', 'hex:' + b's1'.hex())
        wire.send(request(body=command('cstate:k', env={
            'cstate': {'k': 'v\u00e9'}}).encode()))
        self.check(wire, 200, {'status': 1, 'transmissions': [
            'hex:' + 'v\u00e9'.encode().hex()]})

    def test_failures(self):
        wire = self.wire()
        wire.send(request(body=command('error:oh "no"').encode()))
        self.check(wire, 200, {'status': 0, 'error_msg': 'oh "no"'})
        wire.send(request(headers={'Authorization': 'Bearer ' + KEY}))
        _, _, body = wire.answer()  # without a version
        self.assertEqual(json.loads(body)['status'], 0)

    def test_subscribe(self):
        wire = self.wire()
        wire.send(request(body=json.dumps({
            'command': 'subscribe', 'identifier': 'i'}).encode()))
        self.check(wire, 200, {'status': 1, 'streams': ['stream']})

    def test_keys(self):
        wire = self.wire()
        for value, status in (
                (None, 401), ('', 401), ('Bearer', 401), ('Bearer ', 401),
                (KEY, 401), ('Basic ' + KEY, 401), ('Bearer ' + KEY[:-1], 401),
                ('Bearer ' + KEY + 'x', 401), ('Bearer  ' + KEY, 401),
                ('Bearer ' + KEY + KEY, 401), ('Bearer x' + KEY[1:], 401),
                ('Bearer ' + KEY, 200), ('bearer ' + KEY, 200)):
            headers = {**META}
            if value is None:
                del headers['Authorization']
            else:
                headers['Authorization'] = value
            wire.send(request(headers=headers))
            got, answered, _ = wire.answer()
            self.assertEqual(got, status, value)
            self.assertEqual(answered.get('WWW-Authenticate'),
                             'Bearer' if status == 401 else None)

    def test_paths_and_methods(self):
        wire = self.wire()
        for method, path, status, allow in (
                ('POST', '/', 404, None), ('POST', MOUNT, 404, None),
                ('POST', MOUNT + '/', 404, None),
                ('POST', MOUNT + '/commands', 404, None),
                ('POST', MOUNT + '/Command', 404, None),
                ('POST', MOUNT + 'command', 404, None),
                ('POST', '/x' + MOUNT + '/command', 404, None),
                ('POST', MOUNT + '/command?x=1', 200, None),
                ('POST', 'http://h' + MOUNT + '/command', 200, None),
                ('GET', MOUNT + '/command', 405, 'POST'),
                ('PUT', MOUNT + '/connect', 405, 'POST'),
                ('post', MOUNT + '/connect', 405, 'POST'),
                ('POST', '/health', 405, 'GET, HEAD'),
                ('GET', '/health', 200, None), ('GET', '/health/', 404, None),
                ('GET', '/metrics?x', 200, None),
                ('OPTIONS', '*', 404, None)):
            wire.send(request(method, path))
            got, headers, text = wire.answer()
            self.assertEqual((got, headers.get('Allow')), (status, allow),
                             (method, path))
            if status == 405:
                self.assertEqual(text, b'Method Not Allowed')

    def test_errors_are_counted(self):
        def errors():
            wire.send(request('GET', '/metrics', b''))
            return int(wire.answer()[2].decode().split(
                'anycable_http_errors_total{protocol="http1"} ')[1].split()[0])
        wire = self.wire()
        before = errors()
        for path in ('/', MOUNT + '/command', MOUNT + '/nothing'):
            wire.send(request(path=path))
            wire.answer()
        self.assertEqual(errors(), before + 2)

    def test_head(self):
        wire = self.wire()
        wire.send(request('HEAD', '/health', b''))
        status, headers, _ = wire.answer(head=True)
        self.assertEqual((status, headers['Content-Length']), (200, '5'))
        self.check_call(wire)  # nothing was between

    def test_bodies(self):
        """Of the table of bodies, one of each kind."""
        wire = self.wire()
        for body, reason in (
                (b'', 'no body'), (b'{', 'malformed'), (b'{}x', 'malformed'),
                (b'\xff', 'UTF-8'), (b'{"command":1}', 'string'),
                (b'{"command":"a","command":"a"}', 'twice'),
                (b'{"data":"\\u0000"}', 'NUL'),
                (b'[' * 100, 'object'),
                (b'{"x":' + b'[' * 100, 'deep')):
            wire.send(request(body=body))
            self.check(wire, 422, reason=reason)
        self.check_call(wire)

    def test_chunks(self):
        wire = self.wire()
        body = command('echo:' + 'x' * 3000).encode()
        head = request(body=b'', headers={**META,
                                          'Transfer-Encoding': 'chunked'})
        wire.send(head)
        for at in range(0, len(body), 700):
            piece = body[at:at + 700]
            wire.send(b'%x\r\n%s\r\n' % (len(piece), piece))
        wire.send(b'0\r\nX: y\r\n\r\n')
        self.check(wire, 200, {'status': 1, 'transmissions': ['x' * 3000]})

    def test_large(self):
        wire = self.wire()
        self.check_call(wire, 'echo:' + 'x' * 3000000, 'x' * 3000000)
        wire.send(request(body=b'x' * (4 * 1024 * 1024 + 1)))
        self.check(wire, 413)
        self.assertTrue(wire.ended())

    def test_expect(self):
        wire = self.wire()
        body = command().encode()
        wire.send(request(body=b'', headers={
            **META, 'Expect': '100-continue', 'Content-Length': len(body)}))
        while b'\r\n\r\n' not in wire.got:
            self.assertTrue(wire.read_more())
        self.assertEqual(wire.got, b'HTTP/1.1 100 Continue\r\n\r\n')
        wire.got = b''
        wire.send(body)
        self.check(wire, 200)
        wire.send(request(headers={**META, 'Expect': 'x'}))
        self.check(wire, 417)
        self.assertTrue(wire.ended())


class Connections(HttpTest):
    def test_byte_by_byte(self):
        wire = self.wire()
        for byte in request():
            wire.send(bytes([byte]))
        self.check(wire, 200)

    def test_first_bytes(self):
        """"P" may begin either protocol; after "PR" it is HTTP/2."""
        wire = self.wire()
        wire.send(b'P')
        time.sleep(0.05)
        wire.send(b'OST' + request()[4:])
        self.check(wire, 200)
        conn = self.open()
        self.addCleanup(conn.close)
        self.still_serves(conn)
        slow = socket.create_connection(
            ('127.0.0.1', int(self.server.address.split(':')[1])))
        self.addCleanup(slow.close)
        slow.sendall(b'P')
        time.sleep(0.05)
        slow.sendall(h2raw.PREFACE[1:] + h2raw.settings())
        self.assertEqual(slow.recv(5)[3:4], bytes([h2raw.SETTINGS]))

    def test_keep_alive(self):
        wire = self.wire()
        for n in range(1000):
            self.check_call(wire, 'echo:%d' % n, str(n))

    def test_pipelined(self):
        wire = self.wire()
        wire.send(b''.join(request(body=command('echo:%d' % n).encode())
                           for n in range(300)))
        for n in range(300):
            self.check(wire, 200, {'status': 1, 'transmissions': [str(n)]})

    def test_pipelined_behind_a_slow_one(self):
        wire = self.wire()
        wire.send(request(body=command('slow:100').encode()) + request() +
                  request('GET', '/health', b''))
        self.check(wire, 200, {'status': 1})
        self.check(wire, 200, {'status': 1, 'transmissions': ['hi']})
        self.check(wire, 200, reason='Ready')

    def test_close(self):
        wire = self.wire()
        wire.send(request(headers={**META, 'Connection': 'close'}) + request())
        headers = self.check(wire, 200)
        self.assertEqual(headers['Connection'], 'close')
        self.assertTrue(wire.ended())

    def test_old_version(self):
        wire = self.wire()
        wire.send(b'GET /health HTTP/1.0\r\n\r\n')
        self.assertEqual(self.check(wire, 200)['Connection'], 'close')
        self.assertTrue(wire.ended())

    def test_refused(self):
        """Nobody knows where the next request would begin."""
        for data, status in (
                (b'\r\n', 400), (b'GET /\r\n\r\n', 400),
                (b'GET / HTTP/1.1\r\n\r\n', 400),
                (b'GET / HTTP/1.1\n\n', 400),
                (b'GET / HTTP/2.0\r\nHost: h\r\n\r\n', 505),
                (b'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n'
                 b'Transfer-Encoding: chunked\r\n\r\n', 400),
                (b'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: x\r\n\r\n',
                 501),
                (b'GET /' + b'a' * 20000, 414),
                (b'GET / HTTP/1.1\r\nHost: h\r\na: ' + b'a' * 20000, 431),
                (b'GET / HTTP/1.1\r\nHost: h\r\n' + b'a: b\r\n' * 101 +
                 b'\r\n', 431)):
            wire = self.wire()
            wire.send(data + request())
            self.check(wire, status)
            self.assertTrue(wire.ended(), data)

    def test_gone(self):
        """A call whose client is gone is given up."""
        before = self.server.stats()['cancelled']
        wire = self.wire()
        wire.send(request(body=command('hold').encode()))
        self.server.wait_stats(holding=1)
        wire.close()
        self.server.wait_stats(holding=0, cancelled=before + 1)

    def test_deferred(self):
        wire = self.wire()
        wire.send(request(body=command('hold').encode()))
        self.server.wait_stats(holding=1)
        self.server.release()
        self.check(wire, 200, {'status': 1, 'transmissions': ['released']})

    def test_many(self):
        """Connections that come and go, as AnyCable's do."""
        for _ in range(300):
            wire = Wire(self.server.address)
            wire.send(request())
            self.check(wire, 200)
            wire.close()

    def test_not_reading(self):
        """Who does not read is not read from."""
        wire = self.wire()
        big = request(body=command('big:1000000').encode())
        wire.sock.settimeout(0.5)
        try:
            for _ in range(200):
                wire.send(big * 10)
        except (socket.timeout, TimeoutError):
            pass
        self.assertLess(self.server.rss(), 200 * 1024)
        self.still_serves()


class Http2(HttpTest):
    def call(self, conn, path, headers, body=b'', method='POST'):
        all_fields = [(':method', method), (':scheme', 'http'),
                      (':path', path), (':authority', 'h')]
        all_fields += [(k.lower(), v) for k, v in headers.items()]
        if not body:
            stream = conn.request(all_fields, None)
        else:
            stream = conn.request(all_fields, b'', False)
            conn.upload(stream, body)
        return conn.response(stream, h2raw.PATIENCE)

    def test_calls(self):
        conn = self.connect()
        got = self.call(conn, MOUNT + '/command?x', META, command().encode())
        self.assertEqual(got.http_status, 200)
        self.assertEqual(json.loads(got.data), {'status': 1,
                                                'transmissions': ['hi']})
        self.still_serves(conn)  # gRPC beside it

    def test_others(self):
        conn = self.connect()
        for method, path, headers, body, status in (
                ('GET', '/health', {}, b'', 200),
                ('HEAD', '/health', {}, b'', 200),
                ('GET', '/metrics', {}, b'', 200),
                ('POST', MOUNT + '/command', {}, b'{}', 401),
                ('GET', MOUNT + '/command', META, b'', 405),
                ('POST', MOUNT + '/command', META, b'{', 422),
                ('POST', MOUNT + '/command', META, b'x' * 4200000, 413),
                ('POST', MOUNT + '/command', META,
                 command('echo:' + 'x' * 100000).encode(), 200)):
            got = self.call(conn, path, headers, body, method)
            self.assertEqual(got.http_status, status, (method, path))
            if status > 400:
                self.assertIn(got.data.decode(), (
                    'Unauthorized', 'Method Not Allowed', 'Content Too Large',
                    'malformed JSON'))
        self.still_serves(conn)


class Crowded(HttpTest):
    flags = FLAGS + ['--workers', 1, '--queue', 2,
                     '--limit', 'call_time=2000']

    def test_queue_and_deadline(self):
        """One runs, two wait, the fourth is refused; health answers although
        no worker is free; the others' time passes."""
        wires = [self.wire() for _ in range(4)]
        wires[0].send(request(body=command('block').encode()))
        self.server.wait_stats(running=1)
        for wire in wires[1:3]:
            wire.send(request())
            time.sleep(0.05)
        wires[3].send(request() + request(
            headers={**META, 'Connection': 'close'}))
        self.check(wires[3], 503, reason='too many')
        self.check(wires[3], 503, reason='too many')
        self.assertTrue(wires[3].ended())
        wire = self.wire()
        wire.send(request('GET', '/health', b''))
        self.check(wire, 200)
        for wire in wires[:3]:
            self.check(wire, 504, reason='deadline')
        self.server.release()
        self.check_call(wires[1])


class Times(HttpTest):
    flags = FLAGS + sum((['--limit', limit] for limit in (
        'handshake_time=1500', 'request_time=1000', 'idle_time=1000')), [])

    def test_silence(self):
        for said in (b'', b'P'):
            wire = self.wire()
            wire.send(said)
            self.assertTrue(wire.ended())

    def test_slow_request(self):
        wire = self.wire()
        wire.send(request()[:-3])
        self.check(wire, 408)
        self.assertTrue(wire.ended())

    def test_idle(self):
        wire = self.wire()
        self.check_call(wire)
        self.assertTrue(wire.ended())


class Doors(unittest.TestCase):
    def serve(self, *flags):
        server = Server(*flags)
        self.addCleanup(server.dispose)
        return server

    def get(self, address, path, method='GET', body=None, headers={}):
        connection = http.client.HTTPConnection(
            *address.rsplit(':', 1), timeout=h2raw.PATIENCE)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def test_own_port(self):
        server = self.serve(*FLAGS, '--http-host=127.0.0.1:0')
        rpc, http_address = server.addresses
        status, text = self.get(http_address, MOUNT + '/command', 'POST',
                                command(), META)
        self.assertEqual((status, json.loads(text)['status']), (200, 1))
        with h2raw.Connection(rpc) as conn:  # where its SETTINGS come first
            ServerTest.good_call(conn)
        wire = Wire(rpc)
        wire.send(request())
        with self.assertRaises((EOFError, ConnectionResetError, ValueError)):
            wire.answer()
        wire.close()

    def test_health_port(self):
        server = self.serve('--http-health-port=0', '--http-health-path=/up',
                            '--http-metrics-path=/numbers')
        rpc, health = server.addresses
        health = health.replace('[::]', '127.0.0.1').replace('0.0.0.0',
                                                             '127.0.0.1')
        self.assertEqual(self.get(health, '/up'), (200, 'Ready'))
        self.assertEqual(self.get(health, '/health')[0], 404)
        self.assertEqual(self.get(health, MOUNT + '/connect', 'POST', '{}')[0],
                         404)
        with h2raw.Connection(rpc) as conn:
            ServerTest.good_call(conn)
            ServerTest.start(conn, 'hold')
            server.wait_stats(holding=1)
            families = {f.name: f for f in text_string_to_metric_families(
                self.get(health, '/numbers')[1])}
            samples = {(s.name, *sorted(s.labels.items())): s.value
                       for f in families.values() for s in f.samples}
            self.assertEqual(samples['anycable_rpc_calls_total',
                                     ('command', 'message'),
                                     ('method', 'command'),
                                     ('status', 'success')], 1)
            self.assertEqual(samples['anycable_rpc_in_flight',], 1)
            self.assertEqual(samples['anycable_rpc_deferred',], 1)
            self.assertEqual(samples['anycable_rpc_duration_seconds_count',], 1)
            self.assertEqual(
                samples['anycable_connections', ('protocol', 'http2')], 1)
            self.assertEqual(families['anycable_rpc_duration_seconds'].type,
                             'histogram')
            server.terminate()  # drains, as a call is under way
            until = time.monotonic() + h2raw.PATIENCE
            while self.get(health, '/up') != (503, 'Not Ready'):
                self.assertLess(time.monotonic(), until)
            server.release()
        self.assertEqual(server.wait_exit(), 0)

    def wires(self, server, n):
        wires = [Wire(server.address) for _ in range(n)]
        for wire in wires:
            self.addCleanup(wire.close)
        return wires

    def last_answer(self, wire):
        status, headers, _ = wire.answer()
        self.assertEqual((status, headers['Connection']), (200, 'close'))
        self.assertTrue(wire.ended())

    def test_drain(self):
        """A call under way is answered, and its connection closed; idle ones
        go a moment later, and so do those that never said a word."""
        server = self.serve(*FLAGS)
        idle, busy, silent, half = self.wires(server, 4)
        idle.send(request())
        idle.answer()
        half.send(b'P')
        busy.send(request(body=command('hold').encode()))
        server.wait_stats(holding=1)
        server.terminate()
        for wire in (idle, silent, half):
            self.assertTrue(wire.ended())
        server.release()
        self.last_answer(busy)
        self.assertEqual(server.wait_exit(), 0)

    def test_drain_serves_what_is_on_its_way(self):
        """No client can know that a connection is about to be closed: requests
        on idle ones are answered, on those without a first byte, too."""
        server = self.serve(*FLAGS)
        used, new = self.wires(server, 50), self.wires(server, 10)
        for wire in used:
            wire.send(request())
            wire.answer()
        new[-1].send(b'P')
        server.terminate()
        with self.assertRaises(ConnectionRefusedError):
            while True:  # until it drains
                Wire(server.address).close()
        new[-1].send(request()[1:])
        for wire in used + new[:-1]:
            wire.send(request())
        for wire in used + new:
            self.last_answer(wire)
        self.assertEqual(server.wait_exit(), 0)

    def refuses(self, *flags):
        with self.assertRaises(RuntimeError) as caught:
            Server(*flags)
        return str(caught.exception)

    def test_without_a_key(self):
        mount = '--http-rpc-mount-path=' + MOUNT
        self.assertIn('http_rpc_public', self.refuses(mount, '--listen',
                                                      '0.0.0.0:0'))
        self.assertIn('http_rpc_public', self.refuses(
            mount, '--http-host=[::]:0'))
        for flags in ((mount, '--listen', '0.0.0.0:0', '--http-rpc-public'),
                      (mount, '--listen', '0.0.0.0:0', '--secret=s'),
                      (mount, '--listen', '0.0.0.0:0',
                       '--http-host=127.0.0.1:0'),
                      (mount, '--listen', '[::ffff:127.0.0.1]:0'),
                      ('--http-host=0.0.0.0:0',), (mount,)):
            self.serve(*flags)

    def test_refusals_are_logged(self):
        server = self.serve(*FLAGS, '--log')
        self.get(server.address, MOUNT + '/command', 'POST', '{}')
        with h2raw.Connection(server.address) as conn:
            stream = conn.request([(':method', 'PUT'), (':scheme', 'http'),
                                   (':path', '/health'), (':authority', 'h')],
                                  None)
            self.assertEqual(conn.response(stream, h2raw.PATIENCE).http_status,
                             405)
        for reason in ('401 Unauthorized', '405 Method Not Allowed'):
            self.assertRegex(server.stderr(),
                             r'http: 127\.0\.0\.1:\d+: ' + reason)

    def test_derived_key(self):
        """As the real server derives it from its secret "s"."""
        server = self.serve('--http-rpc-mount-path=' + MOUNT, '--secret=s')
        key = subprocess.run(
            ['openssl', 'dgst', '-sha256', '-hmac', 's'], input=b'rpc-cable',
            capture_output=True, check=True).stdout.split()[-1].decode()
        self.assertEqual(self.get(server.address, MOUNT + '/command', 'POST',
                                  command(), META)[0], 401)
        self.assertEqual(self.get(
            server.address, MOUNT + '/command', 'POST', command(),
            {**META, 'Authorization': 'Bearer ' + key})[0], 200)

    def test_bad_settings(self):
        for flag, reason in (
                ('--http-rpc-mount-path=x', 'a path'),
                ('--http-rpc-mount-path=/', 'a path'),
                ('--http-rpc-mount-path=/a/', 'a path'),
                ('--http-rpc-mount-path=/a b', 'a path'),
                ('--http-health-path=', 'empty'),
                ('--http-health-port=65536', 'a port'),
                ('--http-health-port=x', 'a port'),
                ('--http-host=x', 'x'), ('--http-rpc-public=maybe', 'true')):
            self.assertIn(reason, self.refuses(flag))


class Tls(HttpTest):
    directory = tempfile.mkdtemp()
    flags = FLAGS + ['--tls', directory + '/cert.pem', directory + '/key.pem']

    @classmethod
    def setUpClass(cls):
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
             'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost',
             '-days', '2', '-keyout', cls.directory + '/key.pem', '-out',
             cls.directory + '/cert.pem'], check=True, capture_output=True)
        cls.connect_options = {'tls': cls.context('h2')}
        super().setUpClass()

    @classmethod
    def context(cls, *protocols):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.load_verify_locations(cls.directory + '/cert.pem')
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def test_http1(self):
        for protocols in (('http/1.1',), (), ('x', 'http/1.1')):
            wire = self.wire(context=self.context(*protocols))
            self.check_call(wire)
            self.check_call(wire, 'echo:' + 'x' * 100000, 'x' * 100000)

    def test_both(self):
        conn = self.connect(tls=self.context('http/1.1', 'h2'))
        self.still_serves(conn)

    def test_neither(self):
        with self.assertRaises(ssl.SSLError):
            self.wire(context=self.context('spdy/3'))


if __name__ == '__main__':
    main()
