"""Replies of Redis that are errors, wrong, or no replies at all (fault 27):
each message has the fate that it deserves, and the program goes on."""
from harness import BroadcastTest, main
from processes import wait_until
from publishing import SANITIZED, Publisher
from recorder import publications
from scripted import CLOSE, Scripted, greet

BAD = 5      # the message that is answered badly
COUNT = 20   # messages in all
GIB = b'$%d\r\n' % (1 << 30)

# What the connection does next, which all that was under way on it shares.
STAYS, BREAKS = 'stays', 'breaks'

# name, what BAD is answered, its fate, the connection, the reason has this
REPLIES = [
    # Redis has not done it, and says that it will later, or another will.
    ('loading', b'-LOADING Redis is loading the dataset in memory\r\n',
     'published', BREAKS, ''),
    ('readonly', b"-READONLY You can't write against a read only replica.\r\n",
     'published', BREAKS, ''),
    ('noauth', b'-NOAUTH Authentication required.\r\n', 'published', BREAKS,
     ''),
    ('busy', b'-BUSY Redis is busy running a script.\r\n', 'published', BREAKS,
     ''),
    ('masterdown', b'-MASTERDOWN Link with MASTER is down\r\n', 'published',
     BREAKS, ''),
    # It refused just this.
    ('oom', b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
     'failed', STAYS, 'OOM'),
    ('moved', b'-MOVED 3999 127.0.0.1:6381\r\n', 'failed', STAYS, 'MOVED'),
    ('noperm', b'-NOPERM this user has no permissions\r\n', 'failed', STAYS,
     'NOPERM'),
    ('err', b'-ERR unknown command\r\n', 'failed', STAYS, 'ERR'),
    # It speaks nonsense, so nobody knows what it did.
    ('garbage', b'!!! 200 OK\r\n\r\n', 'unknown', BREAKS, ''),
    ('http', b'HTTP/1.1 400 Bad Request\r\n\r\n', 'unknown', BREAKS, ''),
    ('nothing', b'\0' * 64, 'unknown', BREAKS, ''),
    ('a_number_that_is_none', b':one\r\n', 'unknown', BREAKS, ''),
    ('a_huge_number', b':' + b'9' * 40 + b'\r\n', 'unknown', BREAKS, ''),
    ('a_huge_length', b'$' + b'9' * 40 + b'\r\n', 'unknown', BREAKS, ''),
    ('a_line_without_end', b'+' + b'x' * (4 << 20), 'unknown', BREAKS, ''),
    ('a_gibibyte', [GIB] + [b'x' * (1 << 20)] * 8, 'unknown', BREAKS, ''),
    ('a_huge_array', b'*1000000000\r\n', 'unknown', BREAKS, ''),
    ('a_deep_array', b'*1\r\n' * 10000, 'unknown', BREAKS, ''),
    ('wrong_type_status', b'+OK\r\n', 'unknown', BREAKS, ''),
    ('wrong_type_nil', b'$-1\r\n', 'unknown', BREAKS, ''),
    ('wrong_type_array', b'*0\r\n', 'unknown', BREAKS, ''),
    # It breaks off.
    ('half', [b':', CLOSE], 'unknown', BREAKS, ''),
    ('half_an_error', [b'-OO', CLOSE], 'unknown', BREAKS, ''),
    ('no_reply', [CLOSE], 'unknown', BREAKS, ''),
]


