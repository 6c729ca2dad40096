import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { asError, StoppedError, TransientError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { FRAME, LIMIT } from './frame.ts'
import { FrameSocket } from './frame-socket.ts'
import { whyNotPrivate } from './private-socket.ts'
import { PROTOCOL } from './message.ts'
import { refuse, serveRequest, type ControlHandler } from './serve-request.ts'

const MOST_CONNECTIONS = 128
const PROBE_MS = 2000

export interface ControlServerDeps {
  readonly clock: Clock
  readonly log: Log
  readonly handle: ControlHandler
  /** Of the product, for the greeting. */
  readonly version: string
}

/** The daemon's local socket: one request per connection, many connections at once, for root only. */
export class ControlServer {
  readonly #deps: ControlServerDeps
  readonly #server: Server
  readonly #stop = new AbortController()
  readonly #serving = new Set<Promise<void>>()
  #path = ''

  constructor(deps: ControlServerDeps) {
    this.#deps = deps
    this.#server = createServer((socket) => this.#accept(socket))
    // Beyond that they are not even refused.
    this.#server.maxConnections = MOST_CONNECTIONS * 8
  }

  /**
   * Listens at `path`. The socket of a daemon that died is replaced. Never rejects: where there can be no socket, the
   * log says why and the monitor does without.
   */
  async start(path: string): Promise<void> {
    const { log } = this.#deps
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      if (await this.#isTaken(path)) throw new Error('another process answers there already')
      if (this.#stop.signal.aborted) return
      this.#path = path
      await this.#listen(path)
      this.#server.on('error', (error) => log.error({ err: error }, 'the control socket fails'))
      log.info({ socket: path }, 'listening on the control socket')
    } catch (error) {
      log.error(
        { socket: path, err: asError(error) },
        'no control socket: commands and the plugin do without the monitor',
      )
    }
  }

  /** Ends everything that is being done; the socket goes. */
  async stop(): Promise<void> {
    this.#stop.abort(new StoppedError('the monitor is being stopped'))
    // Takes the socket's file away as well.
    this.#server.close()
    await Promise.all(this.#serving)
  }

  /** Whether somebody listens there. What nobody listens at any more is taken away. */
  async #isTaken(path: string): Promise<boolean> {
    const there = lstatSync(path, { throwIfNoEntry: false })
    if (there === undefined) return false
    if (!there.isSocket()) throw new Error('something that is no socket is there already')
    if (await answers(this.#deps.clock, path)) return true
    unlinkSync(path)
    return false
  }

  #listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      // The file is made within `listen`: at no time may others than root connect.
      const mask = process.umask(0o177)
      try {
        this.#server.listen(path, MOST_CONNECTIONS * 2, () => {
          this.#server.off('error', reject)
          resolve()
        })
        chmodSync(path, 0o600)
      } finally {
        process.umask(mask)
      }
    })
  }

  #accept(socket: Socket): void {
    const why = whyNotPrivate(this.#path)
    if (why !== undefined) {
      this.#deps.log.error(
        { socket: this.#path },
        `refused a control connection: the socket ${why}; restart the monitor`,
      )
      socket.destroy()
      return
    }
    const wire = new FrameSocket(socket, LIMIT.request)
    const serving = this.#serve(wire)
      // Whoever asked has gone, or did not keep to the protocol.
      .catch((error: unknown) => this.#deps.log.debug({ err: asError(error) }, 'a control connection broke'))
      .finally(() => {
        wire.close()
        this.#serving.delete(serving)
      })
    this.#serving.add(serving)
  }

  async #serve(wire: FrameSocket): Promise<void> {
    const { log, version } = this.#deps
    const busy = this.#serving.size >= MOST_CONNECTIONS
    await wire.send(FRAME.hello, JSON.stringify({ protocol: PROTOCOL, version }))
    const onDefect = (operation: string, error: unknown) =>
      log.error({ err: asError(error), operation: operation.slice(0, 60) }, 'defect: an operation failed')
    const deps = { ...this.#deps, onDefect }
    if (busy) await refuse(deps, wire, this.#stop.signal, tooMany())
    else await serveRequest(deps, wire, this.#stop.signal)
  }
}

function answers(clock: Clock, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    // Nobody accepts, but somebody listens.
    const cancel = clock.after(PROBE_MS, () => done(true))
    const done = (taken: boolean, error?: Error) => {
      cancel()
      socket.destroy()
      if (error === undefined) resolve(taken)
      else reject(error)
    }
    socket.once('connect', () => done(true))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? done(false) : done(true, error),
    )
  })
}

function tooMany(): TransientError {
  return new TransientError({
    kind: 'control-busy',
    cause: `The monitor on this host is doing ${MOST_CONNECTIONS} things at once already`,
    cure: 'Try again in a moment; if it stays so, find out who asks so often (lsof on the control socket)',
  })
}
