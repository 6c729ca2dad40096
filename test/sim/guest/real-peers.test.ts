import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { behaviourNamed } from './behaviours/index.ts'
import { listenUnix } from './engine-bridge.ts'
import { FLAVOURS, type FlavourName } from './engine-flavour.ts'
import { EngineSim } from './engine-sim.ts'
import { GuestSim } from './guest-sim.ts'
import { loginOf } from './peers.ts'

const hasSsh = spawnSync('ssh', ['-V']).status === 0
const hasDocker = spawnSync('docker', ['--version']).status === 0
if (!hasSsh) console.warn('NOT RUN: no OpenSSH client here, so the simulated guest was not tried with it')
if (!hasDocker) console.warn('NOT RUN: no docker CLI here, so the simulated engine was not tried with it')

const NAMES = Object.keys(FLAVOURS) as FlavourName[]

interface Output {
  readonly code: number
  readonly out: string
  readonly err: string
}

let dir: string
let guest: GuestSim
const children: ChildProcess[] = []
const user = loginOf('ed25519')
const rsaUser = loginOf('rsa')

function exec(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Output> {
  const path = process.env['PATH'] ?? ''
  const options = { env: { PATH: path, HOME: dir, DOCKER_CONFIG: dir, ...env }, timeout: 30_000 }
  return new Promise((resolve) => {
    execFile(program, args, options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err })
    })
  })
}

function sshArgs(...more: string[]): string[] {
  return ['-F', join(dir, 'config'), '-p', String(guest.port), ...more]
}

function docker(socket: string, ...args: string[]): Promise<Output> {
  return exec('docker', ['-H', `unix://${socket}`, ...args])
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'peers-'))
  writeFileSync(join(dir, 'id'), user.privateKey, { mode: 0o600 })
  writeFileSync(join(dir, 'id-rsa'), rsaUser.privateKey, { mode: 0o600 })
  const lines = ['User core', `IdentityFile ${dir}/id`, 'IdentitiesOnly yes', 'BatchMode yes', 'LogLevel ERROR']
  lines.push(`UserKnownHostsFile ${dir}/known`, 'StrictHostKeyChecking accept-new', 'ExitOnForwardFailure yes')
  writeFileSync(join(dir, 'config'), `${lines.join('\n')}\n`)
  writeFileSync(join(dir, 'ssh'), `#!/bin/sh\nexec ${which('ssh')} -F ${dir}/config "$@"\n`)
  chmodSync(join(dir, 'ssh'), 0o755)
})

function which(program: string): string {
  return spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim()
}

beforeEach(async () => {
  const containers = [
    { name: 'web', image: 'nginx:1.27', ports: [{ privatePort: 80, publicPort: 8080 }], ageMs: 190_000 },
    { name: 'job', image: 'batch:3', state: 'exited' as const, exitCode: 3 },
  ]
  const users = { core: { authorizedKeys: [user.line, rsaUser.line], groups: ['docker'] } }
  const engine = new EngineSim({ containers })
  guest = await GuestSim.start({ address: '127.1.4.1', users, engine, tools: ['docker', 'socat'] })
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    // Not SIGTERM: an ssh that is just busy may miss it and stay.
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  await guest.stop()
  rmSync(join(dir, 'known'), { force: true })
})

afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** `ssh -L`: a unix socket here whose connections arrive at the guest's socket. */
async function forward(remote: string): Promise<string> {
  const local = join(dir, `${children.length}.sock`)
  rmSync(local, { force: true })
  children.push(spawn('ssh', sshArgs('-N', '-L', `${local}:${remote}`, guest.address), { stdio: 'ignore' }))
  await expect.poll(() => existsSync(local), { timeout: 10_000 }).toBe(true)
  return local
}

