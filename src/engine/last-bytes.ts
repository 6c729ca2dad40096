/** Keeps the last bytes of a stream of any length in a fixed room. */
export class LastBytesBuffer {
  readonly #room: Buffer
  #at = 0
  #total = 0

  constructor(maxBytes: number) {
    this.#room = Buffer.alloc(maxBytes)
  }

  /** How many bytes have come in all. */
  get total(): number {
    return this.#total
  }

  push(data: Buffer): void {
    this.#total += data.length
    const last = data.subarray(Math.max(0, data.length - this.#room.length))
    const first = last.copy(this.#room, this.#at)
    last.copy(this.#room, 0, first)
    this.#at = (this.#at + last.length) % this.#room.length
  }

  /** Those that are kept, in their order. */
  bytes(): Buffer {
    if (this.#total < this.#room.length) return this.#room.subarray(0, this.#total)
    return Buffer.concat([this.#room.subarray(this.#at), this.#room.subarray(0, this.#at)])
  }
}
