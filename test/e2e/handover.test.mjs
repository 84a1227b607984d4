// One process after the other, which hand their sockets on, under load: no call
// fails, and no client notices. By gRPC, or by what E2E_RPC says.

import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client, Program, byHttp, id, metric, rpcOverHttp, scratch,
  startProgram, startServer, startTraffic } from './harness.mjs'

const RESTARTS = 100
const room = id('RoomChannel')

test(`no call fails while ${RESTARTS} processes take over from each other`, async (t) => {
  const path = join(scratch(t), 'handover')
  const flags = [`--handover=${path}`, '--broadcast-adapter=memory']
  let current = await startProgram(t, process.env.E2E_CHANNELS, flags)
  const server = await startServer(t, current.address)

  const traffic = startTraffic(t, server, room)
  const ends = []
  for (let restart = 0; restart < RESTARTS && !traffic.failed; restart++) {
    const before = current
    // The port is the one that the first one was given.
    current = await startProgram(t, process.env.E2E_CHANNELS,
      [`--rpc-host=${before.address}`, ...flags])
    assert.equal(current.address, before.address)
    ends.push(before.exited)
    await traffic.more(20)
  }
  await traffic.stop()
  assert.deepEqual(await Promise.all(ends), Array(RESTARTS).fill(0))
  assert.equal(await metric(server, 'rpc_error_total'), 0)
  assert.equal(await metric(server, 'failed_auths_total'), 0)
})

test('a process that ends before it serves has taken nothing over', async (t) => {
  const path = join(scratch(t), 'handover')
  const flags = [`--handover=${path}`, '--broadcast-adapter=memory']
  const first = await startProgram(t, process.env.E2E_CHANNELS, flags)
  const server = await startServer(t, first.address)
  // Its certificate is not there, which it finds out when it has the sockets.
  const bad = new Program(t, 'bad', process.env.E2E_CHANNELS,
    [`--rpc-host=${first.address}`, ...flags, '--rpc-tls-cert=/nowhere',
      '--rpc-tls-key=/nowhere'], { expects: 1 })
  assert.equal(await bad.exited, 1)
  const client = await Client.open(t, server)
  await client.subscribe(room)
  assert.deepEqual(await client.ask(room, 'echo', { n: 1 }),
    { action: 'echo', n: 1 })
  const second = await startProgram(t, process.env.E2E_CHANNELS,
    [`--rpc-host=${first.address}`, ...flags])
  assert.equal(await first.exited, 0)
  assert.deepEqual(await client.ask(room, 'echo', { n: 2 }),
    { action: 'echo', n: 2 })
  assert.equal(second.address, first.address)
  await client.close()
})

/** A call by HTTP; fails if it is not answered. Nothing is repeated. */
function call(agent, address) {
  const { path, headers } = rpcOverHttp('connect')
  return new Promise((resolve, reject) => {
    const asked = request(`http://${address}${path}`,
      { method: 'POST', agent, headers }, (answer) => {
        answer.resume().on('error', reject)
          .on('end', () => resolve(answer.statusCode))
      })
    asked.on('error', reject)
    asked.end(JSON.stringify({ env: { url: 'http://x/cable?user=jack' } }))
  })
}

// It keeps its connections, and calls on them when it wants to: also when the
// process that they lead to is about to end.
const kept = async (t) => {
  const path = join(scratch(t), 'handover')
  const flags = [`--handover=${path}`, '--broadcast-adapter=memory']
  let current = await startProgram(t, process.env.E2E_CHANNELS, flags)
  const { address } = current
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  let over = false
  let calls = 0
  const clients = Promise.all([...Array(32).keys()].map(async () => {
    while (!over) {
      assert.equal(await call(agent, address), 200)
      calls++
      await new Promise((resolve) => setTimeout(resolve, 50 * Math.random()))
    }
  })).finally(() => { over = true })
  clients.catch(() => {}) // it is awaited below
  for (let restart = 0; restart < 20 && !over; restart++) {
    const before = current
    current = await startProgram(t, process.env.E2E_CHANNELS,
      [`--rpc-host=${address}`, ...flags])
    assert.equal(await before.exited, 0)
    for (const goal = calls + 100; calls < goal && !over;)
      await new Promise(setImmediate)
  }
  over = true
  await clients
}

if (byHttp) test('no call on a kept connection fails either', kept)
