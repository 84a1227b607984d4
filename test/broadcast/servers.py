"""Redis, its sentinels and NATS, each on a port of its own, with nothing of
what the system has configured."""
import os
import shutil
import signal
import socket
import ssl

import resp
from processes import Program, free_port, wait_until

# Debian has it where only root looks.
NATS = shutil.which('nats-server') or '/usr/sbin/nats-server'


class Server:
    """A server that can be killed and started again on its port."""

    def __init__(self, test, name):
        self.test, self.name = test, name
        self.port = free_port()
        self.folder = os.path.join(test.folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.program = None

    def start(self):
        self.program = Program(self.test, self.name, self.command(),
                               cwd=self.folder)
        wait_until(self.up, lambda: '%s to be up: %s' % (
            self.name, self.program.said()[-2000:]))
        return self

    def up(self):
        if not self.program.running():
            raise AssertionError('%s is gone: %s' % (
                self.name, self.program.said()[-2000:]))
        try:
            return self.answers()
        except (OSError, ValueError, RuntimeError):
            return False

    def kill(self):
        self.program.kill()

    def freeze(self):
        self.program.signal(signal.SIGSTOP)

    def thaw(self):
        self.program.signal(signal.SIGCONT)


class Redis(Server):
    """|options|: lines of its configuration, as {'appendonly': 'yes'}."""

    def __init__(self, test, name='redis', password=None, options=None):
        super().__init__(test, name)
        self.password = password
        self.options = {
            'port': self.port, 'bind': '127.0.0.1', 'save': '""',
            'appendonly': 'no', 'dir': self.folder, 'logfile': '""',
            'daemonize': 'no', 'enable-debug-command': 'yes'}
        if password:
            self.options.update(requirepass=password, masterauth=password)
        self.options.update(options or {})

    def command(self):
        path = os.path.join(self.folder, 'redis.conf')
        # A sentinel rewrites the file of a server that it has turned round.
        if not os.path.exists(path):
            with open(path, 'w') as file:
                for name, value in self.options.items():
                    file.write('%s %s\n' % (name, value))
        return ['redis-server', path]

    def client(self):
        return resp.Client(self.port, self.password)

    def call(self, *words):
        with self.client() as client:
            return client.call(*words)

    def answers(self):
        return self.call('PING') == 'PONG'

    def role(self):
        return self.call('ROLE')[0].decode()

    def calls_of(self, command):
        """How often |command| ran, as the server counts."""
        prefix = 'cmdstat_%s:calls=' % command
        for line in self.call('INFO', 'commandstats').decode().split('\r\n'):
            if line.startswith(prefix):
                return int(line[len(prefix):].split(',')[0])
        return 0


class TlsRedis(Redis):
    """Only with TLS on its port, but on a unix socket for the test."""

    def __init__(self, test, file, clients='no'):
        super().__init__(test, 'tls')
        self.file, self.clients = file, clients
        self.path = os.path.join(self.folder, 'socket')
        self.options.update({
            'tls-port': self.port, 'port': 0, 'bind': '127.0.0.1 127.0.0.2',
            'tls-cert-file': file('server.pem'),
            'tls-key-file': file('server.key'),
            'tls-ca-cert-file': file('ca.pem'), 'tls-auth-clients': clients,
            'unixsocket': self.path})

    def answers(self):
        return self.tls_ping().startswith(b'+PONG')

    def tls_ping(self):
        context = ssl.create_default_context(cafile=self.file('ca.pem'))
        context.load_cert_chain(self.file('client.pem'),
                                self.file('client.key'))
        with socket.create_connection(('127.0.0.1', self.port), 5) as plain:
            with context.wrap_socket(plain, server_hostname='127.0.0.1') as s:
                s.sendall(resp.encode('PING'))
                return s.recv(100)

    def client(self):
        return resp.Client(self.path)

    def published(self):
        return self.calls_of('publish')


class Sentinel(Server):
    """Watches |master|, which it calls "main"."""

    def __init__(self, test, name, master, password=None, down_after=500):
        super().__init__(test, name)
        self.master, self.password = master, password
        self.down_after = down_after

    def command(self):
        path = os.path.join(self.folder, 'sentinel.conf')
        lines = ['port %d' % self.port, 'bind 127.0.0.1',
                 'dir %s' % self.folder,
                 'sentinel monitor main 127.0.0.1 %d 2' % self.master.port,
                 'sentinel down-after-milliseconds main %d' % self.down_after,
                 'sentinel failover-timeout main 3000']
        if self.password:
            lines += ['requirepass %s' % self.password,
                      'sentinel sentinel-pass %s' % self.password]
        if self.master.password:
            lines.append('sentinel auth-pass main %s' % self.master.password)
        with open(path, 'w') as file:
            file.write('\n'.join(lines) + '\n')
        return ['redis-sentinel', path]

    def call(self, *words):
        with resp.Client(self.port, self.password) as client:
            return client.call(*words)

    def answers(self):
        return self.call('PING') == 'PONG'

    def knows(self, sentinels, replicas):
        """Whether it has found the others, without which nothing fails over."""
        fields = self.call('SENTINEL', 'MASTER', 'main')
        facts = dict(zip(fields[::2], fields[1::2]))
        return (int(facts[b'num-other-sentinels']) == sentinels - 1 and
                int(facts[b'num-slaves']) == replicas and
                facts[b'flags'] == b'master')


class Nats(Server):
    """|lines|: of its configuration."""

    def __init__(self, test, name='nats', lines=()):
        super().__init__(test, name)
        self.lines = lines

    def command(self):
        path = os.path.join(self.folder, 'nats.conf')
        with open(path, 'w') as file:
            file.write('\n'.join(['listen: 127.0.0.1:%d' % self.port,
                                  *self.lines]) + '\n')
        return [NATS, '-c', path]

    def reload(self, lines):
        """Has it read its configuration again, with other |lines|."""
        self.lines = lines
        self.command()
        self.program.signal(signal.SIGHUP)

    def answers(self):
        with socket.create_connection(('127.0.0.1', self.port), 5) as s:
            return s.recv(4096).startswith(b'INFO ')
