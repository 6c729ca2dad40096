/**
 * Makes whole lines of a byte stream that may be cut anywhere, within a character too: only whole lines are decoded.
 * Lines end with LF or CRLF.
 */
export class LineSplitter {
  readonly #maxBytes: number
  readonly #tooLong: () => Error
  #partial: Buffer
  #length = 0

  /** Throws what `tooLong` gives for a line of more than `maxBytes`. */
  constructor(maxBytes: number, tooLong: () => Error) {
    this.#maxBytes = maxBytes
    this.#tooLong = tooLong
    this.#partial = Buffer.alloc(0)
  }

  /** The lines that this chunk completes, without their ends and without empty ones. */
  *push(chunk: Buffer): Generator<string> {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#keep(chunk.subarray(start, end))
      const line = this.#partial.toString('utf8', 0, this.#length).trim()
      this.#length = 0
      start = end + 1
      if (line !== '') yield line
    }
    this.#keep(chunk.subarray(start))
  }

  #keep(bytes: Buffer): void {
    const length = this.#length + bytes.length
    if (length > this.#maxBytes) throw this.#tooLong()
    if (length > this.#partial.length) {
      this.#partial = Buffer.concat([this.#partial], Math.min(Math.max(length * 2, 1024), this.#maxBytes))
    }
    bytes.copy(this.#partial, this.#length)
    this.#length = length
  }
}
