"""How Redis lets publishers in: TLS, unix sockets, users, databases."""
import os

import certificates
from harness import BroadcastTest, main
from publishing import Publisher
from recorder import Recorder
from resp import Subscription
from servers import Redis, TlsRedis


class Access(BroadcastTest):
    def publish(self, url, flags, adapter='redis', **settings):
        return Publisher(self, {
            'ANYCABLE_BROADCAST_ADAPTER': adapter, 'ANYCABLE_REDIS_URL': url,
            **{'ANYCABLE_REDIS_' + k: v for k, v in settings.items()}},
            **flags)

    def check_in(self, url, **options):
        end = self.publish(url, {'count': 10}, **options).finish()
        self.assertEqual((end['published'], end['taken']), (10, 10))

    def check_out(self, url, reason, **options):
        """Nothing arrives, nothing is lost without a word."""
        publisher = self.publish(url, {
            'count': 0, 'rate': 100, 'flush': 0, 'limit': ['flush_time=0']},
            **options)
        publisher.wait(lambda p: p.now('breaks') + p.now('failed') > 0,
                       'an answer')
        self.assertEqual(publisher.finish()['published'], 0)
        self.assertIn(reason.lower(), publisher.program.said().lower())


class Tls(Access):
    def serve(self, clients='no'):
        self.file = certificates.make(self.folder)
        self.redis = TlsRedis(self, self.file, clients).start()
        self.url = 'rediss://127.0.0.1:%d' % self.redis.port

    def test_a_private_authority(self):
        self.serve()
        self.check_in(self.url, TLS_CA_CERT_PATH=self.file('ca.pem'))
        with open(self.file('ca.pem')) as pem:
            self.check_in(self.url, TLS_CA_CERT_PATH=pem.read())
        self.check_in(self.url, adapter='redisx',
                      TLS_CA_CERT_PATH=self.file('ca.pem'))
        self.check_in(self.url, TLS_VERIFY='false')
        before = self.redis.published()
        self.assertEqual(before, 30)
        self.check_out(self.url, 'certificate',
                       TLS_CA_CERT_PATH=self.file('other.pem'))
        self.check_out(self.url, 'certificate')
        self.assertEqual(self.redis.published(), before)

    def test_another_name(self):
        """The certificate is one for 127.0.0.1 and localhost."""
        self.serve()
        other = 'rediss://127.0.0.2:%d' % self.redis.port
        ca = self.file('ca.pem')
        self.check_in('rediss://localhost:%d' % self.redis.port,
                      TLS_CA_CERT_PATH=ca)
        self.check_out(other, 'mismatch', TLS_CA_CERT_PATH=ca)
        self.check_in(other, TLS_CA_CERT_PATH=ca, TLS_VERIFY='false')

    def test_client_certificates(self):
        self.serve(clients='yes')
        ca = self.file('ca.pem')
        self.check_out(self.url, '', TLS_CA_CERT_PATH=ca)
        self.check_in(self.url, TLS_CA_CERT_PATH=ca,
                      TLS_CLIENT_CERT_PATH=self.file('client.pem'),
                      TLS_CLIENT_KEY_PATH=self.file('client.key'))
        self.assertEqual(self.redis.published(), 10)

    def test_no_tls_on_either_side(self):
        self.serve()
        self.check_out('redis://127.0.0.1:%d' % self.redis.port, '')
        plain = Redis(self, 'plain').start()
        self.check_out('rediss://127.0.0.1:%d' % plain.port, '')
        self.assertEqual(plain.calls_of('publish'), 0)

    def test_killed_under_load(self):
        """What is left of a session is not taken for the next one's."""
        self.serve()
        publisher = Publisher(
            self, {'ANYCABLE_BROADCAST_ADAPTER': 'redis',
                   'ANYCABLE_REDIS_URL': self.url,
                   'ANYCABLE_REDIS_TLS_CA_CERT_PATH': self.file('ca.pem')},
            count=0, rate=500)
        for _ in range(5):
            publisher.wait_published(50)
            self.redis.kill()
            self.redis.start()
        publisher.wait_published(50)
        end = publisher.finish()
        self.assertEqual(end['failed'] + end['dropped'] + end['refused'], 0)
        self.report('%d published, %d unknown', end['published'],
                    end['unknown'])


