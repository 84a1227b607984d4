// The command-line tool as a publisher, through a real Redis and the real
// server, to a client whose token it made.

import assert from 'node:assert/strict'
import test from 'node:test'
import { execFileSync } from 'node:child_process'
import { Client, startRedis, startServer } from './harness.mjs'

test('the tool publishes and disconnects', async (t) => {
  const url = await startRedis(t)
  const tool = (...args) => execFileSync(process.env.E2E_TOOL, args, {
    env: { ANYCABLE_SECRET: 's3Krit', ANYCABLE_REDIS_URL: url }, encoding: 'utf8'
  }).trim()
  const server = await startServer(t, '127.0.0.1:1', [
    '--jwt_secret=s3Krit', '--streams_secret=s3Krit',
    '--broadcast_adapter=redis', `--redis_url=${url}`])
  await server.lines.find((line) => /Subscribed to Redis channel|Subscribing to Redis/i.test(line),
    'the subscription to Redis')

  const token = tool('jwt', 'encode', '{"user":"jack"}')
  const jack = await Client.open(t, server, `?jid=${token}`)
  const identifier = tool('sign', 'news', '--identifier')
  await jack.subscribe(identifier)
  assert.equal(tool('broadcast', 'news', '{"n":1}'), 'published 1 (1 receiver)')
  assert.deepEqual(await jack.next(), { identifier, message: { n: 1 } })
  tool('broadcast', 'news', 'true', '--string', '--type=note')
  assert.deepEqual(await jack.next(), { type: 'note', identifier, message: 'true' })

  assert.equal(tool('disconnect', '{"user":"jack"}', '--no-reconnect'),
    'published 1 (1 receiver)')
  assert.deepEqual(await jack.next(),
    { type: 'disconnect', reason: 'remote', reconnect: false })
  assert.equal(await jack.closed, 1000)
})
