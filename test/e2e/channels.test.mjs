// What only a real server can show of channels: the frames that the library
// writes by itself, and what AnyCable makes of them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import WebSocket from 'ws'
import { createCable } from '@anycable/core'
import { Client, Log, broadcast, id, metric, startPublisher, startRedis,
  startServer } from './harness.mjs'

const SECRET = 's3Krit'
const EXTENDED = 'actioncable-v1-ext-json'

// Two servers before one backend. What is published by Redis is in no history,
// and where it is switched on, other ways lead through it, too.
let backend, server, publish, keeper
let finish

before(async () => {
  const suite = { after: (fn) => { finish = fn } }
  const started = await startPublisher(suite, await startRedis(suite),
    process.env.E2E_CHANNELS, ['--path=/cable,/admin,/other',
      `--jwt_secret=${SECRET}`, `--streams_secret=${SECRET}`, '--turbo_streams'])
  backend = started.program
  server = started.server
  publish = started.publish
  keeper = await startServer(suite, backend.address, ['--broker=memory'])
})
after(() => finish())

const tool = (...args) => execFileSync(process.env.E2E_TOOL, args, {
  env: { ANYCABLE_SECRET: SECRET }, encoding: 'utf8'
}).trim()

const room = (params = {}) => id('RoomChannel', params)
const calls = (sid, call) =>
  backend.journal.items.filter((c) => c.sid === sid && c.call === call)
const call = (sid, name) =>
  backend.journal.find((c) => c.sid === sid && c.call === name, `${name} of ${sid}`)

let marks = 0
// Says that nothing was sent to |client| before: what it asks now comes next.
async function heardNothing(client, identifier) {
  const mark = ++marks
  assert.deepEqual(await client.ask(identifier, 'echo', { mark }),
    { action: 'echo', mark })
}

// Clients of the stream |stream| and of none. What is published is given out
// one after the other, so when one has heard the second, all have the first.
async function pair(t, query = '?user=jack', options = {}) {
  const control = await Client.open(t, server)
  const client = await Client.open(t, server, query, options)
  const stream = `stream-${client.welcome.sid}`
  await control.subscribe(room({ stream }))
  const publishTwo = async () => {
    for (const n of [1, 2]) publish(stream, n)
    for (const n of [1, 2]) assert.equal((await control.next()).message, n)
  }
  return { client, control, stream, publishTwo }
}

test('a subscription is confirmed behind what it transmitted', async (t) => {
  const client = await Client.open(t, server)
  const identifier = '{ "greet" : true, "channel" :"RoomChannel", "\\u00e9":1 }'
  client.send('subscribe', identifier)
  for (const message of ['first', 'second'])
    assert.deepEqual(await client.next(), { identifier, message })
  assert.deepEqual(await client.next(),
    { type: 'confirm_subscription', identifier })
})

test('a subscription that is answered later is confirmed then', async (t) => {
  const client = await Client.open(t, server)
  const identifier = room({ later: true, greet: true })
  client.send('subscribe', identifier)
  for (const message of ['first', 'second'])
    assert.deepEqual(await client.next(), { identifier, message })
  assert.equal((await client.next()).type, 'confirm_subscription')
  const closed = room({ later: true, reject: true })
  assert.deepEqual(await client.subscribe(closed),
    { type: 'reject_subscription', identifier: closed })
})

test('a rejected subscription leaves no stream', async (t) => {
  const { client, stream, publishTwo } = await pair(t)
  const [open, closed] = [room(), room({ stream, reject: true, greet: true })]
  await client.subscribe(open)
  client.send('subscribe', closed)
  for (const message of ['first', 'second'])
    assert.equal((await client.next()).message, message)
  assert.deepEqual(await client.next(),
    { type: 'reject_subscription', identifier: closed })
  await publishTwo()
  await heardNothing(client, open)
})

test('a channel that is not there is rejected', async (t) => {
  const client = await Client.open(t, server)
  for (const identifier of [id('Nowhere'), '{"room":1}', 'not JSON'])
    assert.deepEqual(await client.subscribe(identifier),
      { type: 'reject_subscription', identifier })
})

test('unsubscribing ends streams, and runs the callback with its state', async (t) => {
  const { client, stream, publishTwo } = await pair(t)
  const [one, other] = [room({ stream }), room()]
  await client.subscribe(one)
  await client.subscribe(other)
  assert.equal(await client.ask(one, 'count'), 1)
  assert.equal(await client.ask(one, 'count'), 2)
  client.send('unsubscribe', one)
  const { sid } = client.welcome
  assert.deepEqual(await call(sid, 'unsubscribe'),
    { call: 'unsubscribe', sid, identifier: one, n: '2', by: 'command' })
  assert.equal((await client.next()).message, 'bye')
  await publishTwo()
  await heardNothing(client, other)
  await client.subscribe(one)
  assert.equal(await client.ask(one, 'count'), 1)
})