class UnixSocket(Access):
    def test_a_path_and_a_database(self):
        path = os.path.join(self.folder, 'redis.sock')
        redis = Redis(self, options={'unixsocket': path}).start()
        self.check_in('unix://%s' % path)
        self.assertEqual(redis.calls_of('publish'), 10)
        self.check_in('unix://%s?db=3' % path, adapter='redisx')
        with redis.client() as client:
            client.call('SELECT', 3)
            self.assertEqual(client.call('XLEN', '__anycable__'), 10)
        self.check_out('unix://%s.other' % path, '')


class Users(Access):
    def setUp(self):
        super().setUp()
        self.redis = Redis(self, options={
            # No more than publishing takes.
            'user': 'bob on >pass:@/%\u00e9 ~__anycable__ &__anycable__ '
                    '+publish +xadd +@connection'}).start()
        self.at = '127.0.0.1:%d' % self.redis.port

    def test_user_and_password(self):
        url = 'redis://bob:pass%%3A%%40%%2F%%25%%C3%%A9@%s' % self.at
        self.check_in(url)
        self.check_in(url, adapter='redisx')
        self.assertEqual(self.redis.calls_of('publish'), 10)
        self.check_out('redis://bob:wrong@%s' % self.at, 'WRONGPASS')
        self.check_out('redis://bob:pass@%s' % self.at, 'WRONGPASS')
        self.check_out(url, 'NOPERM', CHANNEL='forbidden')
        self.assertEqual(self.redis.calls_of('publish'), 10)

    def test_a_user_who_is_locked_out(self):
        """And let in again: the messages have waited."""
        publisher = self.publish(
            'redis://bob:pass%%3A%%40%%2F%%25%%C3%%A9@%s' % self.at,
            {'count': 0, 'rate': 200})
        publisher.wait_published(20)
        self.redis.call('ACL', 'SETUSER', 'bob', 'off')
        self.redis.call('CLIENT', 'KILL', 'USER', 'bob')
        publisher.wait(lambda p: p.now('breaks') >= 2, 'two refusals')
        self.assertGreater(publisher.now('queued'), 0)
        self.redis.call('ACL', 'SETUSER', 'bob', 'on')
        publisher.wait_published(50)
        end = publisher.finish()
        self.assertEqual(end['failed'] + end['dropped'] + end['refused'], 0)

    def test_password_alone(self):
        redis = Redis(self, 'closed', password='secret').start()
        at = '127.0.0.1:%d' % redis.port
        self.check_in('redis://:secret@' + at)
        self.check_in('redis://default:secret@' + at)
        self.check_out('redis://' + at, 'NOAUTH')
        self.check_out('redis://:other@' + at, 'WRONGPASS')
        self.assertEqual(redis.calls_of('publish'), 20)

    def test_the_password_is_in_no_log(self):
        publisher = self.publish('redis://bob:topsecret@' + self.at,
                                 {'count': 10, 'flush': 500,
                                  'limit': ['flush_time=0']})
        publisher.finish()
        self.assertNotIn('topsecret', publisher.program.said())

    def test_database_and_channel(self):
        recorder = Recorder()
        recorder.follow(Subscription(self.redis.port, 'else'))
        self.check_in('redis://%s/5' % self.at, CHANNEL='else')
        self.check_in('redis://%s/5' % self.at, CHANNEL='stream',
                      adapter='redisx')
        self.redis.call('PING')
        with self.redis.client() as client:
            self.assertEqual(client.call('EXISTS', 'stream'), 0)
            client.call('SELECT', 5)
            self.assertEqual(client.call('XLEN', 'stream'), 10)
        self.redis.kill()
        recorder.wait_end()
        self.assertEqual([n for _, n in recorder.received()], list(range(10)))
        self.check_out('redis://%s/99' % self.at, '')

    def test_a_stream_is_cut(self):
        """Where nobody reads it, it keeps about what it is told to."""
        end = Publisher(self, {
            'ANYCABLE_BROADCAST_ADAPTER': 'redisx',
            'ANYCABLE_REDIS_URL': 'redis://' + self.at},
            count=3000, limit=['redis_stream=500']).finish()
        self.assertEqual(end['published'], 3000)
        length = self.redis.call('XLEN', '__anycable__')
        self.assertGreaterEqual(length, 500)
        self.assertLess(length, 1000)


if __name__ == '__main__':
    main()
