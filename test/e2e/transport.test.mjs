// How the AnyCable server reaches backends: TLS, unix sockets, several at once,
// restarts, and the version of the protocol.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import { once } from 'node:events'
import { test } from 'node:test'
import { Client, Program, SUPERVISOR, id, listening, metric, scratch,
  startBackend, startServer, startTraffic, version } from './harness.mjs'

const room = id('Open')

async function works(t, server) {
  const client = await Client.open(t, server)
  assert.equal((await client.subscribe(room)).type, 'confirm_subscription')
  assert.deepEqual(await client.ask(room, 'count'), { total: 1, n: 1 })
  await client.close()
}

// A private authority, and a certificate for 127.0.0.1 that it signed.
function certificates(t) {
  const path = scratch(t)
  const file = (name) => join(path, name)
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = (name, subject, ...rest) => openssl('req', '-new', '-newkey', 'ec',
    '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout',
    file(`${name}.key`), '-subj', subject, '-out', ...rest)
  for (const ca of ['ca', 'other'])
    key(ca, `/CN=A private authority (${ca})`, file(`${ca}.pem`), '-x509', '-days', '2')
  key('backend', '/CN=backend', file('backend.csr'))
  writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1\n')
  openssl('x509', '-req', '-in', file('backend.csr'), '-CA', file('ca.pem'),
    '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2', '-extfile',
    file('ext'), '-out', file('backend.pem'))
  return file
}

test('TLS with a private authority', async (t) => {
  const file = certificates(t)
  const backend = await startBackend(t, [
    `--rpc-tls-cert=${file('backend.pem')}`, `--rpc-tls-key=${file('backend.key')}`])
  await works(t, await startServer(t, backend.address,
    ['--rpc_enable_tls', `--rpc_tls_root_ca=${file('ca.pem')}`]))

  // Who trusts somebody else, or speaks in clear, is not let in.
  const strict = await startServer(t, backend.address,
    ['--rpc_enable_tls', `--rpc_tls_root_ca=${file('other.pem')}`])
  const plain = await startServer(t, backend.address)
  for (const server of [strict, plain]) {
    const client = new Client(server, '?user=jack')
    t.after(() => client.socket.terminate())
    assert.equal(await client.next(), 'closed: 1011 Auth Error')
  }
})

test('a unix socket', async (t) => {
  const path = join(scratch(t), 'backend.sock')
  const backend = await startBackend(t, [], `unix:${path}`)
  assert.equal(backend.address, `unix:${path}`)
  await works(t, await startServer(t, `unix://${path}`))
})

test('several addresses at once, IPv6 among them', async (t) => {
  const path = join(scratch(t), 'backend.sock')
  const backend = await startBackend(t, [], `[::1]:0,unix:${path},127.0.0.1:0`)
  const addresses = backend.lines.items.filter((l) => l.startsWith('listening on '))
    .map((l) => l.slice('listening on '.length))
  assert.equal(addresses.length, 3)
  for (const address of addresses)
    await works(t, await startServer(t, address.replace('unix:', 'unix://')))
})

