import { Duplex } from 'node:stream'
import type { ClientChannel } from 'ssh2'
import { TransientError } from '../../base/errors.ts'

/** What a command in a guest does besides writing to its standard output. */
export interface SessionListener {
  error(chunk: Buffer): void
  /** How it ended; undefined: by a signal. */
  exit(code: number | undefined): void
  /** Nothing more is said of it. */
  closed(): void
}

/**
 * A channel as a plain Duplex. ssh2's own Channel has a `destroy` that waits for the other side, ends without an error
 * when the connection is lost, and throws out of the event loop when it is used after that.
 */
export class ChannelStream extends Duplex {
  readonly #channel: ClientChannel
  #gone = false
  #writing: ((error: Error) => void) | undefined

  constructor(channel: ClientChannel) {
    super({ allowHalfOpen: false })
    this.#channel = channel
  }

  /** Wires the channel up; call once. */
  attach(listener?: SessionListener): this {
    const channel = this.#channel
    this.on('error', () => {}) // a stream that nobody holds any more must not end the process
    channel.on('error', () => {})
    channel.on('data', this.#onData)
    channel.on('end', () => this.push(null))
    channel.on('close', () => this.#onClose())
    channel.stderr.resume()
    if (listener !== undefined) listen(channel, listener)
    return this
  }

  /** The connection is gone: ends the stream with `error` and never touches the channel again. */
  lose(error: Error): void {
    this.#gone = true
    // In any other state ssh2 still sends on the dead connection, and throws
    const outgoing = this.#channel.outgoing as { state?: string } | undefined
    if (outgoing !== undefined) outgoing.state = 'closed'
    this.destroy(error)
  }

  override _read(): void {
    if (!this.#gone) this.#channel.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#gone) return done(streamClosed())
    this.#writing = done
    const settle = (error?: Error | null) => {
      if (this.#writing === done) {
        this.#writing = undefined
        done(error)
      }
    }
    attempt(() => this.#channel.write(chunk, settle), settle)
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#gone) attempt(() => this.#channel.end())
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#channel.off('data', this.#onData)
    if (!this.#gone) attempt(() => discard(this.#channel))
    done(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#channel.pause()
  }

  #onClose(): void {
    this.#gone = true
    this.#writing?.(streamClosed())
    this.#writing = undefined
  }
}

function listen(channel: ClientChannel, listener: SessionListener): void {
  channel.stderr.on('data', (chunk: Buffer) => listener.error(chunk))
  channel.on('exit', (code: unknown) => listener.exit(typeof code === 'number' ? code : undefined))
  channel.on('close', () => listener.closed())
}

/** Closes a channel that nobody wants, and reads what still comes so that ssh2 forgets it. */
export function discard(channel: ClientChannel): void {
  channel.close()
  channel.resume()
  channel.stderr.resume()
}

/** ssh2 throws when its connection breaks at that moment. */
function attempt(action: () => void, failed: (error: Error) => void = () => {}): void {
  try {
    action()
  } catch (error) {
    failed(error as Error)
  }
}

function streamClosed(): TransientError {
  return new TransientError({
    kind: 'stream-closed',
    cause: 'The engine in the guest closed the connection while we were writing to it',
    cure: 'Check the log of the engine in the guest',
  })
}
