"""Clients of the real AnyCable server receive what was published: by every
adapter, of every kind, in order, and with every option."""
import json
import unittest
import urllib.request

import anycable
from harness import BroadcastTest, Scope, main
from processes import free_port, wait_until
from publishing import Publisher, Teller
from recorder import NUMBER, Recorder
from resp import Subscription
from servers import Nats, Redis
from websocket import Closed

OK, INVALID, PROTO = 0, -2, -6

# AnyCable gives up a client for whom more than 256 frames wait.
BURST = 240

JSON = [
    '{}', '[]', '{"a":1,"b":{"c":[1,2,3]}}', '[[],[[]],{"a":{}}]',
    '[null,true,false,0,"",{},[]]', '{"null":null}', '{"":""}',
    '  { "spaces" : [ 1 , 2 ] }  ',
    'true', 'false', '0', '-1', '42', '1.5', '-0.25', '1e3', '1E-3', '1.0',
    '9007199254740992', '-9007199254740992',
    '"plain"', '""', '"true"', '"null"', '"42"', '"{}"',
    r'"quote \" backslash \\ slash \/ both \\\""',
    r'"controls \u0001\u001f\b\f\n\r\t and \u007f"',
    r'"escaped \u2028\u2029\u00e9\ud83d\ude00"',
    '"as they are \u2028\u2029\u00e9\U0001f600\u007f"',
    '{"\u00e9\U0001f600\\"":"<script>&amp;</script>"}',
    '[' * 60 + ']' * 60, '{"a":' * 60 + '1' + '}' * 60,
    json.dumps(['x' * 1000] * 300),
]

TEXTS = [
    '', ' ', 'plain', 'true', 'false', 'null', '42', '-1.5e3', '{}', '[1,2]',
    '{"a":1}', '"quoted"', '\\', '\\u0041', '"', '\u2028\u2029\u00e9\U0001f600',
    'line\nbreak\ttab\r\n', '\u0001\u001f\u007f', '<script>&amp;</script>',
    'x' * 300000,
]


def setUpModule():
    global scope, redis, nats, server
    scope = Scope()
    unittest.addModuleCleanup(scope.close)
    monitor = free_port()
    redis = Redis(scope).start()
    nats = Nats(scope, lines=['http: 127.0.0.1:%d' % monitor]).start()
    server = anycable.Server(scope, redis, nats)

    # It listens to clients before it listens to all of these.
    url = 'http://127.0.0.1:%d/subsz?subs=1' % monitor
    wait_until(lambda: b'"__anycable__"' in urllib.request.urlopen(url).read(),
               'a subscription to NATS')
    wait_until(lambda: redis.call('PUBSUB', 'NUMSUB', '__anycable__')[1] > 0,
               'a subscription to Redis')
    wait_until(lambda: redis.call('EXISTS', '__anycable__') and
               redis.call('XINFO', 'GROUPS', '__anycable__'),
               'a reader of the stream')


def settings_of(adapter):
    return {
        'ANYCABLE_BROADCAST_ADAPTER': adapter,
        'ANYCABLE_REDIS_URL': 'redis://127.0.0.1:%d' % redis.port,
        'ANYCABLE_NATS_SERVERS': 'nats://127.0.0.1:%d' % nats.port,
        'ANYCABLE_HTTP_BROADCAST_URL':
            'http://127.0.0.1:%d/_broadcast' % server.http_port,
        'ANYCABLE_BROADCAST_KEY': anycable.KEY,
    }


