import { once } from 'node:events'
import { connect as tcpConnect, type Socket } from 'node:net'
import ssh2, { type Client } from 'ssh2'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeClock, settle } from '../../fakes/fake-clock.ts'
import { behaviourNamed, BEHAVIOURS } from './behaviours/index.ts'
import { HOSTILE } from './behaviours/hostile-names.ts'
import { EngineSim } from './engine-sim.ts'
import { GuestSim } from './guest-sim.ts'
import { connect, loginOf, openSocket, readAll, run } from './peers.ts'

const user = loginOf('ed25519')
const SOCKET = '/var/run/docker.sock'
let guest: GuestSim
let clock: FakeClock
let clients: { destroy(): unknown }[]

beforeEach(async () => {
  clients = []
  clock = new FakeClock()
  const engine = new EngineSim({ clock, containers: [{ name: 'web' }] })
  const users = { core: { authorizedKeys: [user.line], groups: ['docker'] } }
  guest = await GuestSim.start({ address: '127.1.3.1', engine, users, tools: ['socat'] })
})

afterEach(async () => {
  for (const client of clients) client.destroy()
  await guest.stop()
})

async function login(): Promise<Client> {
  const client = await connect(guest, user.privateKey)
  clients.push(client)
  return client
}

/** The raw answer to a GET that asks for the connection to be closed after it. */
async function get(path: string, enough?: number): Promise<string> {
  const stream = await openSocket(await login(), SOCKET)
  stream.write(`GET ${path} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n`)
  return readAll(stream, enough)
}

async function list(): Promise<Record<string, unknown>[]> {
  const answer = await get('/containers/json?all=1')
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>[]
}

function tcp(): Socket {
  const socket = tcpConnect(guest.port, guest.address)
  clients.push(socket)
  return socket
}

/** How far an ssh2 client gets, by its own account: at least so far, and what comes within a moment after that. */
async function handshake(reached = ''): Promise<string> {
  const client = new ssh2.Client()
  clients.push(client)
  let log = ''
  client.on('ready', () => (log += 'READY')).on('error', () => undefined)
  const debug = (line: string) => void (log += `${line}\n`)
  const { address: host, port } = guest
  client.connect({ host, port, username: 'core', privateKey: user.privateKey, readyTimeout: 0, debug })
  const pause = () => new Promise((resolve) => setTimeout(resolve, 150))
  for (let tries = 0; tries < 100 && !log.includes(reached); tries++) await pause()
  await pause()
  return log
}

