import { abortReason } from '../base/clock.ts'
import { DiagnosedError, StoppedError, TransientError } from '../base/errors.ts'
import type { OperationStream, StreamChunk } from '../operations/operation.ts'
import { FRAME, LIMIT, notUnderstood, type Frame } from './frame.ts'
import type { FrameSocket } from './frame-socket.ts'
import { DAEMON_LOST } from './message.ts'

/** A conversation that the daemon holds, as this process sees it. */
export class RemoteStream implements OperationStream {
  readonly output: AsyncIterable<StreamChunk>
  readonly #wire: FrameSocket
  readonly #payload: (last: Frame) => Promise<string>
  readonly #untaken: { resolve: () => void; reject: (error: Error) => void }[] = []
  /** Resolves with the payload of the daemon's last message. */
  readonly #ended: Promise<string>
  #settle!: { resolve: (payload: string) => void; reject: (error: unknown) => void }
  #over = false
  #room: (() => void)[] = []

  constructor(wire: FrameSocket, payload: (last: Frame) => Promise<string>) {
    this.#wire = wire
    this.#payload = payload
    this.#ended = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    // Those who do not ask for the exit code are told by the output.
    this.#ended.catch(() => undefined)
    this.output = this.#read()
  }

  async write(data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; at += LIMIT.piece) await this.#writePiece(data.subarray(at, at + LIMIT.piece))
  }

  end(): void {
    this.#tell(FRAME.end)
  }

  resize(columns: number, rows: number): Promise<void> {
    return this.#wire.send(FRAME.resize, JSON.stringify({ columns, rows }))
  }

  exitCode(signal: AbortSignal): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal))
      const onAbort = () => reject(abortReason(signal))
      signal.addEventListener('abort', onAbort, { once: true })
      this.#ended
        .then((payload) => resolve(payload === '' ? undefined : Number(payload)), reject)
        .finally(() => signal.removeEventListener('abort', onAbort))
    })
  }

  close(): void {
    this.#finish(new StoppedError('the conversation was closed'))
  }

  async #writePiece(piece: Buffer): Promise<void> {
    while (!this.#over && this.#untaken.length >= LIMIT.window) {
      await new Promise<void>((resolve) => this.#room.push(resolve))
    }
    if (this.#over) throw new StoppedError('the conversation is over')
    const taken = new Promise<void>((resolve, reject) => this.#untaken.push({ resolve, reject }))
    taken.catch(() => undefined)
    await this.#wire.send(FRAME.input, piece)
    await taken
  }

  async *#read(): AsyncGenerator<StreamChunk, void> {
    try {
      for await (const frame of this.#wire.frames) {
        if (frame.type === FRAME.out) yield { from: 'out', data: frame.data }
        else if (frame.type === FRAME.err) yield { from: 'err', data: frame.data }
        else if (frame.type === FRAME.taken) this.#taken()
        else if (frame.type !== FRAME.beat) {
          this.#settle.resolve(await this.#payload(frame))
          return
        }
      }
      throw lost()
    } catch (error) {
      if (this.#over) return
      const told = error instanceof DiagnosedError ? error : lost(error)
      this.#settle.reject(told)
      throw told
    } finally {
      this.#finish(new StoppedError('the conversation is over'))
    }
  }

  #taken(): void {
    const oldest = this.#untaken.shift()
    if (oldest === undefined) throw notUnderstood('an acknowledgement of nothing')
    oldest.resolve()
    this.#room.shift()?.()
  }

  #finish(why: Error): void {
    this.#over = true
    this.#settle.reject(why)
    for (const { reject } of this.#untaken.splice(0)) reject(why)
    for (const go of this.#room.splice(0)) go()
    this.#wire.close()
  }

  #tell(type: number): void {
    this.#wire.send(type).catch(() => undefined)
  }
}

function lost(cause?: unknown): TransientError {
  return new TransientError(
    {
      kind: DAEMON_LOST,
      cause: 'The monitor on this host, which held the connection to the container, went away',
      cure: 'See /var/log/xscontainer.log and systemctl status xscontainer-monitor, then try again',
    },
    cause === undefined ? {} : { cause },
  )
}
