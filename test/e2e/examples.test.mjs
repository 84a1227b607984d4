// The examples, each behind the real server, doing what its first comment says:
// seen by the clients that the comment names.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import WebSocket from 'ws'
import { ConnectionMonitor, adapters, createConsumer } from '@rails/actioncable'
import { createCable } from '@anycable/core'
import { Client, Log, Program, id, startProgram, startPublisher, startRedis,
  startServer, version } from './harness.mjs'

// What @rails/actioncable expects of a browser.
adapters.WebSocket = WebSocket
globalThis.addEventListener ??= () => {}
globalThis.removeEventListener ??= () => {}
globalThis.document ??= { visibilityState: 'visible' }
ConnectionMonitor.staleThreshold = 60

const example = (name) => join(process.env.E2E_EXAMPLES, name)
const url = (server, query = '') =>
  `${server.base.replace('http', 'ws')}/cable${query}`

let redis, finish
before(async () => { redis = await startRedis({ after: (fn) => { finish = fn } }) })
after(() => finish())

/** The example, and a server before it. */
async function start(t, name, flags = []) {
  const program = await startProgram(t, example(name))
  return { program, server: await startServer(t, program.address, flags) }
}

/** A subscription of @rails/actioncable, whose events can be waited for. */
function subscribe(t, server, query, params) {
  const consumer = createConsumer(url(server, query))
  t.after(() => consumer.disconnect())
  const events = new Log(JSON.stringify(params))
  const subscription = consumer.subscriptions.create(params, {
    connected: () => events.push('connected'),
    disconnected: ({ willAttemptReconnect }) =>
      events.push(`disconnected, ${willAttemptReconnect}`),
    rejected: () => events.push('rejected'),
    received: (message) => events.push(message)
  })
  return Object.assign(subscription, { events })
}

test('chat', async (t) => {
  const { program, server } = await startPublisher(t, redis, example('chat'))
  const enter = async (user, room) => {
    const here = subscribe(t, server, `?user=${user}`,
      { channel: 'ChatChannel', room })
    assert.equal(await here.events.next(), 'connected')
    return here
  }
  const jack = await enter('jack', '1')
  const jill = await enter('jill', '1')
  const joe = await enter('joe', '2')

  jack.perform('speak', { text: 'Hello "Jill" <é>' })
  for (const one of [jack, jill])
    assert.deepEqual(await one.events.next(),
      { from: 'jack', text: 'Hello "Jill" <é>' })
  // Nobody hears what is too long or empty, nor what is said in another room.
  jill.perform('speak', { text: 'x'.repeat(2001) })
  jill.perform('speak', {})
  jill.perform('speak', { text: 'x'.repeat(2000) })
  for (const one of [jack, jill])
    assert.equal((await one.events.next()).text.length, 2000)
  joe.perform('speak', { text: 'Anybody here?' })
  assert.deepEqual(await joe.events.next(), { from: 'joe', text: 'Anybody here?' })
  assert.equal(jack.events.items.length, 3)
  await program.lines.find((line) => line.includes('a message of 2001 bytes'))

  const nowhere = subscribe(t, server, '?user=jim', { channel: 'ChatChannel' })
  assert.equal(await nowhere.events.next(), 'rejected')
  const nobody = subscribe(t, server, '', { channel: 'ChatChannel', room: '1' })
  assert.equal(await nobody.events.next(), 'disconnected, false')
  const refused = new Client(server, '')
  t.after(() => refused.socket.terminate())
  assert.deepEqual(await refused.next(),
    { type: 'disconnect', reason: 'unauthorized', reconnect: false })
})

test('async', async (t) => {
  const { program, server } = await start(t, 'async')
  const search = subscribe(t, server, '', { channel: 'SearchChannel' })
  assert.equal(await search.events.next(), 'connected')
  for (const what of ['cheese', 'a "quoted" é']) {
    search.perform('find', { what, ms: 20 })
    assert.deepEqual(await search.events.next(), { found: what })
  }
  // A client is answered in its order, others at the same time: the one who
  // waits for a minute holds up nobody.
  const slow = subscribe(t, server, '', { channel: 'SearchChannel' })
  assert.equal(await slow.events.next(), 'connected')
  slow.perform('find', { what: 'first', ms: 0 })
  slow.perform('find', { what: 'sense', ms: 60_000 })
  assert.deepEqual(await slow.events.next(), { found: 'first' })
  await program.lines.find((line) => line.includes('looking for sense'))
  search.perform('find', { what: 'more', ms: 0 })
  assert.deepEqual(await search.events.next(), { found: 'more' })

  // A stop would wait for it; a second one has it cancelled.
  program.kill('SIGTERM')
  await program.lines.find((line) => line.includes('a signal asks to stop'))
  program.kill('SIGTERM')
  assert.equal(await program.exited, 0)
})

test('async, where the deadline passes', {
  skip: version < 1.06 && 'its flag came with 1.6'
}, async (t) => {
  const { program, server } = await start(t, 'async', ['--rpc_command_timeout=300'])
  const search = subscribe(t, server, '', { channel: 'SearchChannel' })
  assert.equal(await search.events.next(), 'connected')
  search.perform('find', { what: 'sense', ms: 60_000 })
  await program.lines.find((line) => line.includes('gave up sense'))
  search.perform('find', { what: 'cheese' })
  assert.deepEqual(await search.events.next(), { found: 'cheese' })
})