const PROOFS: Readonly<Record<string, () => Promise<void>>> = {
  'accept-and-close': async () => expect(await readAll(tcp())).toBe(''),
  'endless-banner': async () => {
    const text = await readAll(tcp(), 1_000_000)
    expect(text).not.toContain('SSH-')
    expect(text.length).toBeGreaterThanOrEqual(1_000_000)
  },
  'stalled-handshake-connected': async () => expect(await handshake()).not.toContain('Remote ident'),
  'stalled-handshake-greeted': async () => {
    const log = await handshake('Remote ident')
    expect(log).toContain("Remote ident: 'SSH-2.0-OpenSSH")
    expect(log).not.toContain('Handshake: (remote) KEX')
  },
  'stalled-handshake-offered': async () => {
    const log = await handshake('Handshake: (remote) KEX')
    expect(log).toContain('Handshake: (remote) KEX')
    expect(log).not.toContain('Inbound: NEWKEYS')
  },
  'stalled-handshake-encrypted': async () => {
    const log = await handshake('Inbound: NEWKEYS')
    expect(log).toContain('Inbound: NEWKEYS')
    expect(log).not.toContain('SERVICE_ACCEPT')
  },
  'stalled-handshake-login': async () => {
    const log = await handshake('Outbound: Sending USERAUTH')
    expect(log).toContain('Outbound: Sending USERAUTH_REQUEST (publickey')
    expect(log).not.toMatch(/READY|USERAUTH_PK_OK|publickey auth failed/)
  },
  'key-not-installed': async () => {
    await expect(login()).rejects.toThrow('All configured authentication methods failed')
    expect(guest.counters.authRefused).toBe(1)
  },
  'wrong-user': async () => expect(login()).rejects.toThrow('All configured authentication methods failed'),
  'no-stream-local': async () => {
    const client = await login()
    await expect(openSocket(client, SOCKET)).rejects.toMatchObject({ reason: 2, message: /open failed$/ })
    const answer = await run(client, `socat - UNIX:${SOCKET}`, 'GET /_ping HTTP/1.0\r\n\r\n')
    expect(answer.out).toMatch(/OK$/)
  },
  'unknown-channel-type': async () => {
    await expect(openSocket(await login(), SOCKET)).rejects.toMatchObject({ reason: 3 })
  },
  'no-tools': async () => {
    const client = await login()
    await expect(openSocket(client, SOCKET)).rejects.toMatchObject({ reason: 2 })
    expect(await run(client, `socat - UNIX:${SOCKET}`)).toMatchObject({ code: 127 })
  },
  'no-docker': async () => {
    const client = await login()
    await expect(openSocket(client, SOCKET)).rejects.toMatchObject({ reason: 2 })
    expect((await run(client, `socat - UNIX:${SOCKET}`)).err).toContain('No such file or directory')
  },
  'socket-forbidden': async () => {
    const client = await login()
    await expect(openSocket(client, SOCKET)).rejects.toMatchObject({ reason: 2 })
    expect((await run(client, `socat - UNIX:${SOCKET}`)).err).toContain('Permission denied')
  },
  'silent-channel': async () => {
    const stream = await openSocket(await login(), SOCKET)
    stream.write('GET /_ping HTTP/1.0\r\n\r\n')
    expect(await silence(stream)).toBe('')
    expect(guest.engine.openConnections).toBe(0)
  },
  'html-engine': async () => expect(await get('/version')).toMatch(/^HTTP\/1\.1 200 OK[^]*text\/html[^]*<\/html>\n$/),
  'truncated-json': async () => {
    expect(await get('/containers/json')).toMatch(/\r\nTransfer-Encoding: chunked[^]*"\/we\r\n0\r\n\r\n$/)
  },
  'cut-reply': async () => expect(await get('/info')).toMatch(/Content-Length: 1000[^]*"36903bd6eb08",$/),
  'huge-reply': async () => {
    expect((await get('/containers/json', 20_000_000)).length).toBeGreaterThanOrEqual(20_000_000)
    expect(await get('/_ping')).toMatch(/OK$/)
  },
  'slow-reply': async () => {
    const stream = await openSocket(await login(), SOCKET)
    stream.write('GET /version HTTP/1.0\r\n\r\n')
    let body = ''
    stream.on('data', (data: Buffer) => (body = (body + data.toString()).replace(/^HTTP[^]*\r\n\r\n/, '')))
    await expect.poll(() => clock.pending).toBe(1)
    for (const seconds of [1, 2, 3]) {
      await clock.advance(1000)
      await expect.poll(() => body.length).toBe(seconds)
    }
  },
  'silent-engine': async () => {
    const stream = await openSocket(await login(), SOCKET)
    stream.write('GET /_ping HTTP/1.0\r\n\r\n')
    await expect.poll(() => guest.engine.requests.get('GET /_ping')).toBe(1)
    expect(await silence(stream)).toBe('')
  },
  'server-error': async () => expect(await get('/info')).toMatch(/^HTTP\/1\.1 500 [^]*"message":"layer does not exist/),
  'deep-json': async () => {
    const value = await list()
    let depth = 0
    for (let at: unknown = value[0]!['Labels']; typeof at === 'object'; at = (at as { a: unknown }).a) depth++
    expect(depth).toBe(100_000)
  },
  'endless-headers': async () => {
    const text = await get('/_ping', 1_000_000)
    expect(text.startsWith('HTTP/1.1 200 OK\r\nX-Filler: ')).toBe(true)
    expect(text).not.toContain('\r\n\r\n')
  },
  'negative-content-length': async () => expect(await get('/_ping', 60)).toContain('\r\nContent-Length: -1\r\n'),
  'endless-event-line': async () => {
    const text = await get('/events', 1_000_000)
    expect(text.slice(text.indexOf('{')).replace(/\r\n[0-9a-f]+\r\n/g, '')).not.toContain('\n')
  },
  'event-flood': async () => {
    const lines = (await get('/events', 1_000_000)).split('\n').filter((line) => line.startsWith('{"Type"'))
    expect(lines.length).toBeGreaterThan(1000)
    expect(JSON.parse(lines[5]!)).toMatchObject({ Type: 'container', Action: 'exec_start: /bin/true' })
  },
  'half-events': async () => {
    const stream = await openSocket(await login(), SOCKET)
    stream.write('GET /events HTTP/1.0\r\n\r\n')
    const text = readAll(stream)
    await expect.poll(() => clock.pending).toBe(1)
    await clock.advance(1000)
    const [start, die, half, ...rest] = (await text).split('\r\n\r\n')[1]!.split('\n')
    expect([JSON.parse(start!), JSON.parse(die!)]).toMatchObject([{ Action: 'start' }, { Action: 'die' }])
    expect(start).toContain('grüße-🐳')
    expect(() => JSON.parse(half!) as unknown).toThrow()
    expect(rest).toEqual([])
  },
  'hostile-names': async () => {
    const commands = (await list()).map((each) => each['Command'])
    expect(commands).toEqual(['sleep 1000', ...HOSTILE].reverse())
  },
  'huge-strings': async () => {
    const [big] = await list()
    expect(
      [big!['Command'], (big!['Names'] as string[])[0], big!['Image']].map((each) => (each as string).length),
    ).toEqual([1_048_576, 1_048_577, 1_048_576])
  },
  'label-entry': async () => {
    expect((await list())[0]).toMatchObject({
      Labels: { entry: 'ghost' },
      NetworkSettings: { Networks: { entry: {} } },
    })
  },
  'nameless-containers': async () => {
    expect((await list()).map((each) => each['Names'])).toEqual([
      ['/web/cache', '/cache'],
      ['/web/db', '/app/db'],
      [''],
      [],
      ['/web'],
    ])
  },
  'huge-list': async () => expect(await list()).toHaveLength(100_001),
}

async function silence(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  stream.on('data', (data: Buffer) => (text += data.toString()))
  await new Promise((resolve) => setTimeout(resolve, 100))
  return text
}

test('accept-and-close: a connection is over for the simulator too when the client had said something', async () => {
  guest.behave(behaviourNamed('accept-and-close'))
  const socket = tcp()
  socket.write('SSH-2.0-client\r\n')
  socket.resume()
  await once(socket, 'close')
  await expect.poll(() => guest.counters.connections).toBe(1)
  await expect.poll(() => guest.counters.open, { timeout: 10_000 }).toBe(0)
})

test('every behaviour has a proof here, a sentence and a name of its own', () => {
  expect(Object.keys(PROOFS).sort()).toEqual(BEHAVIOURS.map((each) => each.name).sort())
  expect(BEHAVIOURS.filter((each) => !/^.{20,}\.$/.test(each.summary))).toEqual([])
  expect(() => behaviourNamed('no-such')).toThrow('there are accept-and-close')
})

test.each(Object.keys(PROOFS))('%s', async (name) => {
  const end = guest.behave(behaviourNamed(name))
  await PROOFS[name]!()
  end()
  await settle()
  // What was wrong is right again for the next connection.
  expect((await list()).map((each) => each['Names'])).toEqual([['/web']])
})

test('the latest of several faults is the one that is met', async () => {
  const end = guest.behave(behaviourNamed('html-engine'))
  guest.behave(behaviourNamed('server-error'))
  expect(await get('/info')).toContain('500')
  end()
  expect(await get('/info')).toContain('500')
})

test('a fault given at the start is on from the first connection', async () => {
  const behaviours = [behaviourNamed('accept-and-close')]
  const other = await GuestSim.start({ address: '127.1.3.2', behaviours })
  const socket = tcpConnect(other.port, other.address)
  socket.resume()
  await once(socket, 'close')
  expect(socket.bytesRead).toBe(0)
  await other.stop()
})
