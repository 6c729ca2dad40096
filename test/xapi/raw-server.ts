import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'

/** What a server saw of one request. */
export interface SeenRequest {
  readonly head: string
  body: string
}

/** Answers a request by hand: told the head at once, it may wait for the body, write, and end or destroy the socket. */
export type Behaviour = (socket: Socket, seen: SeenRequest, wholeBody: Promise<void>) => void | Promise<void>

/** A server that is not XAPI but stands in its place. */
export class RawServer {
  readonly seen: SeenRequest[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: (accept: (socket: Socket) => void) => Server, behave: Behaviour) {
    this.#server = server((socket) => this.#accept(socket, behave))
  }

  /** On a unix socket. */
  static async local(behave: Behaviour): Promise<RawServer & { readonly socketPath: string }> {
    const socketPath = join(mkdtempSync(join(tmpdir(), 'raw-')), 'xapi')
    const server = new RawServer((accept) => createServer(accept), behave)
    await new Promise<void>((resolve) => server.#server.listen(socketPath, resolve))
    return Object.assign(server, { socketPath })
  }

  /** On loopback with TLS, with a certificate that it has made itself. */
  static async tls(behave: Behaviour): Promise<RawServer & { readonly port: number }> {
    const server = new RawServer((accept) => createTlsServer(selfSigned(), accept), behave)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return Object.assign(server, { port: (server.#server.address() as AddressInfo).port })
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(socket: Socket, behave: Behaviour): void {
    this.#sockets.add(socket)
    let seen: SeenRequest | undefined
    let text = ''
    let whole = () => {}
    const body = new Promise<void>((resolve) => (whole = resolve))
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      text += data.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end === -1) return
      if (seen === undefined) {
        seen = { head: text.slice(0, end), body: '' }
        this.seen.push(seen)
        void behave(socket, seen, body)
      }
      seen.body = text.slice(end + 4)
      const length = Number(/content-length: (\d+)/i.exec(seen.head)?.[1] ?? 0)
      if (seen.body.length >= length) whole()
    })
  }
}

function selfSigned(): { key: Buffer; cert: Buffer } {
  const dir = mkdtempSync(join(tmpdir(), 'raw-tls-'))
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')]
  const subject = ['-subj', '/CN=nobody', '-days', '1', '-keyout', key, '-out', cert]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}
