// One process after the other, which hand their sockets on, under load: no call
// fails, and no client notices. By gRPC, or by what E2E_RPC says.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client, Program, id, metric, scratch, startProgram, startServer,
  startTraffic } from './harness.mjs'

const RESTARTS = 100
const room = id('RoomChannel')

test(`no call fails while ${RESTARTS} processes take over from each other`, async (t) => {
  const path = join(scratch(t), 'handover')
  const flags = [`--handover=${path}`, '--broadcast-adapter=memory']
  let current = await startProgram(t, process.env.E2E_CHANNELS, flags)
  const server = await startServer(t, current.address)

  const traffic = startTraffic(t, server, room)
  for (let restart = 0; restart < RESTARTS && !traffic.failed; restart++) {
    const before = current
    // The port is the one that the first one was given.
    current = await startProgram(t, process.env.E2E_CHANNELS,
      [`--rpc-host=${before.address}`, ...flags])
    assert.equal(current.address, before.address)
    assert.equal(await before.exited, 0)
    await traffic.more(20)
  }
  await traffic.stop()
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
