// Everything that a backend can answer, frame by frame: a plain WebSocket
// client, the real AnyCable server, and a backend behind it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client, broadcast, id, metric, startBackend, startServer, version }
  from './harness.mjs'

let backend, server
let finish

before(async () => {
  const suite = { after: (fn) => { finish = fn } }
  backend = await startBackend(suite)
  server = await startServer(suite, backend.address, [
    '--headers=cookie,x-color', '--broker=memory'])
})
after(() => finish())

const calls = (sid, call) =>
  backend.journal.items.filter((c) => c.sid === sid && c.call === call)
const call = (sid, name) =>
  backend.journal.find((c) => c.sid === sid && c.call === name, `${name} of ${sid}`)

// Says that nothing was sent to |client| before: what it asks now comes next.
async function heardNothing(client, identifier) {
  assert.deepEqual(await client.ask(identifier, 'echo', { marker: 1 }),
    { action: 'echo', marker: 1 })
}

test('a client is let in, and welcomed with its sid', async (t) => {
  const client = await Client.open(t, server, '?user=jack')
  assert.deepEqual(Object.keys(client.welcome), ['type', 'sid'])
  await call(client.welcome.sid, 'connect')
})

test('the sid is the one that a proxy chose', async (t) => {
  const client = await Client.open(t, server, '?user=jack',
    { headers: { 'X-Request-ID': 'a "quoted" id' } })
  assert.equal(client.welcome.sid, 'a "quoted" id')
})

test('a client is let in by its cookie', async (t) => {
  const client = await Client.open(t, server, '',
    { headers: { cookie: 'a=b; user=john green; c=d' } })
  const room = id('Open')
  await client.subscribe(room)
  const seen = await client.ask(room, 'request', {})
  assert.equal(seen.identifiers, '{"user":"john green"}')
})

test('a client is rejected, and told not to come back', async (t) => {
  const client = new Client(server, '')
  t.after(() => client.socket.terminate())
  assert.deepEqual(await client.next(),
    { type: 'disconnect', reason: 'unauthorized', reconnect: false })
  assert.equal(await client.next(), 'closed: 1000 Auth Failed')
})

test('an error in connect closes without a frame', async (t) => {
  const client = new Client(server, '?user=jack&fail=1')
  t.after(() => client.socket.terminate())
  assert.equal(await client.next(), 'closed: 1011 Auth Error')
  const error = await backend.journal.find(
    (c) => c.call === 'error' && c.message === 'told to fail', 'the error')
  assert.equal(error.method, 1)
})

test('the request is seen as the client made it', async (t) => {
  const client = await Client.open(t, server, '?user=j%26k&note=a+b%20%C3%A9', {
    headers: { cookie: 'one=1; two="2"', 'x-color': 'blue' }
  })
  const room = id('Open')
  await client.subscribe(room)
  const seen = await client.ask(room, 'request',
    { query: 'note', header: 'X-Color', cookie: 'two' })
  assert.deepEqual(seen, {
    url: `${server.base}/cable?user=j%26k&note=a+b%20%C3%A9`,
    path: '/cable',
    query: 'a b é',
    header: 'blue',
    cookie: '2',
    remote: '127.0.0.1',
    sid: client.welcome.sid,
    protov: 'v1',
    identifiers: '{"user":"j&k"}'
  })
})

test('a subscription is confirmed with the identifier, byte for byte', async (t) => {
  const client = await Client.open(t, server)
  const odd = '{ "channel" : "Open", "name": "\\u00e9 \\"x\\" \u2028" }'
  assert.deepEqual(await client.subscribe(odd),
    { type: 'confirm_subscription', identifier: odd })
  assert.deepEqual(await client.ask(odd, 'echo', { text: '<é> \u0001 "' }),
    { action: 'echo', text: '<é> \u0001 "' })
})

test('a subscription is rejected', async (t) => {
  const client = await Client.open(t, server)
  const closed = id('Closed')
  assert.deepEqual(await client.subscribe(closed),
    { type: 'reject_subscription', identifier: closed })
})

test('a rejected subscription leaks no stream', async (t) => {
  const control = await Client.open(t, server)
  const stream = `leak-${control.welcome.sid}`
  await control.subscribe(id('Open', { stream }))

  const rejected = await Client.open(t, server)
  const room = id('Open')
  await rejected.subscribe(room)
  assert.equal((await rejected.subscribe(id('Closed', { stream }))).type,
    'reject_subscription')

  // Publications to one stream are given out one after the other: when the
  // second is heard, the first has been given to everybody.
  await broadcast(server, stream, 'one')
  await broadcast(server, stream, 'two')
  assert.equal((await control.next()).message, 'one')
  assert.equal((await control.next()).message, 'two')
  await heardNothing(rejected, room)
})

