import { RefusedError } from '../base/errors.ts'

/** What a frame is. Numbers 1 to 5 are in every conversation, the others in those that stream. */
export const FRAME = {
  /** Daemon: ControlHello. */
  hello: 1,
  /** Client: ControlRequest. */
  request: 2,
  /** Daemon: a part of the text of its reply; the next part follows. */
  more: 3,
  /** Daemon: ControlReply, or the last part of its text. Nothing follows. */
  reply: 4,
  /** Daemon: still at work. Empty. */
  beat: 5,
  /** Daemon: the conversation is open. Empty. */
  opened: 6,
  /** Daemon: bytes of the standard output. */
  out: 7,
  /** Daemon: bytes of the standard error. */
  err: 8,
  /** Client: bytes for the standard input. */
  input: 9,
  /** Daemon: the oldest input that was not acknowledged yet has been taken. Empty. */
  taken: 10,
  /** Client: end of the standard input. Empty. */
  end: 11,
  /** Client: `{columns, rows}` of the terminal. */
  resize: 12,
} as const

/** Bytes. */
export const LIMIT = {
  frame: 1024 * 1024,
  request: 256 * 1024,
  answer: 16 * 1024 * 1024,
  /** Output and input travel in pieces of at most this. */
  piece: 64 * 1024,
  /** How many pieces of input may be under way at a time. */
  window: 8,
} as const

export interface Frame {
  readonly type: number
  readonly data: Buffer
}

const HEADER = 5

/** Length of the data (u32, big endian), type (u8), data. */
export function encodeFrame(type: number, data: Uint8Array | string = ''): Buffer {
  const length = Buffer.byteLength(data)
  const frame = Buffer.allocUnsafe(HEADER + length)
  frame.writeUInt32BE(length, 0)
  frame.writeUInt8(type, 4)
  if (typeof data === 'string') frame.write(data, HEADER)
  else frame.set(data, HEADER)
  return frame
}

/** The frames in a byte stream that may be cut anywhere. Throws RefusedError for one of more than `mostBytes`. */
export async function* readFrames(source: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Frame, void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= HEADER) {
      const length = rest.readUInt32BE(0)
      if (length > mostBytes) throw notUnderstood(`a message of ${length} bytes, more than ${mostBytes}`)
      if (rest.length < HEADER + length) break
      yield { type: rest.readUInt8(4), data: rest.subarray(HEADER, HEADER + length) }
      rest = rest.subarray(HEADER + length)
    }
  }
}

/** The object in a JSON message. Throws RefusedError when it is none. */
export function readJson(data: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(data.toString())
  } catch {
    throw notUnderstood('a message that is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notUnderstood('JSON of another shape')
  return value as Readonly<Record<string, unknown>>
}

/** One side does not keep to the protocol. */
export function notUnderstood(what: string): RefusedError {
  return new RefusedError({
    kind: 'control-protocol',
    cause: `On the control socket came ${what}`,
    cure: 'Use the xscontainer command and the plugin of the same version as the monitor (docs/control-socket.md)',
  })
}
