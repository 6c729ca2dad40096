import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EngineSim } from '../../engine-sim.ts'
import type { Behaviour } from '../../faults.ts'
import { concerns, type Paths } from './paths.ts'

/** A fault that answers certain requests in place of the engine. */
export function replaceReply(
  about: Pick<Behaviour, 'name' | 'summary'>,
  paths: Paths,
  reply: (res: ServerResponse, engine: EngineSim, req: IncomingMessage) => void,
): Behaviour {
  return {
    ...about,
    begin: () => ({
      engine: {
        request(req, res, engine) {
          if (!concerns(paths, req)) return false
          reply(res, engine, req)
          return true
        },
      },
    }),
  }
}
