import { readFile } from 'node:fs/promises'
import type { ClientCallback, ExecOptions } from 'ssh2'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { Engine } from '../../src/engine/engine.ts'
import { keyLineFor, rootlessSockets } from '../../src/transports/ssh/key-line.ts'
import { parsePrivateKey } from '../../src/transports/ssh/ssh-key.ts'
import { SshTransport } from '../../src/transports/ssh/ssh-transport.ts'
import { nextKeyIsMade } from '../scenarios/guest-keys.ts'
import { cliOn } from '../scenarios/run-cli.ts'
import type { World } from '../scenarios/world.ts'
import { POOL_PUBLIC_LINE } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { describeReal } from './describe-real.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealSshd } from './real-sshd.ts'
import { addVm, endAll, startWorld, type RealSetting } from './real-world.ts'
import { sshExec, sshLogin } from './ssh-probe.ts'
import { testKey } from './test-key.ts'

const OTHERS = testKey('ed25519').publicKey
const { signal } = new AbortController()
/** A user with a plain line, and one with a restricted one. */
const [PLAIN, RESTRICTED] = ['core', 'watcher'] as const

describeReal('the key of the pool', ['sshd', 'dockerd'], () => {
  const setting: RealSetting = { guests: [] }
  const own = testKey()
  let guest: RealGuest
  let sshd: RealSshd
  let dockerd: RealDockerd
  let world: World
  let vms: SimVm[]

  beforeAll(async () => {
    guest = await RealGuest.start()
    setting.guests.push(guest)
    dockerd = await RealDockerd.start(guest, { net: 'host' })
    sshd = await RealSshd.start(guest, { addresses: 2, network: '127.61.7' })
    await dockerd.containers.run({ name: 'web', network: 'none', cmd: ['sleep', '1000'] })
    const groups = ['docker']
    await guest.addUser({ name: PLAIN, groups, keys: [OTHERS, `no-pty ${POOL_PUBLIC_LINE}`] })
    await guest.addUser({
      name: RESTRICTED,
      groups,
      keys: [keyLineFor(POOL_PUBLIC_LINE, true), OTHERS, keyLineFor(own.publicKey, true)],
    })
    world = setting.world = await startWorld(sshd.port)
  }, 120_000)
  afterAll(() => endAll(setting))

  const login = (username: string, privateKey = own.privateKey) =>
    sshLogin({ host: sshd.address, port: sshd.port, username, privateKey })
  const keysOf = async (user: string) =>
    (await readFile(guest.path('home', user, '.ssh', 'authorized_keys'), 'utf8')).trimEnd().split('\n')

  /** What a client gets when it asks for something: an error's text, or what came. */
  function attempt(ask: (done: (error?: Error | null, got?: unknown) => void) => unknown) {
    return new Promise<string>((resolve) => {
      ask((error, got) => resolve(error === undefined || error === null ? `got ${typeof got}` : error.message))
    })
  }

  it('a restricted one gets no shell, no command, no files, no TCP, no agent and no terminal', async () => {
    const client = await login(RESTRICTED)
    try {
      const refusal = { code: 1, output: 'xscontainer: this key is for monitoring only\n' }
      for (const command of [
        'id',
        'sh',
        'scp -f /etc/passwd',
        'docker ps',
        "sh -c 'true; exec nc -U /etc;id'",
        'xsc:key:add',
      ]) {
        expect([command, await sshExec(client, command)]).toEqual([command, refusal])
      }
      const shell = await new Promise<string>((resolve, reject) =>
        client.shell(false, (error, channel) => {
          if (error) return reject(error)
          let said = ''
          channel.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
          channel.on('data', (chunk: Buffer) => (said += chunk.toString())).on('close', () => resolve(said))
          channel.end('id\n')
        }),
      )
      expect(shell).toBe(refusal.output)
      expect(await attempt((done) => client.shell({}, done))).toMatch(/pseudo-terminal/)
      expect(await attempt((done) => client.sftp(done))).not.toMatch(/^got/)
      for (const [host, port] of [
        [sshd.address, sshd.port],
        ['127.0.0.1', sshd.port],
      ] as const) {
        expect(await attempt((done) => client.forwardOut('127.0.0.1', 1, host, port, done))).toMatch(
          /open failed|prohibited|refused/i,
        )
      }
      expect(await attempt((done) => client.forwardIn('127.0.0.1', 0, done))).toMatch(/unable to bind/i)
      expect(await attempt((done) => client.forwardIn('127.0.0.1', 40_123, done))).toMatch(/unable to bind/i)
      for (const path of ['/run/dbus/system_bus_socket', '/run/any.sock']) {
        expect(await attempt((done) => client.openssh_forwardOutStreamLocal(path, done))).toMatch(/open failed/i)
      }
      // What no option of a key closes: docs/keys.md says so.
      const listens = client as unknown as { openssh_forwardInStreamLocal(path: string, done: ClientCallback): void }
      expect(await attempt((done) => listens.openssh_forwardInStreamLocal(`/home/${RESTRICTED}/mine.sock`, done))).toBe(
        'got undefined',
      )
      expect(await attempt((done) => client.exec('id', { x11: true }, done))).toMatch(/X11/)
    } finally {
      client.end()
    }
    const agent = await sshLogin({
      host: sshd.address,
      port: sshd.port,
      username: RESTRICTED,
      privateKey: own.privateKey,
      agent: '/nobody',
    })
    expect(await attempt((done) => agent.exec('id', { agentForward: true } as ExecOptions, done))).toMatch(
      /agent forwarding/,
    )
    agent.end()
  })

  it.each([
    ['stream-local', []],
    ['docker system dial-stdio', ['AllowStreamLocalForwarding no']],
  ] as const)('a restricted one gets to the engine by %s', async (rung, config) => {
    await sshd.stop()
    await sshd.configure(...config)
    await sshd.startAgain()
    const key = parsePrivateKey(own.privateKey)
    const limits = { port: sshd.port, connectTimeoutMs: 10_000, keepaliveMs: 60_000 }
    const transport = new SshTransport({ clock: systemClock, key: () => Promise.resolve(key) }, limits)
    const target = {
      vmUuid: 'v',
      mode: 'ssh',
      addresses: [sshd.address],
      username: RESTRICTED,
      pinnedHostKey: undefined,
      socketPath: undefined,
    }
    const link = await transport.connect(target, signal)
    try {
      expect(link.facts).toMatchObject({ rung, socketPath: '/var/run/docker.sock' })
      const openStream = (inTime: AbortSignal) => link.openStream(inTime)
      const bounds = { callMs: 15_000, replyBytes: 1 << 20, eventLineBytes: 1 << 20 }
      const engine = await Engine.open({ clock: systemClock, openStream }, bounds, signal)
      expect(engine.product).toBe('docker')
    } finally {
      link.close()
    }
  })

  it('a guest that has the previous one only is reached within one connection', async () => {
    await sshd.stop()
    await sshd.configure('MaxAuthTries 3')
    await sshd.startAgain()
    const [unknown, previous] = [testKey().privateKey, own.privateKey].map(parsePrivateKey)
    const limits = { port: sshd.port, connectTimeoutMs: 10_000, keepaliveMs: 60_000 }
    const keys = { key: () => Promise.resolve(unknown!), previousKey: () => Promise.resolve(previous) }
    const target = {
      vmUuid: 'v',
      mode: 'ssh',
      addresses: [sshd.address],
      pinnedHostKey: undefined,
      socketPath: undefined,
    }
    const transport = new SshTransport({ clock: systemClock, ...keys }, limits)
    const link = await transport.connect({ ...target, username: RESTRICTED }, signal)
    link.close()
    // Neither is there: both are refused, and the reason is that of any other refused key.
    await expect(transport.connect({ ...target, username: PLAIN }, signal)).rejects.toMatchObject({
      diagnosis: { kind: 'auth-refused' },
    })
    const lines = sshd
      .log()
      .match(/^(?:Accepted|Connection from|Failed|Connection (?:closed|reset)|Disconnecting).*$/gm)
    expect(lines?.filter((line) => line.startsWith('Accepted'))).toHaveLength(1)
  })

  it('is changed while both are monitored, each line in its own way', async () => {
    await sshd.stop()
    await sshd.configure()
    await sshd.startAgain()
    vms = [PLAIN, RESTRICTED].map((user, i) =>
      addVm(world, user, [sshd.addresses[i]!], { 'xscontainer-username': user }),
    )
    await world.startDaemon()
    for (const vm of vms) await world.untilMonitored(vm, 60)
    const line = await nextKeyIsMade(world)
    const { code, out } = await cliOn(world)(['key', 'rotate'])
    expect([code, out]).toEqual([0, expect.stringContaining('The key before it is forgotten')])
    expect((await cliOn(world)(['key', 'show'])).out).toBe(`${line}\n`)
    expect(await keysOf(PLAIN)).toEqual([OTHERS, `no-pty ${line}`])
    expect(await keysOf(RESTRICTED)).toEqual([OTHERS, keyLineFor(own.publicKey, true), keyLineFor(line, true)])
    await expectMonitoredAfterReconnect()
  }, 120_000)

  it('--restrict restricts the new line, by a key that was not', async () => {
    const before = (await cliOn(world)(['key', 'show'])).out.trim()
    const { code, out } = await cliOn(world)(['key', 'rotate', '--restrict'])
    expect([code, out]).toEqual([0, expect.stringContaining('The key before it is forgotten')])
    const line = (await cliOn(world)(['key', 'show'])).out.trim()
    expect(line).not.toBe(before)
    const uid = (await guest.exec('id', '-u', PLAIN)).trim()
    expect(await keysOf(PLAIN)).toEqual([OTHERS, keyLineFor(line, true, rootlessSockets(uid))])
    expect(await keysOf(RESTRICTED)).toEqual([OTHERS, keyLineFor(own.publicKey, true), keyLineFor(line, true)])
    await expectMonitoredAfterReconnect()
  }, 120_000)

  async function expectMonitoredAfterReconnect(): Promise<void> {
    for (const vm of vms) expect([world.wipes(vm), world.containers(vm)['web']?.['status']]).toEqual([0, 'Up'])
    const [connections, lists] = [sshd.connections(), vms.map((vm) => world.writesTo(vm).length)]
    expect([connections, lists.length]).toEqual([2, 2])
    sshd.dropConnections()
    await world.until('they are gone', () => sshd.connections() === 0)
    await world.until('both are connected again', () => sshd.connections() === 2, 60)
    for (const vm of vms) await world.untilMonitored(vm, 60)
    expect(sshd.log()).not.toMatch(/Failed publickey|bad permissions|bad ownership/)
  }
})
