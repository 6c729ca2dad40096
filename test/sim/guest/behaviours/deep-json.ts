import type { Behaviour } from '../faults.ts'
import { EVERY_PATH, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

export function deepJson(paths: Paths = EVERY_PATH, levels = 100_000): Behaviour {
  const summary = 'Answers are valid JSON, 100,000 levels deep: what walks them by recursion overflows its stack.'
  return replaceReply({ name: 'deep-json', summary }, paths, (res) => {
    const body = `[{"Id":"1","Names":["/deep"],"Labels":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}]`
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body)
  })
}
