import type { Duplex } from 'node:stream'
import type { Behaviour } from '../../faults.ts'

/** A fault that answers each request with these bytes, whatever was asked. */
export function rawHttp(name: string, summary: string, answer: string, then?: (stream: Duplex) => void): Behaviour {
  return {
    name,
    summary,
    begin: () => ({
      engine: {
        connection(stream) {
          stream.on('data', () => {
            stream.write(Buffer.from(answer, 'latin1'))
            then?.(stream)
          })
          return true
        },
      },
    }),
  }
}
