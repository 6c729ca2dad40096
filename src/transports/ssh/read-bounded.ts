import type { Duplex } from 'node:stream'

/**
 * The text a stream gives until `enough` is content, `most` bytes have come, or it ends (also by an error); then closes
 * the stream. An abort closes it too, and gives what there is.
 */
export function readBounded(
  stream: Duplex,
  most: number,
  enough: (text: string) => boolean,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const done = () => {
      signal.removeEventListener('abort', done)
      stream.destroy()
      resolve(text)
    }
    if (signal.aborted) return done()
    signal.addEventListener('abort', done, { once: true })
    stream.on('error', done).on('end', done).on('close', done)
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1').slice(0, most - text.length)
      if (text.length >= most || enough(text)) done()
    })
  })
}
