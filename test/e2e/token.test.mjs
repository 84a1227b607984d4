// Clients that need no backend: what the command-line tool signs lets them in
// and subscribes them, at the real server. There is none to ask.

import assert from 'node:assert/strict'
import test from 'node:test'
import { execFileSync } from 'node:child_process'
import { Client, broadcast, startServer } from './harness.mjs'

const SECRET = 's3Krit'

/** What the tool prints. */
const tool = (...args) => execFileSync(process.env.E2E_TOOL, args, {
  env: { ANYCABLE_SECRET: SECRET }, encoding: 'utf8'
}).trim()

const start = (t) => startServer(t, '127.0.0.1:1', [
  `--jwt_secret=${SECRET}`, `--streams_secret=${SECRET}`,
  '--turbo_streams', '--cable_ready'])

const withToken = (...args) => `?jid=${tool('jwt', 'encode', ...args)}`

test('a token lets a client in, and signed names subscribe it', async (t) => {
  const server = await start(t)
  const jack = await Client.open(t, server, withToken('{"user":"jack"}'))
  for (const channel of ['pubsub', 'turbo', 'cable-ready']) {
    // The alphabet for URLs would write this one with a _.
    const stream = `a?b ${channel}`
    const identifier = tool('sign', stream, `--identifier=${channel}`)
    assert.deepEqual(await jack.subscribe(identifier),
      { type: 'confirm_subscription', identifier })
    await broadcast(server, stream, { n: 1 })
    assert.deepEqual(await jack.next(), { identifier, message: { n: 1 } })
  }
})

test('a token that is over, or that another secret signed, lets nobody in', async (t) => {
  const server = await start(t)
  const short = withToken('{}', '--ttl=1')
  const refused = async (query) => {
    const client = new Client(server, query)
    t.after(() => client.socket.terminate())
    return (await client.next()).reason
  }
  assert.equal(await refused(withToken('{}', '--secret=another')), 'unauthorized')
  await Client.open(t, server, withToken('{}', '--ttl=60'))
  await new Promise((resolve) => setTimeout(resolve, 2100))
  assert.equal(await refused(short), 'token_expired')
})

test('a name that another secret signed subscribes nobody', async (t) => {
  const server = await start(t)
  const jack = await Client.open(t, server, withToken('{}'))
  const identifier = tool('sign', 'news', '--identifier', '--secret=another')
  assert.deepEqual(await jack.subscribe(identifier),
    { type: 'reject_subscription', identifier })
})