test('counters', async (t) => {
  const { program, server } = await start(t, 'counters')
  const client = await Client.open(t, server, '')
  const [apples, pears] = ['apples', 'pears'].map((name) =>
    id('CounterChannel', { name }))
  for (const identifier of [apples, pears])
    assert.equal((await client.subscribe(identifier)).type, 'confirm_subscription')
  assert.deepEqual(await client.ask(apples, 'count'), { here: 1, everywhere: 1 })
  assert.deepEqual(await client.ask(apples, 'count'), { here: 2, everywhere: 2 })
  assert.deepEqual(await client.ask(pears, 'count'), { here: 1, everywhere: 3 })
  client.send('unsubscribe', apples)
  await program.lines.find((line) => line.includes('counted 2 apples'))
  await client.subscribe(apples)
  assert.deepEqual(await client.ask(apples, 'count'), { here: 1, everywhere: 4 })
  await client.close()
  await program.lines.find((line) => line.includes('counted 1 pears'))
  await program.lines.find((line) => line.includes('counted 1 apples'))

  // Whoever comes back is somebody new.
  const again = await Client.open(t, server, '')
  await again.subscribe(pears)
  assert.deepEqual(await again.ask(pears, 'count'), { here: 1, everywhere: 1 })
})

test('presence', async (t) => {
  const { server } = await start(t, 'presence', ['--broker=memory'])
  const enter = async (user, params) => {
    const cable = createCable(url(server, `?user=${user}`), {
      websocketImplementation: WebSocket, protocol: 'actioncable-v1-ext-json'
    })
    t.after(() => cable.disconnect())
    const channel = cable.subscribeTo('RoomChannel', { room: '1', ...params })
    const events = new Log(user)
    channel.on('message', (message) => events.push(message))
    channel.on('presence', (event) => events.push(event))
    await channel.ensureSubscribed()
    return { cable, channel, events }
  }
  const jack = await enter('jack', { color: 'blue' })
  const jill = await enter('jill', {})

  // Who types is told to the others, and not to the one who does.
  const typing = (event) => event.typing !== undefined
  jill.channel.whisper({ typing: true })
  assert.deepEqual(await jack.events.find(typing, 'a whisper'), { typing: true })
  jack.channel.whisper({ typing: false })
  assert.deepEqual(await jill.events.find(typing, 'a whisper'), { typing: false })
  if (version < 1.06) return // no presence

  jill.channel.presence.info()
  const all = await jill.events.find((event) => event.type === 'info', 'info')
  assert.deepEqual(all.records.sort((a, b) => a.id < b.id ? -1 : 1), [
    { id: 'jack', info: { name: 'jack', color: 'blue' } },
    { id: 'jill', info: { name: 'jill' } }])

  // Jack hears what Jill does, in its order.
  const of = (type, n) => jack.events.find(() => jack.events.items.filter(
    (e) => e.type === type && e.id === 'jill').length >= n, `${type} ${n}`)
  await of('join', 1)
  await jill.channel.perform('hide', {})
  await of('leave', 1)
  await jill.channel.perform('appear', {})
  await of('join', 2)
  jill.channel.disconnect()
  await of('leave', 2)
  assert.deepEqual(
    jack.events.items.find((e) => e.type === 'join' && e.id === 'jill').info,
    { name: 'jill' })
})

test('factory', async (t) => {
  const { program, server } = await start(t, 'factory')
  const room = subscribe(t, server, '?user=jack', { channel: 'Any', room: '1' })
  assert.equal(await room.events.next(), 'connected')
  room.perform('speak', { text: 'Hello!' })
  assert.deepEqual(await room.events.next(), {
    from: { user: 'jack' }, said: '{"text":"Hello!","action":"speak"}'
  })
  room.consumer.disconnect()
  await program.lines.find((line) => line.includes('{"user":"jack"} left'))
  const nobody = subscribe(t, server, '', { channel: 'Any' })
  assert.equal(await nobody.events.next(), 'disconnected, false')
})

for (const loop of ['poll', 'libuv', 'libevent', 'glib', 'asio']) {
  const command = example(`loop_${loop}`)
  test(`loop_${loop}`, { skip: !existsSync(command) }, async (t) => {
    const { server } = await startPublisher(t, redis, command)
    const meter = subscribe(t, server, '', { channel: 'MeterChannel' })
    // The level comes before the confirmation, then the loop's timer ticks.
    const level = await meter.events.next()
    assert.equal(typeof level, 'number')
    assert.equal(await meter.events.next(), 'connected')
    let before = level
    for (let i = 0; i < 3; i++) {
      const now = await meter.events.next()
      assert.ok(now > before, `${now} after ${before}`)
      before = now
    }
    meter.perform('reset')
    await meter.events.find((event) => event === 'reset', 'reset')
    await meter.events.find((event) => event === 1, 'the first tick after it')
  })
}

// A service that has an HTTP server of its own, and none of the library's.
for (const web of ['microhttpd', 'httplib']) {
  const command = example(`mount_${web}`)
  test(`mount_${web}`, { skip: !existsSync(command) }, async (t) => {
    const program = new Program(t, web, command, ['0'], {
      env: { ANYCABLE_BROADCAST_ADAPTER: 'memory', ANYCABLE_SECRET: 's3Krit' },
      quit: (one) => one.child.stdin.end()
    })
    const line = await program.lines.find((l) => l.startsWith('listening on '),
      'where it listens')
    const base = `http://${line.slice('listening on '.length)}`
    assert.equal(await (await fetch(`${base}/health`)).text(), 'Ready')
    assert.equal((await fetch(`${base}/_anycable/connect`,
      { method: 'POST', body: '{}' })).status, 401)
    const server = await startServer(t, `${base}/_anycable`, ['--secret=s3Krit',
      '--broadcast_key=none'])
    const echo = subscribe(t, server, '', { channel: 'EchoChannel' })
    assert.equal(await echo.events.next(), 'connected')
    for (let n = 0; n < 20; n++) {
      echo.send({ n })
      assert.deepEqual(await echo.events.next(), { n })
    }
  })
}
