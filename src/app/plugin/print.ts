import { writeSync } from 'node:fs'

/** How long to wait for a reader that is slow, milliseconds. */
const WAIT_MS = 5

/**
 * Writes all of it to standard output before it returns, without the streams of Node, which take time to load. When
 * nobody reads, or the disk is full, there is nobody to tell.
 */
export function print(text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS)
    }
  }
}
