import { spawn, type ChildProcess } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { RefusedError, TransientError, type DiagnosedError } from '../../../src/base/errors.ts'
import type { GuestLink } from '../../../src/model/guest.ts'
import { get } from '../ssh/unix-engine.ts'
import { days, make, makePki, partsOf, type Pki } from './pki.ts'
import { startTlsEngine, type TlsEngine } from './tls-engine.ts'
import { failure, NEVER, target, transport } from './trial.ts'

const HERE = '127.77.0.41'

describe('engines on TCP with TLS', () => {
  let pki: Pki
  let other: Pki
  let engine: TlsEngine | undefined
  let link: GuestLink | undefined
  beforeAll(async () => void ([pki, other] = await Promise.all([makePki(HERE), makePki(HERE)])))
  afterEach(async () => {
    link?.close()
    await engine?.stop()
    engine = link = undefined
  })

  const start = async (...args: Parameters<typeof startTlsEngine>) => (engine = await startTlsEngine(...args))
  const verdict = (port: number, parts = partsOf(pki), limits = {}): Promise<DiagnosedError> =>
    failure(transport(parts, port, limits).connect(target(HERE), NEVER))
  /** How an engine with this certificate is refused. */
  const about = async (server: Pki['server']) => verdict((await start({ ...pki, server })).port)

  describe('whose certificate is not what it should be', () => {
    test('expired', async () => {
      const error = await about(
        await make('server', pki.ca, { names: [HERE], notBefore: days(-9), notAfter: days(-1) }),
      )
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('tls-server-expired')
      expect(error.diagnosis.cause).toContain(`it was valid until ${days(-1).toISOString().slice(0, 10)}`)
    })

    test('not valid yet', async () => {
      const error = await about(await make('server', pki.ca, { names: [HERE], notBefore: days(2) }))
      expect(error.diagnosis.kind).toBe('tls-server-not-yet-valid')
      expect(error.diagnosis.cure).toContain('clock')
    })

    test('of another CA', async () => {
      const error = await about(other.server)
      expect(error.diagnosis.kind).toBe('tls-wrong-ca')
      expect(error.diagnosis.cure).toContain('xscontainer-tls-ca-cert')
    })

    test('self-signed', async () => {
      const own = await make('server', undefined, { names: [HERE] })
      expect((await about(own)).diagnosis.kind).toBe('tls-self-signed')
    })

    test('for another address', async () => {
      const error = await about(await make('server', pki.ca, { names: ['10.9.8.7', 'win.example'] }))
      expect(error.diagnosis.kind).toBe('tls-wrong-name')
      expect(error.diagnosis.cause).toContain('IP 10.9.8.7, name win.example')
      expect(error.diagnosis.cure).toContain(`IP:${HERE}`)
    })

    test('for names only, none of which was dialled', async () => {
      const error = await about(await make('server', pki.ca, { names: ['localhost', HERE.replace(/\d+$/, '*')] }))
      expect(error.diagnosis.kind).toBe('tls-wrong-name')
    })

    test('with the address as a name: it does not count', async () => {
      // A name that looks like an address: forge would make it an address, so it is one with a dot at its end.
      const error = await about(await make('server', pki.ca, { names: [`${HERE}.`], commonName: HERE }))
      expect(error.diagnosis.kind).toBe('tls-wrong-name')
    })

    test("a client's", async () => {
      expect((await about(pki.client)).diagnosis.kind).toMatch(/^tls-(server-certificate|wrong-name)$/)
    })
  })

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('that refuse our certificate, by %s', (version) => {
    const versions = { minVersion: version, maxVersion: version } as const

    test('of a CA that they do not know', async () => {
      const { port } = await start(pki, versions)
      const error = await verdict(port, { ...partsOf(other), ca: pki.ca.certificate })
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('tls-client-refused')
      expect(error.diagnosis.cure).toContain('tlscacert')
    })

    test.each([
      ['hangs up', (socket: TLSSocket) => socket.end()],
      ['is gone', (socket: TLSSocket) => socket.destroy()],
    ])('but take their time: one that gives a ticket and then %s when it is asked something', async (_, leave) => {
      const { port } = await start(pki, versions, HERE, (socket) => socket.once('data', () => leave(socket)))
      link = await transport(partsOf(pki), port).connect(target(HERE), NEVER)
      const error: unknown = await get(await link.openStream(NEVER), '/').catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(RefusedError)
      expect((error as DiagnosedError).diagnosis.kind).toBe('tls-client-refused')
    })

    test('not: one that answers before it hangs up', async () => {
      const answer = (socket: TLSSocket) => socket.once('data', () => socket.end('what it says'))
      const { port } = await start(pki, versions, HERE, answer)
      link = await transport(partsOf(pki), port).connect(target(HERE), NEVER)
      expect(await get(await link.openStream(NEVER), '/')).toBe('what it says')
    })

    test('a good one is accepted, and later streams go on with its session', async () => {
      const { port, resumed } = await start(pki, versions)
      link = await transport(partsOf(pki), port).connect(target(HERE), NEVER)
      expect(link.facts.rung).toBe(version)
      expect(await get(await link.openStream(NEVER), '/one')).toContain('OK /one')
      expect(await get(await link.openStream(NEVER), '/two')).toContain('OK /two')
      expect(resumed).toEqual([false, true])
    })
  })

  describe('of OpenSSL, without tickets: nothing but silence says that ours is accepted', () => {
    let server: ChildProcess | undefined
    afterEach(() => void server?.kill('SIGKILL'))

    async function listen(ca: string): Promise<number> {
      const dir = mkdtempSync(join(tmpdir(), 'xsc-tls-'))
      const file = (name: string, pem: string) => {
        writeFileSync(join(dir, name), pem)
        return join(dir, name)
      }
      const { certificate, key } = pki.server
      const own = ['-cert', file('cert', certificate), '-key', file('key', key), '-CAfile', file('ca', ca)]
      const strict = ['-num_tickets', '0', '-Verify', '1', '-verify_return_error', '-www', '-accept', `${HERE}:0`]
      server = spawn('openssl', ['s_server', ...own, ...strict], { stdio: ['ignore', 'pipe', 'inherit'] })
      for await (const line of createInterface(server.stdout!)) {
        const port = /^ACCEPT .*:(\d+)$/.exec(line)?.[1]
        if (port !== undefined) {
          rmSync(dir, { recursive: true })
          return Number(port)
        }
      }
      throw new Error('openssl s_server did not start')
    }

    test('it is', async () => {
      link = await transport(partsOf(pki), await listen(pki.ca.certificate)).connect(target(HERE), NEVER)
      expect(await get(await link.openStream(NEVER), '/')).toContain('TLSv1.3')
    })

    test('it is not, which comes as an alert', async () => {
      const error = await verdict(await listen(other.ca.certificate))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('tls-client-refused')
      expect(error.diagnosis.cause).toContain('it does not know the CA')
    })
  })

  test('TLS 1.1 is not spoken', async () => {
    const { port } = await start(pki, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
    const error = await verdict(port)
    expect(error).toBeInstanceOf(RefusedError)
    expect(error.diagnosis.kind).toBe('tls-no-common-version')
  })

  test('the engine says until when each certificate holds', async () => {
    const { port } = await start(pki)
    link = await transport(partsOf(pki), port).connect(target(HERE), NEVER)
    expect(link.facts.certificates?.map(({ what }) => what)).toEqual([
      'client certificate',
      "engine's certificate",
      'CA certificate',
    ])
    const { client, server, ca } = pki
    const ends = [client, server, ca].map(({ certificate }) => Date.parse(new X509Certificate(certificate).validTo))
    expect(link.facts.certificates?.map(({ endsMs }) => endsMs)).toEqual(ends)
  })

  test('the second address is tried when nobody answers at the first, and when the certificate is not for it', async () => {
    const { port } = await start(pki, {}, '0.0.0.0')
    link = await transport(partsOf(pki), port).connect(target('127.77.0.44', HERE), NEVER)
    expect(link.facts.address).toBe(HERE)
    link.close()
    await engine?.stop()
    engine = await startTlsEngine(pki, {}, HERE)
    link = await transport(partsOf(pki), engine.port).connect(target('127.77.0.45', HERE), NEVER)
    expect(link.facts.address).toBe(HERE)
  })

  describe('that are none', () => {
    let server: Server | undefined
    const sockets = new Set<Socket>()
    afterEach(() => {
      sockets.forEach((socket) => socket.destroy())
      server?.close()
    })

    async function listen(behave: (socket: Socket) => void): Promise<number> {
      server = createServer((socket) => {
        sockets.add(socket.on('error', () => undefined))
        behave(socket)
      }).listen(0, HERE)
      await once(server, 'listening')
      return (server.address() as { port: number }).port
    }

    test('nobody listens', async () => {
      const error = await verdict(1)
      expect(error).toBeInstanceOf(TransientError)
      expect(error.diagnosis.kind).toBe('tls-refused')
      expect(error.diagnosis.cause).toContain(`${HERE} port 1`)
    })

    test.each<[string, (socket: Socket) => void]>([
      ['an engine without TLS', (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
      ['an SSH server', (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
      ['noise', (socket) => socket.write(Buffer.alloc(100_000, 0x20))],
    ])('%s', async (_, behave) => {
      const error = await verdict(await listen(behave))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('not-tls')
    })

    test('somebody who says nothing', async () => {
      const error = await verdict(await listen(() => undefined), partsOf(pki), { connectTimeoutMs: 300 })
      expect(error).toBeInstanceOf(TransientError)
      expect(error.diagnosis.kind).toBe('tls-silent')
    })

    test('somebody who hangs up', async () => {
      const error = await verdict(await listen((socket) => socket.end()))
      expect(error).toBeInstanceOf(TransientError)
      expect(error.diagnosis.kind).toBe('tls-closed')
    })
  })
})
