// Handlers that publish, through a real Redis and the real server, to others.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Client, id, startBackend, startRedis, startServer } from './harness.mjs'

const CHANNEL = id('Open')

async function start(t, adapters = 'redis') {
  const url = await startRedis(t)
  const backend = await startBackend(t,
    [`--redis-url=${url}`, `--broadcast-adapter=${adapters}`])
  const server = await startServer(t, backend.address,
    [`--broadcast_adapter=${adapters}`, `--redis_url=${url}`])
  await server.lines.find((line) => /Subscribed to Redis channel|Subscribing to Redis/i.test(line),
    'the subscription to Redis')
  return { backend, server }
}

/** A client that follows the stream "news". */
async function follower(t, server, user) {
  const client = await Client.open(t, server, `?user=${user}`)
  assert.equal((await client.subscribe(CHANNEL)).type, 'confirm_subscription')
  await client.ask(CHANNEL, 'follow', { stream: 'news' })
  return client
}

test('a handler publishes to everybody, or to all but its own client', async (t) => {
  const { server } = await start(t)
  const jack = await follower(t, server, 'jack')
  const jill = await follower(t, server, 'jill')
  jack.perform(CHANNEL, 'broadcast', { stream: 'news', json: '{"a":[1,"\\u00e9"]}' })
  for (const client of [jack, jill])
    assert.deepEqual(await client.next(),
      { identifier: CHANNEL, message: { a: [1, 'é'] } })
  jack.perform(CHANNEL, 'broadcast', { stream: 'news', json: '"hi"', others: true })
  jack.perform(CHANNEL, 'broadcast', { stream: 'news', text: 'true' })
  assert.deepEqual((await jill.next()).message, 'hi')
  for (const client of [jack, jill])
    assert.deepEqual((await client.next()).message, 'true')
})

test('a batch arrives in its order', async (t) => {
  const { server } = await start(t)
  const jack = await follower(t, server, 'jack')
  jack.perform(CHANNEL, 'batch', { stream: 'news' })
  for (const n of [1, 2, 3]) assert.equal((await jack.next()).message, n)
})

test('a handler that could not publish ends in an error', async (t) => {
  const { backend, server } = await start(t)
  const jack = await follower(t, server, 'jack')
  jack.perform(CHANNEL, 'broadcast', { stream: 'news', json: '{nope' })
  const entry = await backend.journal.find((e) => e.event === 'error' ||
    e.error !== undefined, 'the error')
  assert.equal(entry.message, 'broadcast: malformed data')
  jack.perform(CHANNEL, 'broadcast', { stream: 'news', json: '1' })
  assert.equal((await jack.next()).message, 1)
})

test('a handler disconnects a user, for good or not', async (t) => {
  const { server } = await start(t)
  const jack = await follower(t, server, 'jack')
  for (const reconnect of [false, true]) {
    const jill = await follower(t, server, 'jill')
    jack.perform(CHANNEL, 'kick', { who: '{"user":"jill"}', reconnect })
    assert.deepEqual(await jill.next(),
      { type: 'disconnect', reason: 'remote', reconnect })
    await jill.closed
  }
  assert.ok(await jack.ask(CHANNEL, 'echo'))
})

test('several adapters publish, each for itself', async (t) => {
  const { server } = await start(t, 'redis,redisx')
  const jack = await follower(t, server, 'jack')
  jack.perform(CHANNEL, 'broadcast', { stream: 'news', json: '"twice"' })
  for (let i = 0; i < 2; i++) assert.equal((await jack.next()).message, 'twice')
})