test('transmissions arrive in order', async (t) => {
  const client = await Client.open(t, server)
  const room = id('Open')
  await client.subscribe(room)
  // The server drops what is more than 256 frames behind.
  client.perform(room, 'burst', { n: 200 })
  for (let i = 0; i < 200; i++)
    assert.deepEqual(await client.next(), { identifier: room, message: i })
})

test('streams are started and stopped, one and all', async (t) => {
  const client = await Client.open(t, server)
  const control = await Client.open(t, server)
  const room = id('Open')
  await client.subscribe(room)
  await control.subscribe(room)
  const [a, b] = ['a', 'b'].map((name) => `${name}-${client.welcome.sid}`)
  for (const stream of [a, b]) await control.ask(room, 'follow', { stream })
  const publish = async (stream, message) => {
    await broadcast(server, stream, message)
    assert.equal((await control.next()).message, message)
  }

  await client.ask(room, 'follow', { stream: a })
  await client.ask(room, 'follow', { stream: b })
  await publish(a, 'a1')
  assert.deepEqual((await client.next()).message, 'a1')
  await publish(b, 'b1')
  assert.deepEqual((await client.next()).message, 'b1')

  await client.ask(room, 'unfollow', { stream: a })
  await publish(a, 'a2')
  await publish(b, 'b2')
  assert.deepEqual((await client.next()).message, 'b2')

  await client.ask(room, 'follow', { stream: a })
  await publish(a, 'a3')
  assert.deepEqual((await client.next()).message, 'a3')

  await client.ask(room, 'unfollow_all')
  for (const stream of [a, b, a, b]) await publish(stream, 'nobody')
  await heardNothing(client, room)
})

test('unsubscribing ends streams and state', async (t) => {
  const client = await Client.open(t, server)
  const control = await Client.open(t, server)
  const stream = `gone-${client.welcome.sid}`
  const [room, other] = [id('Open', { stream }), id('Open')]
  await client.subscribe(room)
  await client.subscribe(other)
  await control.subscribe(room)
  assert.deepEqual(await client.ask(room, 'count'), { total: 1, n: 1 })

  client.send('unsubscribe', room)
  await backend.journal.find((c) => c.sid === client.welcome.sid &&
    c.command === 'unsubscribe', 'unsubscribe')
  await heardNothing(client, other) // so the answer has been applied
  await broadcast(server, stream, 'one')
  await broadcast(server, stream, 'two')
  await control.next()
  await control.next()
  await heardNothing(client, other)

  await client.subscribe(room)
  assert.deepEqual(await client.ask(room, 'count'), { total: 2, n: 1 })
})

test('state lasts over commands: the connection\'s and the channel\'s', async (t) => {
  const client = await Client.open(t, server, '?user=jack&s=secret')
  const [one, two] = [id('Open', { room: 1 }), id('Open', { room: 2 })]
  await client.subscribe(one)
  await client.subscribe(two)
  assert.deepEqual(await client.ask(one, 'count'), { total: 1, n: 1 })
  assert.deepEqual(await client.ask(one, 'count'), { total: 2, n: 2 })
  assert.deepEqual(await client.ask(two, 'count'), { total: 3, n: 1 })
  await client.ask(one, 'forget')
  assert.deepEqual(await client.ask(one, 'state'),
    { session: 'secret', total: '3', n: '' })
  assert.deepEqual(await client.ask(one, 'count'), { total: 4, n: 1 })
  assert.deepEqual(await client.ask(two, 'state'),
    { session: 'secret', total: '4', n: '1' })
})

test('disconnect is told once, with all the state there was', async (t) => {
  const client = await Client.open(t, server, '?user=jill&s=secret')
  const [one, two, none] = [1, 2, 3].map((room) => id('Open', { room }))
  for (const room of [one, two, none]) await client.subscribe(room)
  await client.ask(one, 'count')
  await client.ask(one, 'count')
  await client.ask(two, 'count')
  await client.close()

  const { sid } = client.welcome
  const seen = await call(sid, 'disconnect')
  assert.deepEqual(
    seen.subscriptions.sort((a, b) => a.identifier < b.identifier ? -1 : 1),
    [{ identifier: one, n: '2' }, { identifier: two, n: '1' },
      { identifier: none, n: '' }])
  assert.equal(seen.identifiers, '{"user":"jill"}')
  assert.equal(seen.session, 'secret')
  assert.equal(seen.total, '3')
  assert.equal(calls(sid, 'disconnect').length, 1)
})

