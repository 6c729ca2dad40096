import type { Writable } from 'node:stream'

/** Writes the same text for ever, as fast as the reader reads. Takes turns with the rest of the process. */
export function pour(to: Writable, text: string): void {
  const block = Buffer.from(text.repeat(Math.max(1, Math.ceil(16_384 / text.length))))
  const more = () => {
    if (to.destroyed || !to.writable) return
    if (to.write(block)) setImmediate(more)
    else to.once('drain', more)
  }
  more()
}
