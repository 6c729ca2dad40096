import { Demultiplexer, type OutputChunk } from './demultiplexer.ts'
import { connectionError, streamBrokeOff, streamMalformed } from './errors.ts'
import type { Lifetime } from './lifetime.ts'

/**
 * What a container writes, as it comes from the stream that `open` gives, and ends `life` afterwards. `framed`: output
 * and error are told apart by frames, which is so for all but terminals.
 */
export async function* readOutput(
  request: string,
  framed: boolean,
  life: Lifetime,
  open: () => Promise<AsyncIterable<Buffer>>,
): AsyncGenerator<OutputChunk, void, undefined> {
  const frames = new Demultiplexer(() => streamMalformed(request))
  try {
    for await (const data of await open()) {
      if (framed) yield* frames.push(data)
      else yield { from: 'out', data }
    }
    if (!frames.whole) throw streamBrokeOff(request)
  } catch (error) {
    if (life.ended) return
    life.signal.throwIfAborted()
    throw connectionError(request, error)
  } finally {
    life.end()
  }
}
