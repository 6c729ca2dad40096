import ssh2, { type Client, type ClientChannel } from 'ssh2'
import type Docker from 'dockerode'
import { afterEach, describe, expect, test } from 'vitest'
import { EngineSim } from './engine-sim.ts'
import { GuestSim, type GuestOptions } from './guest-sim.ts'
import { hostKeyFor } from './host-keys.ts'
import { connect, dockerOn, loginOf, openSocket, run } from './peers.ts'

const user = loginOf('ed25519')
const guests: GuestSim[] = []
const clients: Client[] = []

async function guest(options: Partial<GuestOptions> = {}): Promise<GuestSim> {
  const users = { core: { authorizedKeys: [user.line], groups: ['docker'] } }
  const made = await GuestSim.start({ address: '127.1.1.1', users, ...options })
  guests.push(made)
  return made
}

async function login(to: GuestSim, key = user.privateKey, username = 'core'): Promise<Client> {
  const client = await connect(to, key, username)
  clients.push(client)
  return client
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  for (const each of guests.splice(0)) await each.stop()
})

describe('logging in', () => {
  test('a listed key may, whether ed25519 or RSA with SHA-2', async () => {
    const rsa = loginOf('rsa')
    const to = await guest({ users: { core: { authorizedKeys: ['# note', `no-pty ${rsa.line} comment`, user.line] } } })
    await login(to)
    await login(to, rsa.privateKey)
    expect(to.counters).toMatchObject({ connections: 2, open: 2, handshaking: 0, authRefused: 0 })
  })

  test('another key, another user or a wrong signature may not', async () => {
    const to = await guest()
    await expect(login(to, loginOf('ed25519', 2).privateKey)).rejects.toThrow('authentication methods failed')
    await expect(login(to, user.privateKey, 'admin')).rejects.toThrow('authentication methods failed')
    expect(to.counters.authRefused).toBe(2)
  })

  test('a listed public key without its private key may not: the signature is checked', async () => {
    const to = await guest()
    const client = new ssh2.Client()
    const failed = new Promise<Error>((resolve) => client.on('error', resolve))
    client.connect({ host: to.address, port: to.port, username: 'core', agent: new Liar(user.privateKey) })
    expect((await failed).message).toContain('authentication methods failed')
    expect(to.counters).toMatchObject({ authAttempts: 2, authRefused: 1 })
  })

  test('the host key is the one told, another after a rotation, and its type can be chosen', async () => {
    const to = await guest({ hostKey: 'rsa' })
    const seen: string[] = []
    const look = () => connect(to, user.privateKey, 'core', (key) => void seen.push(key.toString('base64')))
    clients.push(await look())
    const first = to.hostKey
    to.rotateHostKey()
    clients.push(await look())
    expect(seen).toEqual([first, to.hostKey])
    expect(new Set(seen).size).toBe(2)
  })
})

describe('channels to sockets', () => {
  test('dockerode reads the list over one', async () => {
    const engine = new EngineSim({ containers: [{ name: 'web' }, { name: 'old', state: 'exited' }] })
    const client = await login(await guest({ engine }))
    const docker = await dockerOver(client)
    const list = await docker.listContainers({ all: true })
    expect(list.map((each) => each.Names)).toEqual([['/old'], ['/web']])
    expect(engine.requests.get('GET /containers/json')).toBe(1)
  })

  test('missing, forbidden and engine down are refused with the same words', async () => {
    const sockets = [{ path: '/var/run/docker.sock', groups: ['wheel'] }, { path: '/run/docker.sock' }]
    const to = await guest({ sockets })
    const client = await login(to)
    to.engine.stopEngine()
    for (const path of ['/nope.sock', '/var/run/docker.sock', '/run/docker.sock']) {
      await expect(openSocket(client, path)).rejects.toMatchObject({
        message: '(SSH) Channel open failure: open failed',
        reason: 2,
      })
    }
    expect(to.counters).toMatchObject({ channelsOpened: 0, channelsRefused: 3 })
  })

  test('forty at a time, and all are gone after the client', async () => {
    const to = await guest()
    const client = await login(to)
    await Promise.all(Array.from({ length: 40 }, () => openSocket(client, '/run/docker.sock')))
    expect([to.counters.channels, to.engine.openConnections]).toEqual([40, 40])
    client.destroy()
    await expect.poll(() => [to.counters.channels, to.engine.openConnections]).toEqual([0, 0])
  })
})

