// What the end-to-end tests share: programs that are started and always
// stopped again, the AnyCable server, backends, and a plain WebSocket client.
//
// Nothing here sleeps: whatever is waited for is a line, a frame or an exit,
// and waiting for it fails after ten seconds.

import assert from 'node:assert/strict'
import { spawn, execFileSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { createServer } from 'node:net'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import WebSocket from 'ws'

const PATIENCE = 10_000
const BACKEND = process.env.E2E_BACKEND
const SERVER = process.env.E2E_SERVER
export const SUPERVISOR = process.env.E2E_SUPERVISOR

/**
 * How the server calls backends: by gRPC; by HTTP; or by HTTP with a proxy in
 * between. Where a test says more about it, with a scheme or by flags, it says
 * all.
 */
const BY = process.env.E2E_RPC || 'grpc'
export const byHttp = BY !== 'grpc'
const MOUNT = '/_anycable'
const KEY = 'a key of the tests'
const httpFlags = byHttp
  ? [`--http-rpc-mount-path=${MOUNT}`, `--http-rpc-secret=${KEY}`] : []

/** What a call of `method` by HTTP needs, where backends are called so. */
export const rpcOverHttp = (method) => ({
  path: `${MOUNT}/${method}`,
  headers: {
    Authorization: `Bearer ${KEY}`,
    'x-anycable-meta-sid': 's1',
    'x-anycable-meta-protov': 'v1'
  }
})

/** The AnyCable server's version, as a number: 1.6.16 is 1.06. */
export const version = (() => {
  const text = execFileSync(SERVER, ['--version'], { encoding: 'utf8' })
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text)
  return Number(major) + Number(minor) / 100
})()

/** A list that can be waited for. */
export class Log {
  constructor(name) {
    this.name = name
    this.items = []
    this.waiting = new Set()
    this.taken = 0
  }

  push(item) {
    this.items.push(item)
    for (const waiter of [...this.waiting]) waiter()
  }

  /** The first item, now or later, that `match` is true for. */
  find(match, what = match, from = 0) {
    return this.#wait(() => {
      for (let i = from; i < this.items.length; i++)
        if (match(this.items[i])) return { item: this.items[i] }
    }, what).then((found) => found.item)
  }

  /** The next item: each is given once. */
  next() {
    const index = this.taken++
    return this.#wait(
      () => index < this.items.length && { item: this.items[index] },
      `item ${index}`
    ).then((found) => found.item)
  }

  #wait(look, what) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = look()
        if (!found) return
        clearTimeout(timer)
        this.waiting.delete(check)
        resolve(found)
      }
      const timer = setTimeout(() => {
        this.waiting.delete(check)
        const tail = this.items.slice(-30).map((item) =>
          typeof item === 'string' ? item : JSON.stringify(item))
        reject(new Error(`${this.name}: waited in vain for ${what}; it has:\n` +
          tail.join('\n')))
      }, PATIENCE)
      this.waiting.add(check)
      check()
    })
  }
}

const alive = new Set()
process.on('exit', () => alive.forEach((program) => program.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => process.exit(1))

// The programs of each test, which end with it, the last one first: all of
// them, before any one that did not end well fails it.
const owned = new Map()

function own(t, program) {
  if (!owned.has(t)) {
    owned.set(t, [])
    t.after(async () => {
      const ends = []
      for (const one of owned.get(t).reverse()) ends.push([one, await one.stop()])
      for (const one of owned.get(t)) one.keepLog()
      for (const [one, status] of ends)
        if (one.expects !== null)
          assert.equal(status, one.expects, one.lines.items.join('\n'))
    })
  }
  owned.get(t).push(program)
}

/**
 * A program under test: its lines, its journal (descriptor 3), its end.
 * `quit` asks it to end, by a signal if nothing else is said. If it does not
 * end with `expects`, the test fails.
 */
export class Program {
  constructor(t, name, command, args,
    { env = {}, quit = () => this.kill('SIGTERM'), expects = 0 } = {}) {
    this.quit = quit
    this.expects = expects
    this.lines = new Log(name)
    this.journal = new Log(`${name}'s journal`)
    this.child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe']
    })
    alive.add(this)
    this.#read(1, (line) => this.lines.push(line))
    this.#read(2, (line) => this.lines.push(line))
    this.#read(3, (line) => this.journal.push(JSON.parse(line)))
    this.child.stdin.on('error', () => {})
    this.exited = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.lines.push(`exited: ${command}: ${error.message}`)
        resolve(error.message)
      })
      this.child.on('exit', (code, signal) => {
        alive.delete(this)
        this.lines.push(`exited: ${signal ?? code}`)
        resolve(signal ?? code)
      })
    })
    own(t, this)
  }

  #read(fd, take) {
    createInterface({ input: this.child.stdio[fd] }).on('line', take)
  }

  kill(signal) {
    this.child.kill(signal)
  }

  /** All it said, for who looks into a failure: log/NAME-PID.log. */
  keepLog() {
    mkdirSync('log', { recursive: true })
    writeFileSync(`log/${this.lines.name}-${this.child.pid}.log`,
      this.lines.items.join('\n'))
  }

  /** Ends it, and tells how it ended: 0, or another status or signal. */
  async stop() {
    this.quit(this)
    const timer = setTimeout(() => this.kill('SIGKILL'), PATIENCE)
    const status = await this.exited
    clearTimeout(timer)
    return status
  }
}

