// The AnyCable server pings its backend every ten seconds, also when there is
// nothing to do. Other files run meanwhile, so this minute costs nothing.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { Client, id, startBackend, startServer } from './harness.mjs'

test('a connection that is idle for a minute stays', async (t) => {
  const backend = await startBackend(t)
  const server = await startServer(t, backend.address)
  const room = id('Open')
  const client = await Client.open(t, server)
  await client.subscribe(room)

  // The time itself is the condition here: six pings.
  await pass(65_000)

  assert.deepEqual(await client.ask(room, 'count'), { total: 1, n: 1 })
  const lines = (pattern) => server.lines.items.filter((l) => pattern.test(l))
  assert.deepEqual(lines(/too_many_pings|GoAway|ENHANCE_YOUR_CALM/i), [])
  assert.deepEqual(lines(/"msg":"disconnected".*"impl":"grpc"/), [])
  assert.equal(lines(/"msg":"connected".*"impl":"grpc"/).length, 1)
})
