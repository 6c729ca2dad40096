import type { Duplex } from 'node:stream'
import type { Behaviour } from '../../faults.ts'

/** A fault that answers the first bytes of every connection with bytes of its own. */
export function rawReply(about: Pick<Behaviour, 'name' | 'summary'>, reply: (stream: Duplex) => void): Behaviour {
  return {
    ...about,
    begin: () => ({
      engine: {
        connection(stream) {
          stream.once('data', () => reply(stream))
          return true
        },
      },
    }),
  }
}
