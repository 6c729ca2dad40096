import type { Socket } from 'node:net'

import type { ByteReader } from './byte-reader.ts'
import { Faults, type FaultMode } from './faults.ts'
import { htmlError, serveConnection, type HttpAnswer, type HttpHandler } from './http-connection.ts'
import type { HttpRequest } from './http-request.ts'
import type { RpcHandler } from './rpc-handler.ts'
import type { SimHost } from './sim-host.ts'
import { UnixServer } from './unix-server.ts'
import { HttpFault } from './xapi-error.ts'

export interface HostServerDeps {
  readonly socketPath: string
  readonly rpc: RpcHandler
  /** This host, once the pool knows it. */
  readonly host: () => SimHost
  readonly coordinator: () => SimHost
  readonly dropSessions: () => void
  readonly userAgent: (name: string) => void
  readonly raw: (request: HttpRequest, reader: ByteReader, socket: Socket) => Promise<boolean>
}

/** One host's XAPI: its socket, what its faults do to calls, and the way of a member's calls to the coordinator. */
export class HostServer implements HttpHandler {
  readonly faults: Faults
  private readonly server: UnixServer
  private readonly deps: HostServerDeps

  constructor(deps: HostServerDeps) {
    this.deps = deps
    this.server = new UnixServer(deps.socketPath, (socket) => void serveConnection(socket, this))
    this.faults = new Faults({
      listen: () => this.server.listen(),
      unlisten: () => this.server.unlisten(),
      dropConnections: () => this.server.dropConnections(),
      dropSessions: () => deps.dropSessions(),
    })
  }

  get connections(): number {
    return this.server.connections
  }

  async up(): Promise<void> {
    if (this.faults.mode !== 'refuse') await this.server.listen()
  }

  async down(): Promise<void> {
    await this.server.unlisten()
  }

  async post(request: HttpRequest, body: Buffer): Promise<HttpAnswer | 'cut' | 'never'> {
    this.deps.userAgent(request.headers.get('user-agent') ?? '')
    const before = this.spoiled(this.mode())
    if (before !== undefined) return before
    const format = request.path === '/jsonrpc' ? 'json' : 'xml'
    const answer = await this.answer(body, format)
    const { slowMs } = this.faults
    if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs))
    if (this.mode() === 'hang') return 'never'
    return this.mode() === 'lose-answers' ? 'cut' : answer
  }

  raw(request: HttpRequest, reader: ByteReader, socket: Socket): Promise<boolean> {
    return this.deps.raw(request, reader, socket)
  }

  private async answer(body: Buffer, format: 'xml' | 'json'): Promise<HttpAnswer> {
    try {
      const text = await this.deps.rpc.handle(body, format, this.deps.host())
      return { status: 200, contentType: format === 'json' ? 'application/json' : 'text/xml', body: text }
    } catch (error) {
      if (error instanceof HttpFault) return htmlError(error.message)
      throw error
    }
  }

  /** This host's own fault, or else what the coordinator's means for calls that a member hands on to it. */
  private mode(): FaultMode {
    const own = this.faults.mode
    const coordinator = this.deps.coordinator()
    if (own !== 'none' || coordinator === this.deps.host()) return own
    const theirs = coordinator.faults.mode
    return theirs === 'hang' || theirs === 'none' ? theirs : 'http500'
  }

  private spoiled(mode: FaultMode): HttpAnswer | 'never' | undefined {
    if (mode === 'hang') return 'never'
    return mode === 'http500' ? htmlError('simulated') : undefined
  }
}
