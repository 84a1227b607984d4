"""The real AnyCable server."""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import time
import urllib.error
import urllib.request

import websocket
from processes import Program, free_port, wait_until

PROGRAM = os.environ.get('BROADCAST_SERVER', '')
SECRET, KEY = 'a-secret-of-tests', 'a-key-of-tests'


def disconnected_at_once():
    """How many clients of a user one command disconnects, of two: 1.6.16 has a
    bug, and disconnects just one."""
    version = subprocess.run([PROGRAM, '--version'], stdout=subprocess.PIPE,
                             check=True, text=True).stdout
    return 1 if version.startswith('1.6.16') else 2


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=')


def token(identifiers):
    """What lets a client in as |identifiers|."""
    head = _base64url(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())
    body = _base64url(json.dumps({
        'ext': identifiers, 'exp': int(time.time()) + 3600}).encode())
    signature = hmac.new(SECRET.encode(), head + b'.' + body, hashlib.sha256)
    return b'.'.join([head, body, _base64url(signature.digest())]).decode()


class Server:
    """With all four adapters, of which each test uses one, and no backend:
    streams are public, and clients come with a token or without."""

    def __init__(self, test, redis, nats):
        self.port, self.http_port = free_port(), free_port()
        self.program = Program(test, 'anycable', [
            PROGRAM, '--host=127.0.0.1', '--port=%d' % self.port,
            '--noauth', '--public_streams', '--broker=memory',
            '--jwt_secret=' + SECRET, '--broadcast_key=' + KEY,
            '--broadcast_adapter=redis,redisx,nats,http',
            '--http_broadcast_port=%d' % self.http_port,
            '--redis_url=redis://127.0.0.1:%d' % redis.port,
            '--nats_servers=nats://127.0.0.1:%d' % nats.port,
            '--log_level=debug'],
            env={'ANYCABLE_DISABLE_TELEMETRY': 'true'})
        wait_until(self.healthy, 'the AnyCable server')

    def healthy(self):
        if not self.program.running():
            raise AssertionError('no AnyCable server: ' + self.program.said())
        try:
            url = 'http://127.0.0.1:%d/health' % self.port
            return urllib.request.urlopen(url, timeout=5).status == 200
        except urllib.error.URLError:
            return False

    def client(self, test, identifiers=None, **options):
        query = '?jid=' + token(identifiers) if identifiers else ''
        client = websocket.Client(self.port, query, **options)
        test.addCleanup(client.close)
        return client
