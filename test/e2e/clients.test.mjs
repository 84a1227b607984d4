// The official JavaScript clients, as applications use them.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import WebSocket from 'ws'
import { ConnectionMonitor, adapters, createConsumer } from '@rails/actioncable'
import { createCable } from '@anycable/core'
import { Log, broadcast, startBackend, startServer } from './harness.mjs'

let backend, server, url
let finish

before(async () => {
  const suite = { after: (fn) => { finish = fn } }
  backend = await startBackend(suite)
  server = await startServer(suite, backend.address,
    ['--broker=memory', '--ping_interval=1'])
  url = `${server.base.replace('http', 'ws')}/cable`
})
after(() => finish())

// It looks after its connection by this many seconds; the server pings by one.
ConnectionMonitor.staleThreshold = 2

// What @rails/actioncable expects of a browser.
adapters.WebSocket = WebSocket
globalThis.addEventListener ??= () => {}
globalThis.removeEventListener ??= () => {}
globalThis.document ??= { visibilityState: 'visible' }

function rails(t, query) {
  const consumer = createConsumer(`${url}${query}`)
  t.after(() => consumer.disconnect())
  const subscribe = (params) => {
    const events = new Log(`subscription ${JSON.stringify(params)}`)
    const subscription = consumer.subscriptions.create(params, {
      connected: () => events.push('connected'),
      disconnected: ({ willAttemptReconnect }) =>
        events.push(`disconnected, ${willAttemptReconnect}`),
      rejected: () => events.push('rejected'),
      received: (message) => events.push(message)
    })
    return Object.assign(subscription, { events })
  }
  return { consumer, subscribe }
}

test('@rails/actioncable subscribes, performs and receives', async (t) => {
  const { consumer, subscribe } = rails(t, '?user=rails')
  const room = subscribe({ channel: 'Open', stream: 'rails' })
  assert.equal(await room.events.next(), 'connected')
  room.perform('count')
  assert.deepEqual(await room.events.next(), { total: 1, n: 1 })
  room.perform('count')
  assert.deepEqual(await room.events.next(), { total: 2, n: 2 })
  await broadcast(server, 'rails', { text: 'to all' })
  assert.deepEqual(await room.events.next(), { text: 'to all' })

  const closed = subscribe({ channel: 'Closed', stream: 'rails' })
  assert.equal(await closed.events.next(), 'rejected')

  room.unsubscribe()
  await backend.journal.find((c) => c.command === 'unsubscribe', 'unsubscribe')
  consumer.disconnect()
  const left = await backend.journal.find(
    (c) => c.call === 'disconnect' && c.identifiers === '{"user":"rails"}',
    'disconnect')
  assert.deepEqual(left.subscriptions, [])
})

test('@rails/actioncable takes a rejection for final', async (t) => {
  const { consumer, subscribe } = rails(t, '')
  const room = subscribe({ channel: 'Open' })
  assert.equal(await room.events.next(), 'disconnected, false')
  assert.ok(!consumer.connection.isActive())
})

test('@rails/actioncable comes back after the backend closed it', async (t) => {
  const { subscribe } = rails(t, '?user=back')
  const room = subscribe({ channel: 'Open' })
  assert.equal(await room.events.next(), 'connected')
  room.perform('close')
  assert.equal(await room.events.next(), 'disconnected, true')
  assert.equal(await room.events.next(), 'connected')
})

for (const protocol of ['actioncable-v1-json', 'actioncable-v1-ext-json']) {
  const cable = (t, query) => {
    const made = createCable(`${url}${query}`,
      { websocketImplementation: WebSocket, protocol })
    t.after(() => made.disconnect())
    return made
  }

  test(`@anycable/core, ${protocol}, subscribes, performs and receives`, async (t) => {
    const events = new Log('channel')
    const stream = `core-${protocol}`
    const client = cable(t, `?user=${protocol}`)
    const room = client.subscribeTo('Open', { stream })
    room.on('message', (message) => events.push(message))
    await room.ensureSubscribed()
    assert.ok(client.sessionId)
    await room.perform('count', {})
    assert.deepEqual(await events.next(), { total: 1, n: 1 })
    await broadcast(server, stream, { text: 'to all' })
    assert.deepEqual(await events.next(), { text: 'to all' })

    await room.perform('whisper', { stream })
    await events.next()

    client.disconnect()
    const left = await backend.journal.find((c) => c.call === 'disconnect' &&
      c.identifiers === JSON.stringify({ user: protocol }), 'disconnect')
    assert.deepEqual(left.subscriptions.map((s) => s.n), ['1'])
  })

  test(`@anycable/core, ${protocol}, sees a rejected subscription`, async (t) => {
    const room = cable(t, '?user=x').subscribeTo('Closed', {})
    await assert.rejects(room.ensureSubscribed(),
      { name: 'SubscriptionRejectedError' })
  })

  test(`@anycable/core, ${protocol}, sees a rejected connection`, async (t) => {
    const client = cable(t, '')
    await assert.rejects(client.connect(), { reason: 'unauthorized' })
  })
}