class Replies(BroadcastTest):
    """With redisx nothing is lost: what may have arrived is sent again."""

    def serve(self, bad, lasts=False):
        """Answers |bad| to the message BAD, the first time it comes, and, if it
        |lasts|, to all that come on that connection."""
        self.arrived = []
        self.bad_connection = None

        def answer(words):
            greeting = greet(words)
            if greeting:
                return greeting
            (_, number), = publications(words[-1])
            if number == BAD and self.bad_connection is None:
                self.bad_connection = self.server.connections
                return bad
            if lasts and self.bad_connection == self.server.connections:
                return bad
            self.arrived.append(number)
            return b':1\r\n' if words[0].upper() == b'PUBLISH' \
                else b'$3\r\n1-1\r\n'

        self.server = Scripted(self, answer)

    def publish(self, adapter, **flags):
        return Publisher(self, {
            'ANYCABLE_BROADCAST_ADAPTER': adapter,
            'ANYCABLE_REDIS_URL': 'redis://127.0.0.1:%d' % self.server.port},
            **{'count': COUNT, **flags})

    def check(self, rate, adapter, bad, fate, connection, reason):
        self.serve(bad, lasts=(fate == 'published' and connection == BREAKS))
        publisher = self.publish(adapter, rate=rate)
        end = publisher.finish()
        fates = publisher.fates()
        self.assertEqual(len(fates), COUNT)
        self.assertEqual(fates[BAD].name, fate, fates[BAD])
        self.assertIn(reason, fates[BAD].reason)
        if fate != 'published':
            self.assertTrue(fates[BAD].reason)
        for number, other in fates.items():
            # What was under way behind it shares the connection's end.
            if number != BAD and not (connection == BREAKS and number > BAD and
                                      other.name == fate):
                self.assertEqual(other.name, 'published', number)
        # There is no second one where nothing is left to send.
        more = any(number >= BAD and other.name == 'published'
                   for number, other in fates.items())
        self.assertEqual(self.server.connections,
                         2 if connection == BREAKS and more else 1)
        self.check_arrived(fates, adapter)
        if not SANITIZED:
            self.assertLess(end['peak_kib'], 32 << 10)
        self.server.close()

    def check_arrived(self, fates, adapter):
        # The pipeline behind the bad one may have come before the connection
        # was closed, and comes again where the adapter sends again.
        if adapter == 'redis':
            self.assertEqual(len(set(self.arrived)), len(self.arrived))
        published = {n for n, fate in fates.items() if fate.name == 'published'}
        self.assertLessEqual(published, set(self.arrived))

    def test_two_replies_for_one(self):
        """The second would be taken for that of the next."""
        self.serve(b':1\r\n:1\r\n')
        publisher = self.publish('redis', rate=200)
        publisher.finish()
        self.assertEqual(publisher.fates()[BAD].name, 'published')
        self.assertEqual(self.server.connections, 2)

    def test_loading_in_between(self):
        """What is refused for now may come again, but never behind later
        messages."""
        for adapter in ('redis', 'redisx'):
            with self.subTest(adapter=adapter):
                self.serve(b'-LOADING Redis is loading\r\n')
                publisher = self.publish(adapter)
                publisher.finish()
                self.assertEqual(self.arrived, sorted(self.arrived))
                published = [n for n, fate in publisher.fates().items()
                             if fate.name == 'published']
                self.assertEqual(sorted(published), self.arrived)
                self.assertGreaterEqual(len(published), COUNT - 1)
                self.server.close()

    def test_greetings(self):
        """Whatever is wrong with the connection before anything is published:
        the messages wait until it is mended."""
        for bad in (b'!!!\r\n', [CLOSE], b'-LOADING\r\n', GIB,
                    b'-WRONGPASS invalid\r\n', [b'+O', CLOSE]):
            with self.subTest(bad=bad):
                times = iter(range(100))

                def answer(words, bad=bad):
                    if words[0].upper() == b'AUTH':
                        return bad if next(times) < 2 else b'+OK\r\n'
                    return greet(words) or b':1\r\n'

                self.server = Scripted(self, answer)
                publisher = Publisher(self, {
                    'ANYCABLE_BROADCAST_ADAPTER': 'redis',
                    'ANYCABLE_REDIS_URL': 'redis://jack:secret@127.0.0.1:%d' %
                                          self.server.port}, count=3)
                end = publisher.finish()
                self.assertEqual(end['published'], 3)
                self.assertEqual(self.server.connections, 3)

    def test_nobody_answers(self):
        """Connections are accepted, and nothing is said: what was sent becomes
        unknown after the limit, and no sooner."""
        self.server = Scripted(self, lambda words: greet(words) or b'')
        publisher = self.publish('redis', count=10, flush=20000,
                                 limit=['broadcast_time=300'])
        end = publisher.finish()
        self.assertEqual(end['unknown'], 10)
        wait_until(lambda: self.server.connections >= 1, 'a connection')


def _test(*row):
    """One after the other, and all at once, where many share a connection's
    end."""
    def test(self):
        for rate in (200, 0):
            with self.subTest(rate=rate):
                self.check(rate, *row)
    return test


for _name, _bad, _fate, _connection, _reason in REPLIES:
    setattr(Replies, 'test_redis_' + _name,
            _test('redis', _bad, _fate, _connection, _reason))
    setattr(Replies, 'test_redisx_' + _name, _test(
        'redisx', _bad if _bad != b'+OK\r\n' else b':1\r\n',
        'published' if _fate == 'unknown' else _fate, _connection, _reason))


if __name__ == '__main__':
    main()
