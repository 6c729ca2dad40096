/** Bytes that a container wrote to its standard output or error; a terminal has only the first. */
export interface OutputChunk {
  readonly from: 'out' | 'err'
  readonly data: Buffer
}

const HEAD_BYTES = 8

/**
 * Takes apart the frames of a container's output: a type byte (0 and 1: output, 2: error, 3: the engine's own words
 * about a failure), three zeros, the length as 32 bits, that many bytes. Lengths are counted down, never allocated.
 */
export class Demultiplexer {
  readonly #malformed: () => Error
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #headLength = 0
  #left = 0

  /** Throws what `malformed` gives when there is no frame where one must be. */
  constructor(malformed: () => Error) {
    this.#malformed = malformed
  }

  /** Whether everything so far was whole frames. */
  get whole(): boolean {
    return this.#headLength === 0 && this.#left === 0
  }

  /** What this part of the stream holds, as views on it. */
  *push(chunk: Buffer): Generator<OutputChunk> {
    for (let at = 0; at < chunk.length;) {
      if (this.#left === 0) {
        at += this.#readHead(chunk.subarray(at, at + HEAD_BYTES - this.#headLength))
        continue
      }
      const data = chunk.subarray(at, at + this.#left)
      at += data.length
      this.#left -= data.length
      yield { from: this.#head[0] === 2 || this.#head[0] === 3 ? 'err' : 'out', data }
    }
  }

  #readHead(part: Buffer): number {
    part.copy(this.#head, this.#headLength)
    this.#headLength += part.length
    if (this.#headLength === HEAD_BYTES) {
      // A type above 3, or what is no zero after it: the first byte and the next three as one number
      if (this.#head.readUInt32BE(0) > 0x03ffffff || this.#head.readUInt32BE(0) % 0x1000000 !== 0)
        throw this.#malformed()
      this.#left = this.#head.readUInt32BE(4)
      this.#headLength = 0
    }
    return part.length
  }
}