/** A folder of its own for files of the test `t`. */
export function scratch(t) {
  const path = mkdtempSync(join(tmpdir(), 'anycable-e2e-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Starts a backend; `address` says where it listens. */
export async function startBackend(t, flags = [], host = '127.0.0.1:0') {
  const program = new Program(t, 'backend', BACKEND,
    [`--rpc-host=${host}`, '--journal-fd', '3', ...httpFlags, ...flags])
  return listening(program)
}

/**
 * Starts a program that uses anycable_main(), or that says "listening on" as it
 * does what that does: `address` says where.
 */
export async function startProgram(t, command, flags = [], options = {}) {
  const program = new Program(t, basename(command), command,
    ['--rpc-host=127.0.0.1:0', ...httpFlags, ...flags], options)
  const where = /(?:listening|serves gRPC(?: and HTTP)?) on (\S+)/
  const line = await program.lines.find(
    (l) => where.test(l) || l.startsWith('exited'), 'where it listens')
  program.address = where.exec(line)?.[1]
  if (!program.address) throw new Error(program.lines.items.join('\n'))
  return program
}

export async function listening(program) {
  const up = await program.lines.find((line) => /^(ready|exited)/.test(line),
    'ready')
  if (!up.startsWith('ready')) throw new Error(program.lines.items.join('\n'))
  const line = await program.lines.find((l) => l.startsWith('listening on '),
    'listening on')
  program.address = line.slice('listening on '.length)
  return program
}

/** A port that nobody uses, below those that the system gives to clients. */
async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const free = await new Promise((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
}

/** Starts a Redis, and gives its URL. */
export async function startRedis(t) {
  const port = await freePort()
  const redis = new Program(t, 'redis', 'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { expects: 0 })
  await redis.lines.find((line) => /Ready to accept connections/.test(line),
    'Ready to accept connections')
  return `redis://127.0.0.1:${port}`
}

// Proxies keep connections to backends, as they are set up to do.
const proxies = {
  nginx: (port, address, path) => [['-e', 'stderr', '-p', path, '-c', 'conf'], `
    daemon off; master_process off; pid ${path}/pid; error_log stderr notice;
    events {}
    http {
      access_log off; client_body_temp_path ${path}/body;
      proxy_temp_path ${path}/proxy; fastcgi_temp_path ${path}/fastcgi;
      uwsgi_temp_path ${path}/uwsgi; scgi_temp_path ${path}/scgi;
      upstream backend { server ${address}; keepalive 16; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://backend; proxy_http_version 1.1;
          proxy_set_header Connection "";
        }
      }
    }
  `],
  haproxy: (port, address, path) => [['-db', '-f', join(path, 'conf')], `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  http-reuse always
  server s ${address}
`]
}

async function startProxy(t, address) {
  const port = await freePort()
  const path = resolve('log', `${BY}-${port}`)
  mkdirSync(path, { recursive: true })
  const [args, text] = proxies[BY](port, address, path)
  writeFileSync(join(path, 'conf'), text)
  const proxy = new Program(t, BY, BY, args, { expects: null })
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${port}/health`)
      return `127.0.0.1:${port}`
    } catch {
      if (!alive.has(proxy)) throw new Error(proxy.lines.items.join('\n'))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Where the server finds the backend, and what it must know of it. */
async function rpcFlags(t, address) {
  if (!byHttp || !/^127/.test(address)) return [`--rpc_host=${address}`]
  const host = proxies[BY] ? await startProxy(t, address) : address
  return [`--rpc_host=http://${host}${MOUNT}`, `--http_rpc_secret=${KEY}`]
}

/** Starts the AnyCable server in front of the backend at `rpcHost`. */
export async function startServer(t, rpcHost, flags = []) {
  const rpc = await rpcFlags(t, rpcHost)
  for (let tries = 1; ; tries++) {
    const [port, broadcastPort] = [await freePort(), await freePort()]
    const program = new Program(t, 'AnyCable', SERVER, [
      '--host=127.0.0.1', `--port=${port}`, ...rpc,
      '--broadcast_adapter=http', `--http_broadcast_port=${broadcastPort}`,
      '--metrics_http=/metrics', '--log_level=debug', '--log_format=json', ...flags
    ], {
      env: { ANYCABLE_DISABLE_TELEMETRY: 'true', GRPC_GO_LOG_SEVERITY_LEVEL: 'info' },
      expects: null
    })
    program.base = `http://127.0.0.1:${port}`
    program.broadcastBase = `http://127.0.0.1:${broadcastPort}`
    if (await healthy(program)) return program
    // Somebody else may have taken the port meanwhile.
    if (tries === 3) throw new Error(program.lines.items.join('\n'))
  }
}

async function healthy(program) {
  let gone = false
  program.exited.then(() => { gone = true })
  for (const start = Date.now(); !gone && Date.now() - start < PATIENCE;) {
    try {
      if ((await fetch(`${program.base}/health`)).ok) return true
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return false
}

/**
 * Starts such a program that publishes by Redis, and the server, which is
 * subscribed then. `publish` does it by the same way, which is the same order.
 */
export async function startPublisher(t, redis, command, flags = []) {
  const channel = `__${basename(command)}__`
  const program = await startProgram(t, command, [`--redis-url=${redis}`,
    `--redis-channel=${channel}`, '--broadcast-adapter=redis'])
  const server = await startServer(t, program.address, [
    '--broadcast_adapter=redis', `--redis_url=${redis}`,
    `--redis_channel=${channel}`, ...flags])
  await server.lines.find((line) => /subscribed to redis channel/i.test(line),
    'the subscription to Redis')
  const publish = (stream, message) => execFileSync(process.env.E2E_TOOL,
    ['broadcast', `--redis-url=${redis}`, `--redis-channel=${channel}`, stream,
      JSON.stringify(message)])
  return { program, server, publish }
}

/** Publishes `message` to everybody who is subscribed to `stream`. */
export async function broadcast(server, stream, message) {
  const response = await fetch(`${server.broadcastBase}/_broadcast`, {
    method: 'POST',
    body: JSON.stringify({ stream, data: JSON.stringify(message) })
  })
  if (response.status !== 201) throw new Error(`${response.status}`)
}

/** The value of one of the server's metrics. */
export async function metric(server, name) {
  const text = await (await fetch(`${server.base}/metrics`)).text()
  const line = text.split('\n').find((l) => l.startsWith(`anycable_go_${name} `))
  return Number(line.split(' ')[1])
}

/** The identifier of a subscription, as the official clients write it. */
export const id = (channel, params = {}) => JSON.stringify({ channel, ...params })

/**
 * Twelve clients that ask all the time, some of them new: in the channel `room`,
 * for what `what(n, i)` says. The first failure ends them all.
 */
export function startTraffic(t, server, room,
  what = (n, i) => ({ action: 'echo', n, i })) {
  let over = false
  let answers = 0
  const ask = async (n) => {
    const client = await Client.open(t, server)
    await client.subscribe(room)
    for (let i = 0; i < 20 && !over; i++) {
      const { action, ...args } = what(n, i)
      assert.deepEqual(await client.ask(room, action, args), { action, ...args })
      answers++
    }
    await client.close()
  }
  const clients = Promise.all([...Array(12).keys()].map(async (n) => {
    while (!over) await ask(n)
  })).finally(() => { over = true })
  clients.catch(() => {}) // it is awaited in stop()
  return {
    get failed() { return over },
    /** Waits for more answers, or for a failure. */
    async more(count) {
      for (const goal = answers + count; answers < goal && !over;)
        await new Promise(setImmediate)
    },
    async stop() {
      over = true
      await clients
    }
  }
}

/** A client that shows every frame but pings. */
export class Client {
  constructor(server, query = '', options = {}) {
    this.socket = new WebSocket(`${server.base.replace('http', 'ws')}${options.path ?? '/cable'}${query}`,
      options.protocol ?? 'actioncable-v1-json', { headers: options.headers ?? {} })
    this.frames = new Log(`client ${query}`)
    this.socket.on('error', (error) => this.frames.push(`${error}`))
    this.socket.on('message', (bytes) => {
      this.raw = `${bytes}`
      const frame = JSON.parse(bytes)
      if (frame.type !== 'ping') this.frames.push(frame)
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.frames.push(`closed: ${code} ${reason}`)
        resolve(code)
      })
    })
  }

  /** A client that was let in. */
  static async open(t, server, query = '?user=jack', options = {}) {
    const client = new Client(server, query, options)
    t.after(() => client.socket.terminate())
    client.welcome = await client.next()
    if (client.welcome.type !== 'welcome')
      throw new Error(`no welcome but ${JSON.stringify(client.welcome)}`)
    return client
  }

  next() {
    return this.frames.next()
  }

  send(command, identifier, data) {
    this.socket.send(JSON.stringify({ command, identifier, data }))
  }

  async subscribe(identifier) {
    this.send('subscribe', identifier)
    return this.next()
  }

  perform(identifier, action, args = {}) {
    this.send('message', identifier, JSON.stringify({ action, ...args }))
  }

  /** Performs, and gives the message that comes next. */
  async ask(identifier, action, args = {}) {
    this.perform(identifier, action, args)
    return (await this.next()).message
  }

  close() {
    this.socket.close()
    return this.closed
  }
}