describe('commands', () => {
  test.each([
    ['docker', 'docker system dial-stdio'],
    ['socat', 'exec socat - UNIX-CONNECT:/run/docker.sock'],
    ['ncat', 'ncat -U /run/docker.sock'],
    ['nc', 'nc -U /run/docker.sock'],
  ])('%s joins with the engine where the guest has it', async (tool, command) => {
    const client = await login(await guest({ tools: [tool] }))
    const answer = await run(client, command, 'GET /_ping HTTP/1.0\r\n\r\n')
    expect(answer.out).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\n\r\nOK$/)
    const bare = await login(await guest({ address: '127.1.1.2' }))
    expect(await run(bare, command)).toMatchObject({
      code: 127,
      err: expect.stringContaining(`${tool}: not found`) as string,
    })
  })

  test('of several named tools the first that is there is used', async () => {
    const to = await guest({ tools: ['nc'] })
    const answer = await run(
      await login(to),
      'socat - UNIX:/run/docker.sock || nc -U /run/docker.sock',
      'HEAD / HTTP/1.0\r\n\r\n',
    )
    expect(answer.out).toContain('404')
    expect(to.commands).toHaveLength(1)
  })

  test('a tool tells why the socket cannot be reached', async () => {
    const to = await guest({ tools: ['socat'], sockets: [{ path: '/run/docker.sock', groups: [] }] })
    const client = await login(to)
    expect(await run(client, 'socat - UNIX:/run/docker.sock')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Permission denied') as string,
    })
    expect(await run(client, 'socat - UNIX:/a.sock')).toMatchObject({
      code: 1,
      err: expect.stringContaining('No such file') as string,
    })
  })

  test('a real shell runs scripts with the PATH of the test', async () => {
    const client = await login(await guest({ realShell: { path: '/usr/bin:/bin' } }))
    const answer = await run(client, 'cat; id -un >/dev/null && echo "$USER $PWD" >&2; exit 3', 'text')
    expect(answer).toMatchObject({ code: 3, out: 'text', err: expect.stringMatching(/^core \/.*guest-/) as string })
  })

  test('more sessions than sshd allows are refused', async () => {
    const to = await guest({ tools: ['socat'], maxSessions: 2 })
    const client = await login(to)
    const open = () =>
      new Promise<ClientChannel>((resolve, reject) => {
        client.exec('socat - UNIX:/run/docker.sock', (error, channel) => (error ? reject(error) : resolve(channel)))
      })
    const first = await open()
    await open()
    await expect(open()).rejects.toThrow('open failed')
    first.end()
    await expect
      .poll(async () =>
        open().then(
          () => 'open',
          () => 'refused',
        ),
      )
      .toBe('open')
  })
})

describe('what befalls a guest', () => {
  test('frozen: TCP stays and nothing answers, old connections and new; thawed: all goes on', async () => {
    const to = await guest()
    const client = await login(to)
    to.freeze()
    const stream = openSocket(client, '/run/docker.sock')
    const second = login(to)
    const state = { stream: 'waiting', second: 'waiting' }
    void stream.then(() => (state.stream = 'open'))
    void second.then(() => (state.second = 'open'))
    await expect.poll(() => to.counters.connections).toBe(2)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(state).toEqual({ stream: 'waiting', second: 'waiting' })
    to.thaw()
    await Promise.all([stream, second])
  })

  test('frozen: neither requests go in nor events come out until it thaws', async () => {
    const to = await guest()
    const client = await login(to)
    const [events, other] = await Promise.all([
      openSocket(client, '/run/docker.sock'),
      openSocket(client, '/run/docker.sock'),
    ])
    let heard = ''
    events.on('data', (data: Buffer) => (heard += data.toString()))
    events.write('GET /events HTTP/1.0\r\n\r\n')
    await expect.poll(() => to.engine.eventStreams).toBe(1)
    to.freeze()
    to.engine.run({ name: 'unseen' })
    other.write('GET /_ping HTTP/1.0\r\n\r\n')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(heard).not.toContain('unseen')
    expect(to.engine.requests.get('GET /_ping')).toBeUndefined()
    to.thaw()
    await expect.poll(() => [heard.includes('unseen'), to.engine.requests.get('GET /_ping')]).toEqual([true, 1])
  })

  test('refused and admitted again on the same port', async () => {
    const to = await guest()
    to.refuse()
    await expect(login(to)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await to.admit()
    await login(to)
  })

  test('dropped: the client learns of it', async () => {
    const to = await guest()
    const client = await login(to)
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    to.dropConnections()
    await closed
    expect(to.counters.open).toBe(0)
  })

  test('handshakes at the same time are counted', async () => {
    const to = await guest()
    await Promise.all([login(to), login(to), login(to)])
    expect(to.counters).toMatchObject({ handshaking: 0, connections: 3 })
    expect(to.counters.mostHandshaking).toBeGreaterThan(1)
  })
})

test('every host key that is made can be used', () => {
  const blobs = Array.from({ length: 1000 }, () => Buffer.from(hostKeyFor().publicBase64, 'base64'))
  expect(new Set(blobs.map((blob) => blob.length))).toEqual(new Set([51]))
})

test('a hundred and fifty guests in one process', async () => {
  const many = await Promise.all(
    Array.from({ length: 150 }, (_, i) =>
      guest({ address: `127.1.2.${i + 1}`, engine: new EngineSim({ name: `g${i}` }) }),
    ),
  )
  await Promise.all(many.map((each) => login(each)))
  expect(new Set(many.map((each) => each.hostKey)).size).toBe(150)
})

/** Shows a key that it does not hold. */
class Liar extends ssh2.BaseAgent<Buffer> {
  readonly #publicKey: Buffer
  constructor(privateKey: string) {
    super()
    this.#publicKey = (ssh2.utils.parseKey(privateKey) as ssh2.ParsedKey).getPublicSSH()
  }
  override getIdentities(done: (error: undefined, keys: Buffer[]) => void): void {
    done(undefined, [this.#publicKey])
  }
  override sign(...args: unknown[]): void {
    const done = args.at(-1) as (error: undefined, signature: Buffer) => void
    done(undefined, Buffer.alloc(64))
  }
}

async function dockerOver(client: Client): Promise<Docker> {
  const channel = await openSocket(client, '/var/run/docker.sock')
  return dockerOn(() => channel)
}