describe.skipIf(!hasSsh)('the OpenSSH client', () => {
  test.each([
    ['id', user],
    ['id-rsa', rsaUser],
  ] as const)('logs in with %s and runs a command', async (key, { line }) => {
    guest.setAuthorizedKeys('core', [line])
    const answer = await exec('ssh', sshArgs('-i', join(dir, key), guest.address, 'echo hello'))
    expect(answer).toEqual({ code: 0, out: 'hello\n', err: '' })
    expect((await exec('ssh', sshArgs('-i', join(dir, key), guest.address, 'no-such-tool'))).code).toBe(127)
  })

  test('is refused without the key', async () => {
    guest.setAuthorizedKeys('core', [])
    const answer = await exec('ssh', sshArgs(guest.address, 'true'))
    expect(answer).toMatchObject({ code: 255, err: expect.stringContaining('Permission denied (publickey)') as string })
  })

  test('notices a changed host key', async () => {
    expect((await exec('ssh', sshArgs(guest.address, 'true'))).code).toBe(0)
    guest.rotateHostKey()
    const answer = await exec('ssh', sshArgs(guest.address, 'true'))
    expect(answer).toMatchObject({ code: 255, err: expect.stringContaining('verification failed') as string })
  })

  test('is told `open failed` for a socket that is not there', async () => {
    const local = await forward('/nope.sock')
    const answer = await exec('curl', ['-s', '--unix-socket', local, 'http://engine/_ping'])
    expect(answer.code).not.toBe(0)
    expect(guest.counters.channelsRefused).toBe(1)
  })

  test('gives up on a banner that never ends', async () => {
    guest.behave(behaviourNamed('endless-banner'))
    const answer = await exec('ssh', sshArgs(guest.address, 'true'))
    expect(answer).toMatchObject({ code: 255, err: expect.stringMatching(/No SSH version received/) as string })
  })
})

describe.skipIf(!hasSsh || !hasDocker)('the docker CLI through ssh', () => {
  test('ps -a over ssh -L shows the containers', async () => {
    const local = await forward('/var/run/docker.sock')
    const format = '{{.Names}}|{{.Image}}|{{.Status}}|{{.Ports}}|{{.State}}'
    const answer = await docker(local, 'ps', '-a', '--format', format)
    expect(answer.err).toBe('')
    expect(answer.out).toMatch(
      /^job\|batch:3\|Exited \(3\) .* ago\|\|exited\nweb\|nginx:1\.27\|Up 3 minutes\|0\.0\.0\.0:8080->80\/tcp\|running\n$/,
    )
  })

  test("ps -a over ssh:// uses the guest's own docker", async () => {
    const host = `ssh://core@${guest.address}:${guest.port}`
    const answer = await exec('docker', ['-H', host, 'ps', '-aq'], { PATH: `${dir}:${process.env['PATH']}` })
    expect(answer.out.split('\n').filter(Boolean)).toHaveLength(2)
    expect(guest.commands).toContain('docker system dial-stdio')
  })

  test('stop, start, pause, rename, rm, top and inspect do what they say', async () => {
    const local = await forward('/run/docker.sock')
    const state = (name: string) => guest.engine.store.find(name).live.state
    const steps = ['stop', 'start', 'pause', 'unpause', 'restart', 'kill', 'start']
    const states = ['exited', 'running', 'paused', 'running', 'running', 'exited', 'running']
    for (const [i, step] of steps.entries()) {
      expect(await docker(local, step, 'web')).toMatchObject({ code: 0, out: 'web\n' })
      expect(state('web')).toBe(states[i])
    }
    expect((await docker(local, 'rename', 'web', 'web2')).code).toBe(0)
    expect((await docker(local, 'top', 'web2')).out).toMatch(/^UID +PID +PPID .*CMD\nroot .*sleep 1000\n$/)
    expect((await docker(local, 'inspect', '-f', '{{.Name}} {{.State.Status}}', 'web2')).out).toBe('/web2 running\n')
    expect((await docker(local, 'rm', '-f', 'web2')).code).toBe(0)
    expect(await docker(local, 'stop', 'web2')).toMatchObject({
      err: expect.stringContaining('No such container: web2') as string,
    })
  })
})

describe.skipIf(!hasDocker)('the docker CLI on the engine of each flavour', () => {
  test.each(NAMES)('%s: version, info, ps, events', async (flavour) => {
    const engine = new EngineSim({ flavour, name: 'host7', containers: [{ name: 'web', health: 'healthy' }] })
    const socket = join(dir, 'engine.sock')
    const close = await listenUnix(engine, socket)
    const child = spawn('docker', [
      '-H',
      `unix://${socket}`,
      'events',
      '--format',
      '{{.Action}} {{.Actor.Attributes.name}}',
    ])
    let heard = ''
    child.stdout.on('data', (data: Buffer) => (heard += data.toString()))
    children.push(child)
    expect((await docker(socket, 'version', '-f', '{{.Server.Version}}')).out).toBe(`${FLAVOURS[flavour].version}\n`)
    expect((await docker(socket, 'info', '-f', '{{.Name}} {{.Containers}}')).out).toBe('host7 1\n')
    expect((await docker(socket, 'ps', '--format', '{{.Names}} {{.State}}')).out).toBe('web running\n')
    await expect.poll(() => engine.eventStreams, { timeout: 10_000 }).toBe(1)
    engine.end('web', 1)
    await expect.poll(() => heard, { timeout: 10_000 }).toBe(`${FLAVOURS[flavour].dieAction} web\n`)
    await close()
  })
})