class Delivery:
    """Tests of one adapter; |keeps| where messages go through the server's
    broker, which keeps a history."""
    keeps = False

    def setUp(self):
        super().setUp()
        self.stream = self.id()
        self.teller = Teller(self, settings_of(self.adapter))

    def client(self, *streams, **options):
        """A client that is subscribed, and its subscriptions."""
        client = server.client(self, **options)
        client.identifiers = [client.subscribe(stream)
                              for stream in streams or [self.stream]]
        return client

    def publish(self, data, stream=None, **options):
        self.assertEqual(self.teller.publish(stream or self.stream, data,
                                             **options), OK, data[:100])

    def check_published(self, messages):
        """All have their fate, which is PUBLISHED."""
        self.assertEqual(self.teller.flush(), OK)
        counts = self.teller.counts()
        self.assertEqual((counts['taken'], counts['published']),
                         (messages, messages), counts)
        self.teller.finish()

    def check_same(self, got, expected):
        """Numbers are compared as such, true is not 1, and 1.0 is."""
        self.assertEqual(json.dumps(_plain(got), sort_keys=True),
                         json.dumps(_plain(expected), sort_keys=True))

    # --- what is delivered

    def test_json_of_every_kind(self):
        client = self.client()
        for text in JSON:
            self.publish(text)
        for text in JSON:
            self.check_same(client.message(), json.loads(text))
        self.check_published(len(JSON))

    def test_strings_stay_strings(self):
        client = self.client()
        for text in TEXTS:
            self.assertEqual(self.teller.string(self.stream, text), OK)
        for text in TEXTS:
            self.assertEqual(client.message(), text)
        self.check_published(len(TEXTS))

    def test_many_in_order_to_several_clients(self):
        """Also what is published by several threads is in order on the stream
        of each."""
        streams = ['%s.%d' % (self.stream, i) for i in range(3)]
        clients = [self.client(*streams) for _ in range(2)]
        for _ in range(5):
            publisher = Publisher(self, settings_of(self.adapter), count=BURST,
                                  threads=3, stream=self.stream)
            end = publisher.finish()
            self.assertEqual(end['published'], BURST, end)
            for client in clients:
                self.check_burst(client)
        self.report('5 times %d messages to 2 clients, the longest call took '
                    '%.1f ms', BURST, end['longest_us'] / 1000)

    def check_burst(self, client):
        got = {identifier: [] for identifier in client.identifiers}
        for _ in range(BURST):
            frame = client.next()
            got[frame['identifier']].append(
                int(NUMBER.search(frame['message']['n']).group(1)))
        for i, identifier in enumerate(client.identifiers):
            self.assertEqual(got[identifier], list(range(i, BURST, 3)))

    def test_big_integers(self):
        client = self.client()
        text = '{"id":9007199254740993,"list":[-9007199254740993,1]}'
        self.assertEqual(self.teller.publish(self.stream, text), INVALID)
        self.publish(text, big_integers=1)
        self.publish(text, big_integers=2)
        self.assertEqual(client.message(), {
            'id': '9007199254740993', 'list': ['-9007199254740993', 1]})
        rounded = client.message()['id']
        self.assertEqual(rounded, 9007199254740992)
        self.check_published(2)

    def test_what_is_no_json_is_refused(self):
        for text in ('', 'null', 'plain', '{', '"a" "b"', "{'a':1}", 'nan'):
            self.assertEqual(self.teller.publish(self.stream, text), PROTO,
                             text)
        self.assertEqual(self.teller.publish('', '1'), INVALID)
        client = self.client()
        self.publish('1')
        self.assertEqual(client.message(), 1)
        self.check_published(1)

    # --- options

    def test_exclude_socket(self):
        one, two = self.client(), self.client()
        self.publish('"not for one"', exclude_socket=one.sid)
        self.publish('"for both"')
        self.assertEqual(one.message(), 'for both')
        self.assertEqual(two.message(), 'not for one')
        self.assertEqual(two.message(), 'for both')
        self.check_published(2)

    def test_broadcast_type(self):
        client = self.client()
        self.publish('{"a":1}', broadcast_type='news')
        self.publish('{"a":2}')
        frame = client.next()
        self.assertEqual((frame.get('type'), frame['message']),
                         ('news', {'a': 1}))
        frame = client.next()
        self.assertEqual((frame.get('type'), frame['message']),
                         (None, {'a': 2}))
        self.check_published(2)

    def test_transient(self):
        client = self.client()
        for data, transient in (('1', False), ('2', True), ('3', False)):
            self.publish(data, transient=transient)
        self.assertEqual([client.message() for _ in range(3)], [1, 2, 3])
        self.check_published(3)
        if not self.keeps:
            return
        late = self.client(protocol='actioncable-v1-ext-json')
        late.send('history', late.identifiers[0], history={'since': 1})
        kept = []
        while (frame := late.next()).get('type') != 'confirm_history':
            kept.append(frame['message'])
        self.assertEqual(kept, [1, 3])

    # --- batches

    def test_batches_keep_their_order(self):
        other = self.stream + '.other'
        client = self.client(self.stream, other)
        self.assertEqual(self.teller.begin(), OK)
        self.publish('1')
        self.publish('2', stream=other)
        self.assertEqual(self.teller.begin(), OK)
        self.publish('3')
        self.publish('"at once"', immediate=True)
        self.assertEqual(self.teller.end(), OK)
        self.publish('4', stream=other)
        self.assertEqual(self.teller.end(), OK)
        self.publish('5')
        # AnyCable keeps the order of a stream, but not that of several.
        got = {identifier: [] for identifier in client.identifiers}
        for _ in range(6):
            frame = client.next()
            got[frame['identifier']].append(frame['message'])
        self.assertEqual(list(got.values()),
                         [['at once', 1, 3, 5], [2, 4]])
        self.check_published(3)

    def test_batches_with_options(self):
        one, two = self.client(), self.client()
        self.teller.begin()
        self.publish('1', exclude_socket=one.sid)
        self.publish('2', broadcast_type='news')
        self.teller.string(self.stream, 'null')
        self.teller.end()
        self.assertEqual(one.next()['type'], 'news')
        self.assertEqual(one.message(), 'null')
        self.assertEqual([two.message() for _ in range(3)], [1, 2, 'null'])
        self.check_published(1)

    # --- disconnects

    def test_remote_disconnect(self):
        at_once = anycable.disconnected_at_once()
        for reconnect in (True, False):
            ids = json.dumps({'user': '%s %s "\u00e9"' % (
                self.adapter, reconnect)}, ensure_ascii=False)
            gone = [self.client(identifiers=ids) for _ in range(at_once)]
            stays = self.client(identifiers=ids.replace('user', 'other'))
            self.assertEqual(self.teller.begin(), OK)
            self.publish('"in a batch"')
            self.assertEqual(self.teller.disconnect(ids, reconnect), OK)
            for client in gone:
                self.assertEqual(client.next(), {
                    'type': 'disconnect', 'reason': 'remote',
                    'reconnect': reconnect})
                end = client.next()
                self.assertIsInstance(end, Closed)
                self.assertEqual(end.code, 1000)
            self.assertEqual(self.teller.end(), OK)
            self.assertEqual(stays.message(), 'in a batch')
        self.check_published(4)


def _plain(value):
    """Floats that are whole are the integers, as AnyCable sends them."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class RedisDelivery(Delivery, BroadcastTest):
    adapter = 'redis'

    def test_a_batch_is_one_publication(self):
        recorder = Recorder()
        recorder.follow(Subscription(redis.port))
        self.addCleanup(recorder.stop)
        self.teller.begin()
        for i in range(3):
            self.publish(json.dumps('#%d;' % i))
        self.teller.end()
        self.teller.begin()
        self.teller.end()
        self.publish(json.dumps('#3;'))
        self.check_published(2)
        wait_until(lambda: len(recorder.payloads) == 2, 'two publications')
        batch, single = map(json.loads, recorder.payloads)
        self.assertEqual([p['data'] for p in batch],
                         ['"#0;"', '"#1;"', '"#2;"'])
        self.assertEqual(single, {'stream': self.stream, 'data': '"#3;"'})


class RedisxDelivery(Delivery, BroadcastTest):
    adapter = 'redisx'
    keeps = True


class NatsDelivery(Delivery, BroadcastTest):
    adapter = 'nats'


class HttpDelivery(Delivery, BroadcastTest):
    adapter = 'http'
    keeps = True


if __name__ == '__main__':
    main()