// Answers every question for an address with |addresses|.
async function nameServer(t, addresses) {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.on('message', (query, peer) => {
    let end = 12 // of the question: a name, then its type and its class
    while (query[end]) end += query[end] + 1
    const answers = query.readUInt16BE(end + 1) === 1 ? addresses : []
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(0x8180, 2)
    header.writeUInt16BE(answers.length, 6)
    header.writeUInt32BE(0, 8)
    socket.send(Buffer.concat([header, query.subarray(12, end + 5),
      ...answers.map((address) => Buffer.from([
        0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]))
    ]), peer.port, peer.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return `127.0.0.1:${socket.address().port}`
}

const connects = (call) => call.call === 'connect'
const served = (backend) => backend.journal.items.some(connects)

// Both serve; when one is killed, the other one does it alone.
async function balances(t, server, one, two) {
  for (let i = 0; i < 200 && !(served(one) && served(two)); i++)
    await works(t, server)
  assert.ok(served(one) && served(two))
  one.expects = 'SIGKILL'
  one.kill('SIGKILL')
  await one.exited
  for (let i = 0; i < 10; i++) await works(t, server)
}

test('two backends behind one name', async (t) => {
  const one = await startBackend(t)
  const port = one.address.split(':')[1]
  const two = await startBackend(t, [], `127.0.0.2:${port}`)
  const names = await nameServer(t, ['127.0.0.1', '127.0.0.2'])
  await balances(t, await startServer(t, `dns://${names}/backend.test:${port}`),
    one, two)
})

test('two backends by grpc-list', {
  skip: version < 1.06 && 'came with 1.6; "behind one name" is the same there'
}, async (t) => {
  const [one, two] = [await startBackend(t), await startBackend(t)]
  await balances(t,
    await startServer(t, `grpc-list://${one.address},${two.address}`), one, two)
})

test('no call fails while backends replace each other', async (t) => {
  const supervisor = await listening(new Program(t, 'supervisor', SUPERVISOR,
    [process.env.E2E_BACKEND, '--journal-fd', '3', '--rpc-max-connection-age=1'],
    { quit: (program) => program.child.stdin.end() }))
  const server = await startServer(t, supervisor.address)

  // Some of the calls are slow.
  const traffic = startTraffic(t, server, room, (n, i) =>
    ({ action: (n + i) % 5 ? 'echo' : 'slow', i, ms: 50 }))
  await traffic.more(100)
  for (let restart = 0; restart < 10 && !traffic.failed; restart++) {
    const from = supervisor.lines.items.length
    supervisor.child.stdin.write('restart\n')
    assert.equal(await supervisor.lines.find((l) => l.startsWith('stopped'),
      'stopped', from), 'stopped 0')
    await traffic.more(100)
  }
  await traffic.stop()
  const pids = new Set(supervisor.journal.items.map((c) => c.pid))
  assert.equal(pids.size, 11)
  assert.equal(await metric(server, 'rpc_error_total'), 0)
  assert.equal(await metric(server, 'failed_auths_total'), 0)
  assert.equal(await metric(server, 'rpc_retries_total'), 0)
})

// An empty ConnectionRequest: it is let in by nobody, but it is answered.
async function callWith(address, metadata) {
  const session = connect(`http://${address}`)
  const stream = session.request({ ':method': 'POST', te: 'trailers',
    ':path': '/anycable.RPC/Connect', 'content-type': 'application/grpc', ...metadata })
  const answer = { body: Buffer.alloc(0) }
  stream.on('data', (bytes) => { answer.body = Buffer.concat([answer.body, bytes]) })
  stream.on('response', (headers) => Object.assign(answer, headers))
  stream.on('trailers', (headers) => Object.assign(answer, headers))
  stream.end(Buffer.alloc(5))
  await once(stream, 'close')
  session.close()
  return answer
}

test('a server of another protocol version is told both versions', async (t) => {
  const strict = await startBackend(t)
  for (const metadata of [{ sid: 'old', protov: 'v0' }, { sid: 'none' }]) {
    const answer = await callWith(strict.address, metadata)
    // Status ERROR, which is the default and so not on the wire, and a text.
    assert.equal(answer['grpc-status'], '0')
    assert.equal(answer.body[5], 4 << 3 | 2)
    assert.match(answer.body.subarray(7).toString(), /v1/)
    if (metadata.protov) assert.match(answer.body.subarray(7).toString(), /v0/)
  }
  assert.ok(!served(strict))

  const answer = await callWith(strict.address, { sid: 'new', protov: 'v1,v2' })
  assert.equal(answer.body[5], 1 << 3)
  await strict.journal.find(connects, 'connect')

  const lax = await startBackend(t, ['--version-check-enabled=false'])
  await callWith(lax.address, { sid: 'old', protov: 'v0' })
  await lax.journal.find(connects, 'connect')
})
