import { connect, type Socket } from 'node:net'
import { abortReason } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import { ResponseParser, type Answer } from './response-parser.ts'

/** The connection ended after answers to earlier requests and before the first byte of an answer to this one. */
export class NotAnswered extends Error {}

/** A request that has been sent. */
interface Waiter {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
  /** Something of the answer has come. */
  begun: boolean
}

/**
 * One connection to XAPI's socket over which requests can be sent without waiting for the answers to earlier ones
 * (HTTP pipelining). Node's own client never does that, but two field writes sent back to back leave the shortest
 * moment in which other clients can see a key missing.
 */
export class PipeLine {
  readonly #socketPath: string
  #socket: Socket | undefined
  #parser = new ResponseParser()
  readonly #waiters: Waiter[] = []
  /** Answers that came whole over the present connection. */
  #answers = 0

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** POSTs `body`; the answer. Rejects with what broke the connection; an abort takes the connection with it. */
  post(head: PostHead, body: string, signal: AbortSignal): Promise<Answer> {
    if (signal.aborted) return Promise.reject(abortReason(signal))
    return new Promise<Answer>((resolve, reject) => {
      const giveUp = () => {
        reject(abortReason(signal))
        this.#abandoned(waiter)
      }
      const done = () => signal.removeEventListener('abort', giveUp)
      const waiter: Waiter = {
        resolve: (answer) => (done(), resolve(answer)),
        reject: (error) => (done(), reject(error)),
        begun: false,
      }
      signal.addEventListener('abort', giveUp, { once: true })
      const socket = (this.#socket ??= this.#connect())
      this.#gather(socket)
      this.#waiters.push(waiter)
      socket.write(requestOf(head, body))
    })
  }

  get busy(): boolean {
    return this.#waiters.length > 0
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
    this.#parser = new ResponseParser()
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
        const [waiter] = this.#waiters
        if (socket !== this.#socket || waiter === undefined) return void socket.destroy()
        waiter.begun = true
        const found = this.#parser.feed(rest)
        rest = found.rest
        if (found.answer === undefined) continue
        this.#waiters.shift()
        this.#answers++
        waiter.resolve(found.answer)
        // Not when it is closed, but now: the next request may come before that.
        if (this.#parser.last) return this.#broken(socket, undefined)
      }
    } catch (error) {
      socket.destroy(asError(error))
    }
  }

  /** A request that was given up before its answer came: the answers after it could not be told apart any more. */
  #abandoned(waiter: Waiter): void {
    if (this.#waiters.includes(waiter)) this.#drop(new Error('the connection was given up with an earlier call'))
  }

  /** At once, and not when the system has closed it: the next request needs a connection that works. */
  #drop(error: Error): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.destroy()
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  /** The first waiter may have its whole answer, if that ends with the connection; the others have none. */
  #broken(socket: Socket, error: Error | undefined): void {
    if (socket !== this.#socket) return
    this.#socket = undefined
    socket.destroy()
    const [first, ...others] = this.#waiters.splice(0)
    const spoke = this.#answers > 0 || first?.begun === true
    const why = 'the connection closed before the answer'
    const whole = error === undefined && first?.begun ? this.#parser.close() : undefined
    if (whole !== undefined) first?.resolve(whole)
    else first?.reject(spoke && !first.begun ? new NotAnswered(why) : (error ?? new Error(why)))
    for (const waiter of others) waiter.reject(spoke ? new NotAnswered(why) : (error ?? new Error(why)))
  }
}

/** What of a request's head differs between callers. */
export interface PostHead {
  readonly path: string
  readonly userAgent: string
  readonly contentType: string
}

function requestOf({ path, userAgent, contentType }: PostHead, body: string): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    `User-Agent: ${userAgent}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: keep-alive',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