test('streams are stopped, one and all', async (t) => {
  const { client, stream, publishTwo } = await pair(t)
  const here = room({ stream })
  await client.subscribe(here)
  await client.ask(here, 'unfollow', { stream })
  await publishTwo()
  await heardNothing(client, here)
  await client.ask(here, 'follow', { stream })
  await publishTwo()
  for (const n of [1, 2]) assert.equal((await client.next()).message, n)
  await client.ask(here, 'unfollow_all')
  await publishTwo()
  await heardNothing(client, here)
})

test('one of several clients is disconnected from afar', async (t) => {
  const phone = await Client.open(t, server, '?user=jill&device=phone')
  const laptop = await Client.open(t, server, '?user=jill&device=laptop')
  await laptop.subscribe(room())
  laptop.perform(room(), 'kick', { user: 'jill', device: 'phone' })
  assert.deepEqual(await phone.next(),
    { type: 'disconnect', reason: 'remote', reconnect: false })
  assert.equal(await phone.closed, 1000)
  await heardNothing(laptop, room())
})

test('a client with a token has no Connect, and is known by it', async (t) => {
  const token = tool('jwt', 'encode', '{"user":"josé","n":[1]}')
  const client = await Client.open(t, server, `?jid=${token}`)
  await client.subscribe(room())
  assert.deepEqual(await client.ask(room(), 'who'),
    { user: 'josé', identifiers: '{"user":"josé","n":[1]}', came: '' })
  await client.close()
  const { sid } = client.welcome
  assert.equal((await call(sid, 'disconnect')).identifiers,
    '{"user":"josé","n":[1]}')
  assert.equal(calls(sid, 'connect').length, 0)
})

test('who is gone is told for each subscription, with its own state', async (t) => {
  const client = await Client.open(t, server, '?user=jack&device=tablet')
  const [one, two, none] = [1, 2, 3].map((n) => room({ n }))
  // The server's own subscriptions are told of, and are not ours to end.
  const pubsub = tool('sign', 'news', '--identifier=pubsub')
  const turbo = tool('sign', 'news', '--identifier=turbo')
  for (const identifier of [one, pubsub, two, turbo, none])
    assert.equal((await client.subscribe(identifier)).type,
      'confirm_subscription')
  await client.ask(one, 'count')
  await client.ask(one, 'count')
  await client.ask(two, 'count')
  await client.close()

  const { sid } = client.welcome
  assert.deepEqual(await call(sid, 'disconnect'), {
    call: 'disconnect', sid, came: 'in',
    identifiers: '{"device":"tablet","user":"jack"}'
  })
  assert.deepEqual(
    calls(sid, 'unsubscribe').map(({ identifier, n, by }) => [identifier, n, by]).sort(),
    [[one, '2', 'disconnect'], [two, '1', 'disconnect'], [none, '0', 'disconnect']])
  assert.equal(calls(sid, 'error').length, 0)
  assert.equal(calls(sid, 'disconnect').length, 1)
})

test('an action that is not there, and one that fails, are silent', async (t) => {
  const client = await Client.open(t, server)
  await client.subscribe(room())
  client.perform(room(), 'subscribed')
  client.perform(room(), 'fail')
  await heardNothing(client, room())
  assert.equal(await client.ask(room(), 'count'), 1)
  assert.deepEqual(calls(client.welcome.sid, 'error').map((e) => e.message),
    ['RoomChannel has no action "subscribed"', 'told to'])
})

test('data without an action is received as it is', async (t) => {
  const client = await Client.open(t, server)
  await client.subscribe(room())
  for (const data of ['{"text":"<é>"}', 'no JSON', '[1,2]']) {
    client.send('message', room(), data)
    assert.equal((await client.next()).message, data)
  }
})

test('a channel closes its client, which comes back or does not', async (t) => {
  for (const [args, frame] of [
    [{ reason: 'finished' },
      { type: 'disconnect', reason: 'finished', reconnect: false }],
    [{ reason: 'moved', reconnect: true },
      { type: 'disconnect', reason: 'moved', reconnect: true }],
    [{}, undefined]
  ]) {
    const client = await Client.open(t, server)
    await client.subscribe(room())
    client.perform(room(), 'close', args)
    if (frame) assert.deepEqual(await client.next(), frame)
    await client.closed
    await call(client.welcome.sid, 'disconnect')
  }
})

