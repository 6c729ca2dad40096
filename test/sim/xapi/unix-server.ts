import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'

/** A listener on a unix socket that can go away and come back. */
export class UnixServer {
  private server: Server | undefined
  private readonly sockets = new Set<Socket>()
  private readonly path: string
  private readonly serve: (socket: Socket) => void

  constructor(path: string, serve: (socket: Socket) => void) {
    this.path = path
    this.serve = serve
  }

  get connections(): number {
    return this.sockets.size
  }

  async listen(): Promise<void> {
    if (this.server !== undefined) return
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    await chmod(dirname(this.path), 0o700)
    await rm(this.path, { force: true })
    const server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket))
    this.server = server
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.path, resolve))
  }

  /** Removes the socket file and cuts all connections. */
  async unlisten(): Promise<void> {
    const server = this.server
    this.server = undefined
    if (server === undefined) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    this.dropConnections()
    await closed
  }

  dropConnections(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('close', () => this.sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    this.serve(socket)
  }
}
