import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { AuthContext, ServerChannel } from 'ssh2'
import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest'
import { RefusedError, TransientError } from '../../../src/base/errors.ts'
import type { GuestLink } from '../../../src/model/guest.ts'
import { lostError } from '../../../src/transports/ssh/errors.ts'
import { runCommand, startGuest, type FakeGuest, type GuestBehaviour } from './fake-guest.ts'
import { makeKey } from './keys.ts'
import { failure, NEVER, target, transport } from './trial.ts'
import { startEngine, until, type UnixEngine } from './unix-engine.ts'

const { key } = makeKey()
const NOBODY = 65534
const SHELLS = ['/bin/sh', '/bin/bash', '/usr/bin/busybox', '/bin/tcsh', '/usr/bin/fish', '/usr/bin/zsh']
const wait = () => {}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('guests that behave oddly', () => {
  let guest: FakeGuest | undefined
  let made: GuestLink | undefined
  let engine: UnixEngine
  beforeAll(async () => void (engine = await startEngine()))
  afterAll(() => engine.stop())
  afterEach(async () => {
    made?.close()
    made = undefined
    await until(() => guest === undefined || guest.connections() === 0) // nothing is left behind
    await guest?.stop()
    guest = undefined
  })

  async function connect(behaviour: GuestBehaviour, more = {}, signal = NEVER, limits = {}) {
    guest = await startGuest(behaviour)
    made = await transport(key, guest.port, limits).connect(target(guest.address, more), signal)
    return made
  }
  const verdict = async (behaviour: GuestBehaviour, more = {}, limits = {}) =>
    failure(connect(behaviour, more, NEVER, limits))

  describe('at the login', () => {
    test('only the key is ever offered, and signed with SHA-2', async () => {
      const seen: string[] = []
      const login = (context: AuthContext) => {
        seen.push(context.method === 'publickey' ? `${context.method} ${context.hashAlgo}` : context.method)
        context.reject(['password', 'keyboard-interactive', 'publickey'])
      }
      await verdict({ login })
      expect(seen).toEqual(['publickey sha256'])
    })

    test('a server that wants a second factor', async () => {
      const error = await verdict({ login: (context) => context.reject(['keyboard-interactive'], true) })
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('auth-second-factor')
      expect(error.diagnosis.cause).toContain('keyboard-interactive')
    })

    test('a server that takes no keys', async () => {
      const error = await verdict({ login: (context) => context.reject(['password']) })
      expect(error.diagnosis.kind).toBe('auth-no-publickey')
    })

    test('a login that never ends', async () => {
      const error = await verdict({ login: wait }, {}, { connectTimeoutMs: 500 })
      expect(error).toBeInstanceOf(TransientError)
      expect(error.diagnosis.kind).toBe('login-stalled')
    })

    test('no signature in common', async () => {
      const broken = makeKey().key
      broken.parsed.sign = () => new Error('SHA-1 is switched off') as never
      guest = await startGuest({})
      const error = await failure(transport(broken, guest.port).connect(target(guest.address), NEVER))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('no-common-algorithm')
    })

    test('a key that would have to sign with SHA-1: only where the administrator allows it', async () => {
      const signed: unknown[] = []
      const login = (context: AuthContext) => {
        if (context.method === 'publickey' && context.signature) signed.push(context.key.algo)
        context.accept()
      }
      guest = await startGuest({ noSignatureList: true, login })
      const ssh = transport(key, guest.port)
      const error = await failure(ssh.connect(target(guest.address), NEVER))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('no-common-algorithm')
      expect(error.diagnosis.cure).toContain('xscontainer-ssh-algorithms to old')
      expect(signed).toEqual([])
      // It gets in, and finds no engine.
      const allowed = await failure(ssh.connect(target(guest.address, { oldAlgorithms: true }), NEVER))
      expect(allowed.diagnosis.kind).not.toBe('no-common-algorithm')
      expect(signed).toEqual(['ssh-rsa'])
    })

    test('no common key exchange', async () => {
      const config = { algorithms: { kex: ['diffie-hellman-group14-sha1' as const] } }
      const error = await verdict({ config })
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('no-common-algorithm')
      expect(error.diagnosis.cause).toContain('key exchange')
    })
  })

  describe('when asked for the engine', () => {
    const shell = (options: Parameters<typeof runCommand>[2] = {}): Pick<GuestBehaviour, 'exec'> => ({
      exec: (command, accept) => runCommand(accept(), command, options),
    })

    test.runIf(process.getuid?.() === 0)('a user without permission on the socket', async () => {
      const closed = await startEngine(0o660)
      const error = await verdict(shell({ uid: NOBODY }), { socketPath: closed.path, username: 'alice' })
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('socket-permission')
      expect(error.diagnosis.cause).toContain('nobody')
      expect(error.diagnosis.cause).toContain(closed.path)
      expect(error.diagnosis.cure).toContain('usermod -aG docker nobody')
      await closed.stop()
    })

    test('a rootless engine is found and reached by forwarding', async () => {
      const asked: string[] = []
      const path = join(dirname(engine.path), 'docker.sock')
      const rootless = createServer((socket) => socket.end()).listen(path)
      await once(rootless, 'listening')
      const forward = (to: string, accept: () => ServerChannel, refuse: () => void) => {
        asked.push(to)
        if (to === path) accept().end()
        else refuse()
      }
      const env = { ...process.env, XDG_RUNTIME_DIR: dirname(engine.path) }
      const link = await connect({ forward, ...shell({ env }) })
      expect(link.facts).toMatchObject({ rung: 'stream-local', socketPath: path })
      expect(asked.slice(0, 2)).toEqual(['/var/run/docker.sock', '/run/podman/podman.sock'])
      link.close()
      rootless.close()
    })

    test.each(SHELLS.filter((path) => existsSync(path)))(
      'the diagnostic command passes %s as a login shell',
      async (path) => {
        const error = await verdict(
          path.endsWith('busybox')
            ? { exec: (command, accept) => runCommand(accept(), command.replace(/^sh /, 'busybox sh ')) }
            : shell({ shell: path }),
          { socketPath: '/nonexistent/a.sock' },
        )
        expect(error.diagnosis.kind).toBe('no-engine')
      },
    )

    test('a shell that prints around the answer does no harm', async () => {
      const exec: GuestBehaviour['exec'] = (command, accept) =>
        runCommand(accept(), `echo Welcome; echo xsc:socket:ok; echo xsc:socket:ok:yes:relative; ${command}; echo Bye`)
      const error = await verdict({ exec }, { socketPath: '/nonexistent/a.sock' })
      expect(error.diagnosis.kind).toBe('no-engine')
    })

    test('a user who may run nothing hears what was said instead', async () => {
      const exec: GuestBehaviour['exec'] = (_, accept) => void accept().end('This account is \x1b[1mclosed\n')
      const error = await verdict({ exec })
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('no-shell')
      expect(error.diagnosis.cause).toContain('This account is')
      expect(error.message).toMatch(/^[\x20-\x7e]*$/)
    })

    test('a session that is refused', async () => {
      expect((await verdict({})).diagnosis.kind).toBe('no-shell')
    })

    test('an endless answer is cut off', async () => {
      const exec: GuestBehaviour['exec'] = (_, accept) => {
        const channel = accept()
        const pour = (): void => void (channel.writable && channel.write('x'.repeat(8192), pour))
        pour()
      }
      expect((await verdict({ exec })).diagnosis.kind).toBe('no-shell')
    })

    test.each(['relative.sock', '/a\nb', '/', `/${'x'.repeat(107)}`])(
      'a socket path that cannot be: %j',
      async (path) => {
        const commands: string[] = []
        const error = await verdict({ exec: (command) => void commands.push(command) }, { socketPath: path })
        expect(error).toBeInstanceOf(RefusedError)
        expect(error.diagnosis.kind).toBe('socket-path')
        expect(commands).toEqual([])
      },
    )

    test.each([
      "/run/a'b",
      '/run/$(reboot)',
      '/run/a b',
      '/run/a;b',
      '/run/a,b',
      '/run/a:b',
      '/run/a!b',
      '/run/a\\b',
      '/run/é',
    ])('a socket path with shell characters is forwarded to, but never part of a command: %s', async (path) => {
      const asked: string[] = []
      const commands: string[] = []
      const error = await verdict(
        {
          forward: (to, _accept, refuse) => {
            asked.push(to)
            refuse()
          },
          exec: (command) => void commands.push(command),
        },
        { socketPath: path },
      )
      expect(asked).toEqual([path])
      expect(commands).toEqual([])
      expect(error.diagnosis.kind).toBe('socket-unreachable')
    })
  })

  describe('aborted', () => {
    const http = (channel: ServerChannel) => channel.end('HTTP/1.1 200 OK\r\n\r\n')
    const report = (channel: ServerChannel) =>
      channel.end('xsc:user:root\nxsc:socket:ok:yes:/run/x.sock\nxsc:tool:socat\nxsc:end:\n')
    const steps: Record<string, (reached: () => void) => GuestBehaviour> = {
      'during the login': (reached) => ({ login: reached }),
      'while a channel opens': (reached) => ({ forward: reached }),
      'while a session opens': (reached) => ({ exec: reached }),
      'while the guest thinks about the question': (reached) => ({ exec: (_, accept) => void (accept(), reached()) }),
      'while a helper is silent': (reached) => ({
        exec: (command, accept) => (command.includes('socat -') ? void (accept(), reached()) : void report(accept())),
      }),
    }
    test.each(Object.keys(steps))('%s: rejects with the reason, leaves no connection', async (step) => {
      const abort = new AbortController()
      let stepReached = () => {}
      const reached = new Promise<void>((resolve) => (stepReached = resolve))
      const reason = new Error('not wanted any more')
      const link = connect(steps[step]?.(stepReached) ?? {}, { socketPath: '/run/x.sock' }, abort.signal)
      await reached
      abort.abort(reason)
      await expect(link).rejects.toBe(reason)
      await until(() => guest?.connections() === 0)
    })

    test('the stream that led to the engine is the first to be used', async () => {
      let opened = 0
      const link = await connect({ forward: (_, accept) => void (opened++, accept()) })
      const { signal } = new AbortController()
      const first = await link.openStream(signal)
      expect([opened, guest?.channels(), first.destroyed]).toEqual([1, 1, false])
      await link.openStream(signal)
      expect([opened, guest?.channels()]).toEqual([2, 2])
    })

    test('while a stream opens: the channel that opens too late is closed again', async () => {
      let hold: (() => void) | undefined
      let first = true
      const link = await connect({
        forward: (_, accept) => {
          if (first) http(accept())
          else hold = () => void accept()
          first = false
        },
      })
      const abort = new AbortController()
      // The one that led to the engine.
      ;(await link.openStream(abort.signal)).destroy()
      const stream = link.openStream(abort.signal)
      await until(() => hold !== undefined)
      abort.abort(new Error('enough'))
      await expect(stream).rejects.toThrow('enough')
      hold?.()
      expect(guest?.channels()).toBe(1)
      await until(() => guest?.channels() === 0)
    })

    test('while streams wait for a session: they never open', async () => {
      let running = 0
      const link = await connect(
        {
          exec: (command, accept) => {
            if (command.includes('socat -')) running++
            const channel = accept()
            if (!command.includes('socat -')) report(channel)
            else if (running === 1) http(channel)
          },
        },
        { socketPath: '/run/x.sock' },
      )
      expect(link.facts.rung).toBe('socat')
      const held = await Promise.all([1, 2, 3, 4].map(() => link.openStream(NEVER)))
      const abort = new AbortController()
      const fifth = link.openStream(abort.signal)
      abort.abort(new Error('enough'))
      await expect(fifth).rejects.toThrow('enough')
      const sixth = link.openStream(NEVER)
      await pause(100)
      expect(running).toBe(5) // the proof, and the four
      held[0]?.destroy()
      await sixth
      expect(running).toBe(6)
    })
  })

  describe('once connected', () => {
    const forward: GuestBehaviour['forward'] = (_, accept) => void accept()

    test('a guest that stops answering is given up', async () => {
      let socket: Socket | undefined
      const link = await connect(
        { forward, ready: (connection) => (socket = (connection as unknown as { _sock: Socket })._sock) },
        {},
        NEVER,
        { keepaliveMs: 40 },
      )
      const stream = await link.openStream(NEVER)
      socket?.pause()
      const why = await link.closed
      expect(why).toBeInstanceOf(TransientError)
      expect((why as TransientError).diagnosis.kind).toBe('link-silent')
      await until(() => stream.destroyed)
      socket?.resume()
    })

    test('the system asks for a sign of life as well, and a guest that gives none has gone', async () => {
      const link = await connect({ forward }, {}, NEVER, { keepaliveMs: 7000 })
      const rows = execFileSync('ss', ['-tnoH', 'dst', `${link.facts.address}:${guest?.port}`], { encoding: 'utf8' })
        .trim()
        .split('\n')
      expect(rows.filter((row) => row.includes('timer:(keepalive,'))).toHaveLength(1)
      link.close()
      const timedOut = Object.assign(new Error('read ETIMEDOUT'), { code: 'ETIMEDOUT', level: 'client-socket' })
      const { diagnosis } = lostError(timedOut, { vmUuid: 'vm', address: '10.0.0.7', port: 22, username: 'core' })
      expect(diagnosis.kind).toBe('link-silent')
    })

    test('a guest that opens channels towards us gets none, and loses the connection when it insists', async () => {
      const answers: unknown[] = []
      const insist = (connection: { x11: (host: string, port: number, done: (error?: Error) => void) => void }) => {
        for (let i = 0; i < 100; i++) connection.x11('127.0.0.1', 6000, (error) => answers.push(error))
      }
      let start = () => {}
      const link = await connect({ forward, ready: (connection) => (start = () => insist(connection)) })
      start()
      const why = await link.closed
      expect((why as TransientError).diagnosis.kind).toBe('ssh-flood')
      await until(() => answers.length === 100)
      expect(answers.every((error) => error instanceof Error)).toBe(true)
    })

    test('a guest that sends more than it was granted loses the connection', async () => {
      let channel: ServerChannel | undefined
      const link = await connect({ forward: (_, accept) => void (channel = accept()) })
      const stream = await link.openStream(NEVER)
      stream.pause()
      await until(() => channel !== undefined)
      Object.assign((channel as unknown as { outgoing: object }).outgoing, { window: 1e9 })
      channel?.write(Buffer.alloc(8_000_001))
      expect(((await link.closed) as TransientError).diagnosis.kind).toBe('ssh-flood')
    })

    /** As ssh2 writes them itself; of a channel the client's number. */
    interface Writer {
      channelData(channel: number, data: Buffer): void
      channelExtData(channel: number, data: Buffer, type: number): void
      channelEOF(channel: number): void
    }
    const writerOf = (connection: unknown) => (connection as { _protocol: Writer })._protocol
    const END_OF_DATA = /goes on after it said that this was the end/

    test.each<[string, (to: Writer) => void]>([
      ['output', (to) => to.channelData(0, Buffer.from('x'))],
      ['standard error', (to) => to.channelExtData(0, Buffer.from('x'), 1)],
    ])('a guest whose %s goes on after its end loses the connection, and nothing else ends', async (_, send) => {
      let writer: Writer | undefined
      const link = await connect({ forward, ready: (connection) => (writer = writerOf(connection)) })
      writer?.channelEOF(0)
      send(writer!)
      const why = (await link.closed) as TransientError
      expect(why.diagnosis.kind).toBe('ssh-flood')
      expect(why.diagnosis.cause).toMatch(END_OF_DATA)
    })

    test('a session that goes on after its end, before its command is answered', async () => {
      let writer: Writer | undefined
      const error = await verdict({
        ready: (connection) => (writer = writerOf(connection)),
        exec: () => {
          // the third channel, after those to the two usual sockets
          writer?.channelEOF(2)
          writer?.channelData(2, Buffer.from('x'))
          writer?.channelExtData(2, Buffer.from('x'), 1)
        },
      })
      expect(error.diagnosis.kind).toBe('ssh-flood')
      expect(error.diagnosis.cause).toMatch(END_OF_DATA)
    })

    test('a guest that sends data for a channel that there is not loses the connection', async () => {
      let writer: Writer | undefined
      const link = await connect({ forward, ready: (connection) => (writer = writerOf(connection)) })
      writer?.channelData(77, Buffer.from('x'))
      expect(((await link.closed) as TransientError).diagnosis.kind).toBe('ssh-flood')
    })

    test('a session whose command is never answered may not be filled either', async () => {
      let send: ((id: number, data: Buffer) => void) | undefined
      const error = await verdict({
        ready: (connection) => {
          const { _protocol: protocol } = connection as unknown as {
            _protocol: { channelData: NonNullable<typeof send> }
          }
          send = protocol.channelData.bind(protocol)
        },
        exec: () => {
          // the third channel, after those to the two usual sockets
          for (let sent = 0; sent < 8_000_000; sent += 32_000) send?.(2, Buffer.alloc(32_000))
        },
      })
      expect(error.diagnosis.kind).toBe('ssh-flood')
    })

    test('a large answer comes through whole to a slow reader', async () => {
      const size = 9_000_000
      const link = await connect({ forward: (_, accept) => void accept().end(Buffer.alloc(size, 'y')) })
      const stream = await link.openStream(NEVER)
      stream.pause()
      await pause(200) // a reader that takes nothing for a while: what is on its way must stay in the guest
      let got = 0
      for await (const chunk of stream) {
        got += (chunk as Buffer).length
        if (got % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      expect(got).toBe(size)
    })

    test('a write that a guest never takes fails when the guest closes the stream, and only that stream', async () => {
      let channel: ServerChannel | undefined
      const link = await connect({ forward: (_, accept) => void (channel = accept()).pause() })
      const stream = await link.openStream(NEVER)
      const written = new Promise((resolve) => stream.write(Buffer.alloc(8_000_000), resolve))
      await pause(50)
      channel?.close()
      stream.resume()
      expect(await written).toBeInstanceOf(TransientError)
      expect((await link.openStream(NEVER)).destroyed).toBe(false)
    })
  })
})
