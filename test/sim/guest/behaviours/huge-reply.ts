import { Readable } from 'node:stream'
import type { Behaviour } from '../faults.ts'
import { LISTS, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

const CHUNK = Buffer.alloc(64 * 1024, 'x')

/** Valid JSON of the given size, sent in chunks without a Content-Length. */
export function hugeReply(paths: Paths = LISTS, bytes = 50 * 1024 * 1024): Behaviour {
  const summary = 'The container list is 50 MB of valid JSON, with no Content-Length to warn of it.'
  return replaceReply({ name: 'huge-reply', summary }, paths, (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' })
    Readable.from(hugeList(bytes)).pipe(res)
  })
}

function* hugeList(bytes: number): Generator<Buffer> {
  yield Buffer.from('[{"Id":"1","Names":["/big"],"Command":"')
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, Math.min(left, CHUNK.length))
  yield Buffer.from('"}]')
}
