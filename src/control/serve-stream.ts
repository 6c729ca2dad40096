import { abortReason } from '../base/clock.ts'
import type { OperationStream } from '../operations/operation.ts'
import { FRAME, LIMIT, notUnderstood, readJson, type Frame } from './frame.ts'
import type { FrameSocket } from './frame-socket.ts'
import type { Inbox } from './serve-request.ts'

/**
 * Carries a conversation over the socket until it ends; the payload for the last message: its exit code in decimal,
 * or empty. Closes the conversation in the end, also when `signal` aborts.
 */
export async function serveStream(
  stream: OperationStream,
  wire: FrameSocket,
  inbox: Pick<Inbox, 'take'>,
  signal: AbortSignal,
): Promise<string> {
  const onAbort = () => stream.close()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) throw abortReason(signal)
    const input = new Input(stream, wire)
    inbox.take = (frame) => input.take(frame)
    await wire.send(FRAME.opened)
    for await (const { from, data } of stream.output) {
      for (let at = 0; at < data.length; at += LIMIT.piece)
        await wire.send(from === 'err' ? FRAME.err : FRAME.out, data.subarray(at, at + LIMIT.piece))
    }
    return String((await stream.exitCode(signal)) ?? '')
  } finally {
    signal.removeEventListener('abort', onAbort)
    stream.close()
  }
}

/** What the client sends into the conversation: passed on piece by piece, each acknowledged when it was taken. */
class Input {
  readonly #stream: OperationStream
  readonly #wire: FrameSocket
  #waiting = 0
  #last: Promise<void> = Promise.resolve()

  constructor(stream: OperationStream, wire: FrameSocket) {
    this.#stream = stream
    this.#wire = wire
  }

  take({ type, data }: Frame): void {
    if (type === FRAME.input) this.#write(data)
    else if (type === FRAME.end) this.#then(async () => this.#stream.end())
    else if (type === FRAME.resize) this.#resize(data)
    else throw notUnderstood(`a frame of type ${type} in a conversation`)
  }

  #write(data: Buffer): void {
    if (this.#waiting >= LIMIT.window) throw notUnderstood('more input than may be under way')
    this.#waiting++
    this.#then(async () => {
      await this.#stream.write(data)
      this.#waiting--
      await this.#wire.send(FRAME.taken)
    })
  }

  /** Not in line with the input, which may be stuck. A size that cannot be had does not end the conversation. */
  #resize(data: Buffer): void {
    const { columns, rows } = readJson(data)
    if (!isSize(columns) || !isSize(rows)) throw notUnderstood('a size that no terminal has')
    this.#stream.resize(columns, rows).catch(() => undefined)
  }

  /** When the conversation cannot take input any more, its output says why. */
  #then(step: () => Promise<void>): void {
    this.#last = this.#last.then(step).catch(() => undefined)
  }
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535
}
