import type { Behaviour } from '../faults.ts'
import { EVERY_PATH, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

export function silentEngine(paths: Paths = EVERY_PATH): Behaviour {
  const summary = 'The engine takes requests and never answers one, as dockerd does when its storage hangs.'
  return replaceReply({ name: 'silent-engine', summary }, paths, () => undefined)
}
