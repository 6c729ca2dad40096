import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { RefusedError, TransientError } from '../../../src/base/errors.ts'
import { fingerprint } from '../../../src/transports/ssh/host-key.ts'
import { parsePrivateKey } from '../../../src/transports/ssh/ssh-key.ts'
import { makeKey } from './keys.ts'
import { sshdUsable, startSshd, type RealSshd } from './real-sshd.ts'
import { failure, NEVER, target, transport, VM } from './trial.ts'
import { get, startEngine, until, type UnixEngine } from './unix-engine.ts'

if (!sshdUsable) console.warn('NOT RUN: the tests against a real sshd need /usr/sbin/sshd and root')

const ADDRESS = '127.77.0.11'

describe.skipIf(!sshdUsable)('against a real sshd', () => {
  const pool = makeKey()
  let engine: UnixEngine
  beforeAll(async () => void (engine = await startEngine()))
  afterAll(() => engine.stop())

  describe('with stock settings and three host keys', () => {
    let sshd: RealSshd
    const pinOf = (type: string) => readFileSync(join(sshd.dir, `host_${type}.pub`), 'utf8').split(' ')[1] ?? ''
    beforeAll(async () => {
      sshd = await startSshd({
        address: ADDRESS,
        authorized: pool.publicLine,
        hostKeyTypes: ['rsa', 'ecdsa', 'ed25519'],
      })
    })
    beforeEach(() => until(() => sshd.connections() === 0))
    afterAll(() => sshd.stop())
    const go = (more = {}) =>
      transport(pool.key, sshd.port).connect(target(ADDRESS, { socketPath: engine.path, ...more }), NEVER)

    test('forty parallel streams reach the engine over one connection', async () => {
      const link = await go()
      const answers = Array.from({ length: 40 }, async (_, i) => get(await link.openStream(NEVER), `/${i}`))
      const texts = await Promise.all(answers)
      expect(texts.map((text) => text.split('\r\n\r\n')[1])).toEqual(texts.map((_, i) => `OK /${i}`))
      expect(sshd.connections()).toBe(1)
      expect(link.facts).toMatchObject({ address: ADDRESS, rung: 'stream-local', socketPath: engine.path })
      link.close()
    })

    test('a stream that is destroyed closes the connection to the engine', async () => {
      const link = await go()
      const stream = await link.openStream(NEVER)
      await until(() => engine.connections() === 1)
      stream.destroy()
      await until(() => engine.connections() === 0)
      link.close()
    })

    test.each(['rsa', 'ecdsa', 'ed25519'])('a pinned %s key is matched among several', async (type) => {
      const link = await go({ pinnedHostKey: pinOf(type) })
      expect(link.facts.hostKey).toBe(pinOf(type))
      link.close()
    })

    test('without a pin the key is reported, and is one of the guest', async () => {
      const link = await go()
      expect(link.facts.hostKey).toBe(pinOf('ed25519'))
      link.close()
    })

    test('another pinned key is refused with both fingerprints and the way to reset', async () => {
      const other = makeKey().publicLine.split(' ')[1] ?? ''
      const error = await failure(go({ pinnedHostKey: other }))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('host-key-changed')
      expect(error.message).toContain(fingerprint(other))
      expect(error.message).toContain(fingerprint(pinOf('rsa')))
      expect(error.message).toContain(
        `xe vm-param-remove uuid=${VM} param-name=other-config param-key=xscontainer-sshhostkey`,
      )
      await until(() => sshd.connections() === 0)
    })

    test.each([
      ['unknown user', 'nosuchuser', pool],
      ['known user without the key', 'root', makeKey()],
    ])('%s: refused, naming user, guest and cure', async (_, username, key) => {
      const error = await failure(transport(key.key, sshd.port).connect(target(ADDRESS, { username }), NEVER))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('auth-refused')
      expect(error.diagnosis.cause).toContain(username)
      expect(error.diagnosis.cause).toContain(ADDRESS)
      expect(error.diagnosis.cure).toContain(`~${username}/.ssh/authorized_keys`)
      await until(() => sshd.connections() === 0)
    })

    test('a refused login does not go on to another address of the guest', async () => {
      const addresses = [ADDRESS, '127.77.0.12']
      const error = await failure(transport(makeKey().key, sshd.port).connect(target(ADDRESS, { addresses }), NEVER))
      expect(error.diagnosis.kind).toBe('auth-refused')
    })

    test('an address that nobody answers at is passed over for the next', async () => {
      const link = await go({ addresses: ['127.77.0.12', ADDRESS] })
      expect(link.facts.address).toBe(ADDRESS)
      link.close()
    })

    test.each(['pkcs1', 'pkcs8', 'openssh'])('logs in with the same key in %s form', async (form) => {
      const link = await transport(parsePrivateKey(inForm(pool.pem, form)), sshd.port).connect(
        target(ADDRESS, { socketPath: engine.path }),
        NEVER,
      )
      link.close()
      expect(await link.closed).toBeUndefined()
    })

    test('no socket there', async () => {
      const error = await failure(go({ socketPath: '/nonexistent/docker.sock' }))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('no-engine')
      expect(error.diagnosis.cause).toContain('/nonexistent/docker.sock')
    })

    test('a file that is not a socket', async () => {
      expect((await failure(go({ socketPath: '/etc/passwd' }))).diagnosis.kind).toBe('not-a-socket')
    })

    test('a socket that nobody listens on', async () => {
      const dead = deadSocket()
      const error = await failure(go({ socketPath: dead.path }))
      dead.remove()
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('socket-dead')
      expect(error.diagnosis.cause).toContain(dead.path)
      await until(() => sshd.connections() === 0)
    })

    test('a user without shell is told so', async () => {
      const error = await failure(go({ username: 'nobody', socketPath: '/nonexistent/docker.sock' }))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('no-shell')
      expect(error.diagnosis.cause).toContain('nobody')
    })

    test('a guest that dies ends the link with a TransientError, and its streams with it', async () => {
      const link = await go()
      const stream = await link.openStream(NEVER)
      const streamError = once(stream, 'error')
      sshd.dropConnections()
      const why = await link.closed
      expect(why).toBeInstanceOf(TransientError)
      expect(await streamError).toEqual([why])
      await expect(link.openStream(NEVER)).rejects.toBe(why)
      link.close()
    })

    test('closing twice is closing once; streams end and later ones are refused', async () => {
      const link = await go()
      const stream = await link.openStream(NEVER)
      link.close()
      link.close()
      expect(await link.closed).toBeUndefined()
      await until(() => stream.destroyed && sshd.connections() === 0 && engine.connections() === 0)
      await expect(link.openStream(NEVER)).rejects.toThrow('closed')
    })
  })

  describe('without stream-local forwarding', () => {
    let sshd: RealSshd | undefined
    let bin: string
    beforeEach(() => {
      bin = mkdtempSync(join(tmpdir(), 'xsc-bin-'))
      chmodSync(bin, 0o755)
    })
    afterEach(async () => {
      await sshd?.stop()
      sshd = undefined
      rmSync(bin, { recursive: true, force: true })
    })
    const start = async (working: readonly string[]) => {
      for (const tool of ['docker', 'socat', 'ncat', 'nc']) {
        const body = working.includes(tool) ? `exec /usr/bin/${tool} "$@"` : 'exit 1'
        writeFileSync(join(bin, tool), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
      }
      const config = ['AllowStreamLocalForwarding no', `SetEnv PATH=${bin}:/usr/bin:/bin`]
      sshd = await startSshd({ address: ADDRESS, authorized: pool.publicLine, config })
      return transport(pool.key, sshd.port)
    }

    const HELPERS = { docker: 'docker system dial-stdio', socat: 'socat', nc: 'nc -N -U', ncat: 'ncat -U' }
    const installed = Object.entries(HELPERS).filter(([tool]) => existsSync(`/usr/bin/${tool}`))
    test.each(installed)('%s is taken when it alone works, and leaves when we do', async (tool, rung) => {
      const link = await (await start([tool])).connect(target(ADDRESS, { socketPath: engine.path }), NEVER)
      expect(link.facts.rung).toBe(rung)
      const asking = await link.openStream(NEVER)
      asking.write('GET /x HTTP/1.1\r\nHost: x\r\n\r\n')
      expect(String((await once(asking, 'data'))[0])).toMatch(/^HTTP\/1.1 200 OK[^]*OK \/x$/)
      asking.destroy()
      await until(() => engine.connections() === 0)
      const idle = await link.openStream(NEVER)
      await until(() => engine.connections() === 1)
      idle.destroy()
      await until(() => engine.connections() === 0)
      link.close()
    })

    test.skipIf(!existsSync('/usr/bin/socat'))(
      'more streams than sessions take turns; the way is remembered',
      async () => {
        const ssh = await start(['socat'])
        const link = await ssh.connect(target(ADDRESS, { socketPath: engine.path }), NEVER)
        const answers = Array.from({ length: 12 }, async (_, i) => get(await link.openStream(NEVER), `/${i}`))
        const bodies = (await Promise.all(answers)).map((text) => text.split('\r\n\r\n')[1])
        expect(bodies).toEqual(answers.map((_, i) => `OK /${i}`))
        link.close()
        // were the guest asked again, nothing would be found
        writeFileSync(join(bin, 'id'), '#!/bin/sh\nkill $PPID\n', { mode: 0o755 })
        const again = await ssh.connect(target(ADDRESS, { socketPath: engine.path }), NEVER)
        expect(again.facts.rung).toBe('socat')
        again.close()
      },
    )

    test('no helper works: told to look at the engine, and to allow forwarding', async () => {
      const ssh = await start([])
      const error = await failure(ssh.connect(target(ADDRESS, { socketPath: engine.path }), NEVER))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe(existsSync('/usr/bin/socat') ? 'socket-dead' : 'no-forwarding')
      expect(error.diagnosis.cure).toContain('AllowStreamLocalForwarding yes')
    })
  })

  const KEX = 'KexAlgorithms diffie-hellman-group14-sha1'
  const HOST_KEY = 'HostKeyAlgorithms ssh-rsa'
  const MACS = ['Ciphers aes128-ctr', 'MACs hmac-sha1']
  test.each([
    ['key exchange', [KEX], 'key exchange'],
    ['host key', [HOST_KEY], 'host key'],
    ['MAC', MACS, 'MAC'],
    // As OpenSSH 5.3 (CentOS 6) has them.
    ['of anything', [KEX, HOST_KEY, ...MACS], 'key exchange'],
  ])(
    'an sshd that knows nothing newer (%s) is refused, unless its administrator allows it',
    async (_, config, words) => {
      const sshd = await startSshd({ address: ADDRESS, authorized: pool.publicLine, hostKeyTypes: ['rsa'], config })
      const ssh = transport(pool.key, sshd.port)
      const error = await failure(ssh.connect(target(ADDRESS), NEVER))
      expect(error).toBeInstanceOf(RefusedError)
      expect(error.diagnosis.kind).toBe('no-common-algorithm')
      expect(error.diagnosis.cause).toMatch(new RegExp(words))
      expect(error.diagnosis.cure).toContain('xscontainer-ssh-algorithms to old')
      const allowed = target(ADDRESS, { socketPath: engine.path, oldAlgorithms: true })
      const link = await ssh.connect(allowed, NEVER)
      expect(await get(await link.openStream(NEVER), '/old')).toContain('OK /old')
      link.close()
      await sshd.stop()
    },
  )

  test('what OpenSSH 7.4 (CentOS 7) offers is enough', async () => {
    const config = [
      'KexAlgorithms curve25519-sha256@libssh.org,ecdh-sha2-nistp256,diffie-hellman-group14-sha256',
      'Ciphers aes128-ctr,aes192-ctr,aes256-ctr',
      'MACs hmac-sha2-256',
      'HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256',
    ]
    const sshd = await startSshd({ address: ADDRESS, authorized: pool.publicLine, hostKeyTypes: ['rsa'], config })
    const ssh = transport(pool.key, sshd.port)
    const link = await ssh.connect(target(ADDRESS, { socketPath: engine.path }), NEVER)
    expect(await get(await link.openStream(NEVER), '/old')).toContain('OK /old')
    link.close()
    await sshd.stop()
  })

  test('the list of host keys that OpenSSH sends after a login costs nobody a signature', async () => {
    const hostKeyTypes = ['rsa', 'ed25519'] as const
    const sshd = await startSshd({
      address: ADDRESS,
      authorized: pool.publicLine,
      hostKeyTypes,
      config: ['LogLevel DEBUG3'],
    })
    const ssh = transport(pool.key, sshd.port)
    const link = await ssh.connect(target(ADDRESS, { socketPath: engine.path }), NEVER)
    await get(await link.openStream(NEVER), '/')
    link.close()
    await until(() => sshd.connections() === 0)
    const log = readFileSync(join(sshd.dir, 'log'), 'utf8')
    expect(log).toContain('direct-streamlocal@openssh.com')
    expect(log).not.toContain('hostkeys-prove')
    await sshd.stop()
  })

  test('no more logins than MaxStartups allows: busy, not broken', async () => {
    const config = ['MaxStartups 1:100:1', 'LoginGraceTime 60']
    const sshd = await startSshd({ address: ADDRESS, authorized: pool.publicLine, config })
    const squatter = await greeted(sshd.port)
    const error = await failure(transport(pool.key, sshd.port).connect(target(ADDRESS), NEVER))
    expect(error).toBeInstanceOf(TransientError)
    expect(error.diagnosis.kind).toBe('ssh-busy')
    squatter.destroy()
    await sshd.stop()
  })
})

/** A connection that sshd has let in: whoever looked whether it is there may hold the one place for a moment. */
async function greeted(port: number): Promise<Socket> {
  for (;;) {
    const socket = connect(port, ADDRESS)
    const [greeting] = (await once(socket, 'data')) as [Buffer]
    if (greeting.toString().startsWith('SSH-2.0-')) return socket
    socket.destroy()
    await pause(20)
  }
}

function inForm(pem: string, form: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'xsc-key-'))
  const path = join(dir, 'key')
  writeFileSync(path, pem, { mode: 0o600 })
  const arg = { openssh: [], pkcs1: ['-m', 'PEM'], pkcs8: ['-m', 'PKCS8'] }[form] ?? []
  execFileSync('ssh-keygen', ['-q', '-p', '-N', '', ...arg, '-f', path])
  const text = readFileSync(path, 'utf8')
  rmSync(dir, { recursive: true })
  return text
}

/** A socket file left behind by a process that is gone. */
function deadSocket(): { path: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'xsc-dead-'))
  chmodSync(dir, 0o755)
  const path = join(dir, 'docker.sock')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  try {
    execFileSync(process.execPath, ['-e', script], { stdio: 'ignore' })
  } catch {
    // killed, as it should be
  }
  return { path, remove: () => rmSync(dir, { recursive: true }) }
}
