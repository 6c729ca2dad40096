import type { Behaviour } from '../faults.ts'
import { EVERY_PATH, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

export function truncatedJson(paths: Paths = EVERY_PATH): Behaviour {
  const summary = 'Answers are whole for HTTP, but their JSON stops in the middle of a string.'
  return replaceReply({ name: 'truncated-json', summary }, paths, (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' }).end('[{"Id":"36903bd6eb08","Names":["/we')
  })
}
