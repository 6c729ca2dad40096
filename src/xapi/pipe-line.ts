import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { asError } from '../base/errors.ts'
import { ResponseFramer } from './response-framer.ts'

/** The connection ended after answers to earlier requests and before the first byte of an answer to this one. */
export class NotAnswered extends Error {}

/**
 * One connection to XAPI's socket over which requests can be sent without waiting for the answers to earlier ones
 * (HTTP pipelining). Node's own client never does that, but two field writes sent back to back leave the shortest
 * moment in which other clients can see a key missing.
 */
export class PipeLine {
  readonly #socketPath: string
  #socket: Socket | undefined
  #framer = new ResponseFramer()
  readonly #lanes: Lane[] = []
  /** Answers that came whole over the present connection. */
  #answers = 0

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

  /** Lets go of a connection that is idle: the next request has one of its own, which nobody is about to close. */
  renew(): void {
    if (!this.busy) this.close()
  }

  close(): void {
    this.#drop(new Error('the connection was closed by this side'))
  }

  #connect(): Socket {
    const socket = connect(this.#socketPath)
    this.#framer = new ResponseFramer()
    this.#answers = 0
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
        lane.receive(cut.mine)
        if (cut.done) this.#lanes.shift()?.answered()
        if (cut.done) this.#answers++
        // Not when it is closed, but now: the next request may come before that.
        if (cut.done && this.#framer.last) return this.#broken(socket, undefined)
        rest = cut.rest
      }
    } catch (error) {
      socket.destroy(asError(error))
    }
  }

  /** A lane that was given up before its answer came: the answers after it could not be told apart any more. */
  #abandoned(lane: Lane): void {
    if (this.#lanes.includes(lane)) this.#drop(new Error('the connection was given up with an earlier call'))
  }

  /** At once, and not when the system has closed it: the next lane needs a connection that works. */
  #drop(error: Error): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.destroy()
    for (const lane of this.#lanes.splice(0)) lane.cutOff(error)
  }

  /** The first lane may have its whole answer, if that ends with the connection; the others have none. */
  #broken(socket: Socket, error: Error | undefined): void {
    if (socket !== this.#socket) return
    this.#socket = undefined
    socket.destroy()
    const [first, ...others] = this.#lanes.splice(0)
    const spoke = this.#answers > 0 || first?.begun === true
    const why = 'the connection closed before the answer'
    first?.cutOff(spoke && !first.begun ? new NotAnswered(why) : error)
    for (const lane of others) lane.cutOff(spoke ? new NotAnswered(why) : (error ?? new Error(why)))
  }
}

class Lane extends Duplex {
  readonly #socket: Socket
  readonly #gone: (lane: Lane) => void
  #answered = false
  /** Something of the answer has come. */
  begun = false

  constructor(socket: Socket, gone: (lane: Lane) => void) {
    super()
    this.#socket = socket
    this.#gone = gone
  }

  receive(data: Buffer): void {
    this.begun = true
    this.push(data)
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
