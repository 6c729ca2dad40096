import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Pki } from './pki.ts'

export interface TlsEngine {
  readonly address: string
  readonly port: number
  readonly connections: () => number
  /** TLS sessions: true for each that went on with an earlier one. */
  readonly resumed: readonly boolean[]
  /** Ends all connections. */
  leave(): void
  stop(): Promise<void>
}

/**
 * An HTTP server that wants a certificate of the CA: answers every request with OK and the request's path, or does what
 * `talk` does.
 */
export async function startTlsEngine(
  pki: Pick<Pki, 'ca' | 'server'>,
  more: TlsOptions = {},
  address = '127.77.0.41',
  talk?: (socket: TLSSocket) => void,
): Promise<TlsEngine> {
  const sockets = new Set<Socket>()
  const resumed: boolean[] = []
  const options = {
    cert: pki.server.certificate,
    key: pki.server.key,
    ca: pki.ca.certificate,
    requestCert: true,
    rejectUnauthorized: true,
    ...more,
  }
  const server =
    talk === undefined
      ? createServer(options, (request, response) => response.end(`OK ${request.url}`))
      : createTlsServer(options, (socket) => talk(socket.on('error', () => undefined)))
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('secureConnection', (socket: TLSSocket) => resumed.push(socket.isSessionReused()))
  server.listen(0, address)
  await once(server, 'listening')
  return {
    address,
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    resumed,
    leave: () => sockets.forEach((socket) => socket.destroy()),
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
