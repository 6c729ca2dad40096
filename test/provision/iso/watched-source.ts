import type { ByteSource } from '../../../src/provision/iso/byte-source.ts'

/** A buffer to be read that notes how it is read, and gives nothing outside of its bounds. */
export class WatchedSource implements ByteSource {
  readonly size: number
  /** Bytes that were asked for in all. */
  asked = 0
  /** Reads that were not within the bounds: a defect of the reader. */
  readonly outside: string[] = []
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.size = bytes.length
  }

  read(offset: number, length: number): Promise<Buffer> {
    if (offset < 0 || length < 0 || offset + length > this.size) this.outside.push(`${length} at ${offset}`)
    this.asked += length
    return Promise.resolve(this.#bytes.subarray(offset, offset + length))
  }
}
