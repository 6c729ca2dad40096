import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { DeadlineError, RefusedError, TransientError } from '../../../src/base/errors.ts'
import { UnreachableError } from '../../../src/transports/ssh/errors.ts'
import { makeKey } from './keys.ts'
import { freePort } from './real-sshd.ts'
import { failure, NEVER, target, transport } from './trial.ts'
import { until } from './unix-engine.ts'

const ADDRESS = '127.77.0.31'
const { key } = makeKey()

describe('servers that are no good SSH servers', () => {
  const sockets = new Set<Socket>()
  let server: Server | undefined
  afterEach(async () => {
    await until(() => sockets.size === 0) // whatever the error, the connection is gone
    server?.close()
    server = undefined
  })

  async function serve(greet: (socket: Socket) => void): Promise<number> {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket)
      socket.on('error', () => {}).once('close', () => sockets.delete(socket))
      socket.resume()
      socket.on('end', () => socket.end())
      greet(socket)
    }).listen(0, ADDRESS)
    await once(server, 'listening')
    return (server.address() as { port: number }).port
  }

  async function verdict(port: number, connectTimeoutMs = 10_000) {
    return failure(transport(key, port, { connectTimeoutMs }).connect(target(ADDRESS), NEVER))
  }

  test('port closed: no SSH server listens', async () => {
    const error = await verdict(await freePort(ADDRESS))
    expect(error).toBeInstanceOf(UnreachableError)
    expect(error.diagnosis.kind).toBe('ssh-refused')
    expect(error.diagnosis.cause).toContain(ADDRESS)
  })

  test.each([
    ['says nothing', '', UnreachableError, 'ssh-silent'],
    ['says something else and waits', '220 mail.example ESMTP\r\n', RefusedError, 'not-ssh'],
    ['never ends its version', 'SSH-2.0-OpenSSH_9.2', TransientError, 'handshake-stalled'],
    ['says its version only', 'SSH-2.0-OpenSSH_9.2\r\n', TransientError, 'handshake-stalled'],
  ])('a server that %s is given up in time', async (_, text, kind, word) => {
    const error = await verdict(await serve((socket) => void socket.write(text)), 200)
    expect(error).toBeInstanceOf(kind)
    expect(error.diagnosis.kind).toBe(word)
  })

  test('with several silent addresses none is in a handshake while the next one is dialled', async () => {
    const port = await serve(() => undefined)
    const stages: string[] = []
    const twice = target(ADDRESS, { addresses: [ADDRESS, ADDRESS] })
    const entered = (stage: string) => void stages.push(stage)
    await failure(transport(key, port, { connectTimeoutMs: 200 }).connect(twice, NEVER, entered))
    expect(stages).toEqual(['handshake', 'past-handshake', 'handshake', 'past-handshake'])
  })

  test.each([
    ['nothing', '', TransientError, 'ssh-closed'],
    ['MaxStartups', 'Exceeded MaxStartups\r\n', TransientError, 'ssh-busy'],
    ['PerSourcePenalties', 'Not allowed at this time\r\n', TransientError, 'ssh-busy'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', RefusedError, 'not-ssh'],
    ['SSH 1', 'SSH-1.5-Cisco\r\n', RefusedError, 'not-ssh'],
    ['its version', 'SSH-2.0-OpenSSH_9.2\r\n', TransientError, 'ssh-closed'],
    ['garbage after its version', `SSH-2.0-x\r\n${'\xff'.repeat(500)}`, TransientError, 'ssh-closed'],
  ])('a server that closes after saying %s', async (_, text, kind, word) => {
    const error = await verdict(await serve((socket) => void socket.end(text, 'latin1')))
    expect(error).toBeInstanceOf(kind)
    expect(error.diagnosis.kind).toBe(word)
    expect(error.message).toMatch(/^[\x20-\x7e]*$/)
  })

  test.each([
    ['one endless line', 'x'.repeat(1024)],
    ['endless lines', `${'x'.repeat(100)}\r\n`],
  ])('a greeting of %s is cut off', async (_, text) => {
    let sent = 0
    const pour = (socket: Socket): void => {
      sent = socket.bytesWritten
      if (!socket.destroyed) socket.write(text, () => setImmediate(pour, socket))
    }
    const error = await verdict(await serve(pour))
    expect(error).toBeInstanceOf(RefusedError)
    expect(error.diagnosis.kind).toBe('not-ssh')
    expect(error.message.length).toBeLessThan(400)
    expect(sent).toBeLessThan(64 * 1024)
  })

  test('a greeting before the version is fine, and foreign text comes out printable', async () => {
    const error = await verdict(await serve((socket) => void socket.end('\x1b[31mwelcome\x07\r\n')))
    expect(error.diagnosis.cause).toContain('[31mwelcome')
    expect(error.message).toMatch(/^[\x20-\x7e]*$/)
  })

  test("the caller's own deadline is not taken for the guest's fault, and ends the attempt", async () => {
    const abort = new AbortController()
    const reason = new DeadlineError({ kind: 'operation-late', cause: 'too slow', cure: 'wait' })
    const port = await serve(() => abort.abort(reason))
    const addresses = [ADDRESS, ADDRESS]
    await expect(transport(key, port).connect(target(ADDRESS, { addresses }), abort.signal)).rejects.toBe(reason)
  })

  test('several addresses that nobody answers at are all named', async () => {
    const port = await freePort(ADDRESS)
    const addresses = ['127.77.0.32', ADDRESS]
    const error = await failure(transport(key, port).connect(target(ADDRESS, { addresses }), NEVER))
    expect(error).toBeInstanceOf(UnreachableError)
    for (const address of addresses) expect(error.diagnosis.cause).toContain(address)
  })

  test.each([[[]], [['not-an-address']]])('no address at all: %j', async (addresses) => {
    const error = await failure(transport(key, 22).connect(target(ADDRESS, { addresses }), NEVER))
    expect(error).toBeInstanceOf(RefusedError)
    expect(error.diagnosis.kind).toBe('no-address')
  })
})
