// All clients at once, as when a WebSocket server has restarted: none is lost.
// The AnyCable server keeps 28 calls under way and the rest waiting; what comes
// to the backend is as much as it can send.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import WebSocket from 'ws'
import { id, metric, startProgram, startServer } from './harness.mjs'

// Each takes a descriptor here, and one in the server.
const MOST = Number(execFileSync('sh', ['-c', 'ulimit -Hn']).toString()
  .replace('unlimited', '1e9'))
const CLIENTS = Math.min(10_000, MOST - 500)
const room = id('RoomChannel')

/** Connects, subscribes, says something and hears it; gives its socket. */
function client(base, n) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${base}/cable?user=u${n}`,
      'actioncable-v1-json', { perMessageDeflate: false, handshakeTimeout: 60_000 })
    const send = (command, data) =>
      socket.send(JSON.stringify({ command, identifier: room, data }))
    socket.on('error', reject)
    socket.on('close', (code) => reject(new Error(`client ${n}: ${code}`)))
    socket.on('message', (bytes) => {
      const frame = JSON.parse(bytes)
      if (frame.type === 'welcome') send('subscribe')
      else if (frame.type === 'confirm_subscription')
        send('message', JSON.stringify({ action: 'echo', n }))
      else if (frame.message) resolve(socket)
    })
  })
}

/** How many clients the server counts, which it does now and then. */
async function counted(server, expected) {
  const end = Date.now() + 60_000
  for (;;) {
    const n = await metric(server, 'clients_num')
    if (n === expected || Date.now() > end) return n
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test(`${CLIENTS} clients connect at once, and none is lost`, async (t) => {
  assert.ok(CLIENTS >= 1000, `${MOST} descriptors are not enough`)
  const backend = await startProgram(t, process.env.E2E_CHANNELS,
    ['--broadcast-adapter=memory'])
  const server = await startServer(t, backend.address)
  const base = server.base.replace('http', 'ws')
  const sockets = await Promise.all(
    [...Array(CLIENTS).keys()].map((n) => client(base, n)))
  assert.equal(sockets.length, CLIENTS)
  assert.equal(await counted(server, CLIENTS), CLIENTS)
  assert.equal(await metric(server, 'failed_auths_total'), 0)
  assert.equal(await metric(server, 'rpc_error_total'), 0)

  // And all leave at once.
  for (const socket of sockets) socket.terminate()
  assert.equal(await counted(server, 0), 0)
  assert.equal(await metric(server, 'rpc_error_total'), 0)
})
