import { RefusedError } from '../../base/errors.ts'
import type { ByteSource } from './byte-source.ts'
import { SECTOR } from './fields.ts'

/** What a reader looks at besides the files themselves: an image that leads it further than this leads it astray. */
const MOST_BYTES = 64 << 20
/** Records, and what is told of each: those of 50,000 files. Small ones, told again and again, cost far more than their bytes. */
const MOST_STEPS = 1_000_000
/** Of all paths together. */
const MOST_PATH_CHARS = 16 << 20

/** An image's bytes, read within its bounds and never without end. */
export class IsoBytes {
  readonly #source: ByteSource
  #left = MOST_BYTES
  #steps = MOST_STEPS
  #pathChars = MOST_PATH_CHARS
  /** Neighbours tend to point into the same sector. */
  #last: { readonly offset: number; readonly bytes: Buffer } | undefined

  constructor(source: ByteSource) {
    this.#source = source
  }

  get size(): number {
    return this.#source.size
  }

  /** Part of what describes the image. Rejects with RefusedError for a place outside, and once it was too much in all. */
  async describe(offset: number, length: number): Promise<Buffer> {
    this.#left -= length
    if (this.#left < 0) throw brokenIso('its folders have no end')
    return this.content(offset, length)
  }

  /** One more thing was looked at. Throws RefusedError once that was too much in all. */
  step(): void {
    if (--this.#steps < 0) throw brokenIso('its folders have no end')
  }

  /** A path is kept. Throws RefusedError once that was too much in all: names are short in the image, and paths are not. */
  keepPath(path: string): void {
    this.#pathChars -= path.length
    if (this.#pathChars < 0) throw brokenIso('the paths in it have no end')
  }

  /** The sector that holds this byte; the last one of an image may be shorter. */
  async sectorAt(offset: number): Promise<{ readonly offset: number; readonly bytes: Buffer }> {
    const start = offset - (offset % SECTOR)
    if (this.#last?.offset === start) return this.#last
    this.#last = { offset: start, bytes: await this.describe(start, Math.min(SECTOR, this.size - start)) }
    return this.#last
  }

  /** Part of a file. */
  async content(offset: number, length: number): Promise<Buffer> {
    if (offset < 0 || length < 0 || offset + length > this.size) throw brokenIso('a part of it would lie past its end')
    const bytes = await this.#source.read(offset, length)
    if (bytes.length !== length) throw brokenIso('not all of it can be read')
    return bytes
  }
}

export function brokenIso(what: string): RefusedError {
  return new RefusedError({
    kind: 'iso-broken',
    cause: `The ISO image is damaged or cut off: ${what}`,
    cure: 'Make or copy the image again',
  })
}