test('a handler\'s error is silent, keeps nothing, and harms nobody', async (t) => {
  const client = await Client.open(t, server)
  const room = id('Open')
  await client.subscribe(room)
  await client.ask(room, 'count')
  client.perform(room, 'fail', { why: 'out of "cheese" \u0001' })
  await heardNothing(client, room)
  assert.deepEqual(await client.ask(room, 'count'), { total: 2, n: 2 })
  const error = await call(client.welcome.sid, 'error')
  assert.equal(error.method, 2)
  assert.equal(error.message, 'out of "cheese" \u0001')
})

test('an action that nobody knows is an error', async (t) => {
  const client = await Client.open(t, server)
  const room = id('Open')
  await client.subscribe(room)
  client.perform(room, 'nothing')
  await heardNothing(client, room)
  await call(client.welcome.sid, 'error')
})

for (const identifier of [id('Nowhere'), 'not JSON at all'])
  test(`subscribing to ${identifier} is an error`, async (t) => {
    const client = await Client.open(t, server)
    const room = id('Open')
    await client.subscribe(room)
    client.send('subscribe', identifier)
    await call(client.welcome.sid, 'error')
    // Before 1.6 the server itself never gets over it: a lock stays locked.
    if (version >= 1.06) await heardNothing(client, room)
  })

test('the backend closes a connection', async (t) => {
  const client = await Client.open(t, server)
  const room = id('Open')
  await client.subscribe(room)
  client.perform(room, 'close', { final: true })
  assert.deepEqual(await client.next(),
    { type: 'disconnect', reason: 'finished', reconnect: false })
  await client.closed
  await call(client.welcome.sid, 'disconnect')
})

test('a call is answered later, by another thread', async (t) => {
  const client = await Client.open(t, server)
  const room = id('Open')
  await client.subscribe(room)
  for (let i = 0; i < 20; i++)
    assert.deepEqual(await client.ask(room, 'later'), { action: 'later' })
})

test('handlers of different clients run at the same time', async (t) => {
  const room = id('Open')
  const [one, two] = [await Client.open(t, server), await Client.open(t, server)]
  await one.subscribe(room)
  await two.subscribe(room)
  one.perform(room, 'meet')
  two.perform(room, 'meet')
  for (const client of [one, two])
    assert.deepEqual((await client.next()).message, { action: 'meet' })
})

test('whispers reach the others, until whispering ends', async (t) => {
  const room = id('Open')
  const [one, two] = [await Client.open(t, server), await Client.open(t, server)]
  const stream = `whisper-${one.welcome.sid}`
  for (const client of [one, two]) {
    await client.subscribe(room)
    await client.ask(room, 'whisper', { stream })
  }
  one.send('whisper', room, { typing: true })
  assert.deepEqual((await two.next()).message, { typing: true })
  await heardNothing(one, room)

  await one.ask(room, 'whisper', { stream: '' })
  one.send('whisper', room, 'unheard')
  await heardNothing(one, room)
  two.send('whisper', room, 'heard')
  assert.equal((await one.next()).message, 'heard')
  await heardNothing(two, room)
})

// Presence came with 1.6; before, the server ignores that part of an answer.
test('presence is joined and left', async (t) => {
  const protocol = 'actioncable-v1-ext-json'
  const room = id('Open')
  const one = await Client.open(t, server, '?user=a', { protocol })
  const two = await Client.open(t, server, '?user=b', { protocol })
  const stream = `presence-${one.welcome.sid}`
  await one.subscribe(room)
  await two.subscribe(room)
  assert.equal((await one.ask(room, 'follow', { stream })).stream, stream)

  two.perform(room, 'join', { stream, as: 'b' })
  await two.frames.find((f) => f.message?.action === 'join', 'the answer')
  if (version >= 1.06)
    assert.deepEqual(
      await one.frames.find((f) => f.type === 'presence', 'a presence'),
      { type: 'presence', identifier: room,
        message: { type: 'join', id: 'b', info: { mood: 'fine' } } })

  two.perform(room, 'leave')
  await two.frames.find((f) => f.message?.action === 'leave', 'the answer')
  if (version >= 1.06)
    assert.deepEqual(
      await one.frames.find((f) => f.message?.type === 'leave', 'a leave'),
      { type: 'presence', identifier: room, message: { type: 'leave', id: 'b' } })
})

test('the server counts no failed call but those that are meant', async () => {
  const failed = backend.journal.items.filter((c) => c.call === 'error')
  assert.ok(failed.length > 0)
  assert.equal(await metric(server, 'rpc_error_total'), 0)
  assert.equal(await metric(server, 'rpc_retries_total'), 0)
})
