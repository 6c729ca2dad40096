import type { Behaviour } from '../faults.ts'
import { EVERY_PATH, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

const PAGE = '<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in & go</h1></body></html>\n'

export function htmlEngine(paths: Paths = EVERY_PATH): Behaviour {
  const summary = 'A web server sits where the engine should: every answer is 200 with an HTML page.'
  return replaceReply({ name: 'html-engine', summary }, paths, (res) => {
    res.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': Buffer.byteLength(PAGE) }).end(PAGE)
  })
}
