import type { Behaviour } from '../faults.ts'
import { EVERY_PATH, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

export function cutReply(paths: Paths = EVERY_PATH): Behaviour {
  const summary = 'The connection breaks in the middle of each answer, before its Content-Length is reached.'
  return replaceReply({ name: 'cut-reply', summary }, paths, (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 })
    res.write('[{"Id":"36903bd6eb08",', () => res.destroy())
  })
}