test('a client is rejected, for good or for a while', async (t) => {
  for (const [query, frame] of [
    ['', { type: 'disconnect', reason: 'unauthorized', reconnect: false }],
    ['?reject=maintenance',
      { type: 'disconnect', reason: 'maintenance', reconnect: true }]
  ]) {
    const client = new Client(server, query)
    t.after(() => client.socket.terminate())
    assert.deepEqual(await client.next(), frame)
    assert.equal(await client.next(), 'closed: 1000 Auth Failed')
  }
})

test('each path has its own callback, and others are rejected', async (t) => {
  const admin = await Client.open(t, server, '?user=root', { path: '/admin' })
  await admin.subscribe(room())
  assert.deepEqual(await admin.ask(room(), 'who'),
    { user: '', identifiers: '{"admin":"root"}', came: 'in' })
  assert.equal((await call(admin.welcome.sid, 'connect')).as, 'admin')

  const other = new Client(server, '?user=root', { path: '/other' })
  t.after(() => other.socket.terminate())
  assert.deepEqual(await other.next(),
    { type: 'disconnect', reason: 'unauthorized', reconnect: false })
})

test('a handler publishes to everybody, or to the others', async (t) => {
  const one = await Client.open(t, server)
  const two = await Client.open(t, server)
  const stream = `say-${one.welcome.sid}`
  const here = room({ stream })
  for (const client of [one, two]) await client.subscribe(here)
  one.perform(here, 'say_to_others', { stream, n: 1 })
  one.perform(here, 'say', { stream, n: 2 })
  assert.equal((await two.next()).message.n, 1)
  assert.equal((await two.next()).message.n, 2)
  assert.equal((await one.next()).message.n, 2)
})

test('integers arrive digit by digit', async (t) => {
  const client = await Client.open(t, server)
  await client.subscribe(room())
  client.send('message', room(), '{"action":"numbers","id":9007199254740993}')
  await client.next()
  assert.equal(client.raw, `{"identifier":${JSON.stringify(room())},"message":` +
    '{"id":9007199254740993,"min":-9223372036854775808,' +
    '"max":18446744073709551615,"sent":9007199254740993}}')
})

test('hooks run before and after', async (t) => {
  const client = await Client.open(t, server)
  const [member, guest] = [id('ClubChannel', { member: true }), id('ClubChannel')]
  client.send('subscribe', guest)
  assert.equal((await client.next()).message, 'after subscribe: 1')
  assert.equal((await client.next()).type, 'reject_subscription')
  client.send('subscribe', member)
  assert.equal((await client.next()).message, 'after subscribe: 0')
  assert.equal((await client.next()).type, 'confirm_subscription')
  client.perform(member, 'echo')
  assert.deepEqual((await client.next()).message, { action: 'echo' })
  assert.equal((await client.next()).message, 'after echo: 0')
})

// --- the extended protocol -----------------------------------------------------

function cable(t, query) {
  const made = createCable(`${keeper.base.replace('http', 'ws')}/cable${query}`,
    { websocketImplementation: WebSocket, protocol: EXTENDED })
  t.after(() => made.disconnect())
  return made
}

test('a session that was taken up again has kept its state', async (t) => {
  const events = new Log('room')
  const client = cable(t, '?user=jack')
  const channel = client.subscribeTo('RoomChannel', { stream: 'restored' })
  channel.on('message', (message) => events.push(message))
  await channel.ensureSubscribed()
  const sid = client.sessionId
  channel.perform('count', {})
  assert.equal(await events.next(), 1)

  const back = new Log('connections')
  client.on('connect', (event) => back.push(event))
  client.transport.ws.terminate() // the network breaks
  await call(sid, 'disconnect')
  await broadcast(keeper, 'restored', 'missed')
  await client.connect()
  assert.deepEqual(await back.next(), { reconnect: true, restored: true })
  assert.equal(await events.next(), 'missed')
  channel.perform('count', {})
  assert.equal(await events.next(), 2)
  assert.equal(backend.journal.items.filter((c) => c.call === 'connect' &&
    c.sid === client.sessionId && c.sid !== sid).length, 0)
})

test('the server counts failed calls only where they are meant', async () => {
  assert.equal(await metric(server, 'rpc_retries_total'), 0)
  assert.equal(await metric(server, 'rpc_error_total'), 0)
})
