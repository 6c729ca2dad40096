import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { asError } from '../base/errors.ts'
import { ResponseFramer } from './response-framer.ts'

/**
 * One connection to XAPI's socket over which requests can be sent without waiting for the answers to earlier ones
 * (HTTP pipelining). Node's own client never does that, but two field writes sent back to back leave the shortest
 * moment in which other clients can see a key missing.
 */
export class PipeLine {
  readonly #socketPath: string
  #socket: Socket | undefined
  #framer = new ResponseFramer()
  #lanes: Lane[] = []

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** A stream for one HTTP request and its response, to be given to http.request as its connection. */
  lane(): Duplex {
    const socket = (this.#socket ??= this.#connect())
    this.#gather(socket)
    const lane = new Lane(socket, (gone) => this.#abandoned(gone))
    this.#lanes.push(lane)
    return lane
  }

  get busy(): boolean {
    return this.#lanes.length > 0
  }

  close(): void {
    const socket = this.#socket
    socket?.destroy()
    if (socket !== undefined) this.#broken(socket, undefined)
  }

  #connect(): Socket {
    const socket = connect(this.#socketPath)
    this.#framer = new ResponseFramer()
    socket.on('data', (data: Buffer) => this.#distribute(socket, data))
    socket.on('error', (error) => this.#broken(socket, error))
    socket.on('close', () => this.#broken(socket, undefined))
    return socket
  }

  /** What several requests write in this turn of the event loop leaves in one piece: XAPI then has no time in between. */
  #gather(socket: Socket): void {
    if (socket.writableCorked > 0) return
    socket.cork()
    setImmediate(() => socket.uncork())
  }

  #distribute(socket: Socket, data: Buffer): void {
    let rest = data
    try {
      while (rest.length > 0) {
        const lane = this.#lanes[0]
        if (lane === undefined) return void socket.destroy()
        const cut = this.#framer.cut(rest)
        lane.push(cut.mine)
        if (cut.done) this.#lanes.shift()?.answered()
        rest = cut.rest
      }
    } catch (error) {
      socket.destroy(asError(error))
    }
  }

  /** A lane that was given up before its answer came: the answers after it could not be told apart any more. */
  #abandoned(lane: Lane): void {
    const socket = this.#socket
    if (socket === undefined || !this.#lanes.includes(lane)) return
    socket.destroy()
    // At once, and not when the system has closed it: the next lane needs a connection that works.
    this.#broken(socket, new Error('the connection was given up with an earlier call'))
  }

  /** The first lane may have its whole answer, if that ends with the connection; the others have none. */
  #broken(socket: Socket, error: Error | undefined): void {
    if (socket !== this.#socket) return
    this.#socket = undefined
    const [first, ...others] = this.#lanes
    this.#lanes = []
    first?.cutOff(error)
    for (const lane of others) lane.cutOff(error ?? new Error('the connection closed before the answer'))
  }
}

class Lane extends Duplex {
  readonly #socket: Socket
  readonly #gone: (lane: Lane) => void
  #answered = false

  constructor(socket: Socket, gone: (lane: Lane) => void) {
    super()
    this.#socket = socket
    this.#gone = gone
  }

  answered(): void {
    this.#answered = true
  }

  cutOff(error: Error | undefined): void {
    this.#answered = true
    if (error === undefined) this.push(null)
    else this.destroy(error)
  }

  override _read(): void {
    // Pushed as it comes: an answer is read whole by its one reader.
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done)
  }

  override _final(done: () => void): void {
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#answered) this.#gone(this)
    done(error)
  }
}
