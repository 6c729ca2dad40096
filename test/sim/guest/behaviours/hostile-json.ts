import type { Behaviour } from '../faults.ts'
import { LISTS, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

/** Just below what is read of an answer at most. */
const BOMB_BYTES = 15 * 1024 * 1024

function listOf(name: string, summary: string, body: Buffer, paths: Paths = LISTS): Behaviour {
  return replaceReply({ name, summary }, paths, (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body)
  })
}

/** Parsed, it would be half a gigabyte of objects. */
export function jsonBomb(): Behaviour {
  const body = Buffer.alloc(BOMB_BYTES, '{},')
  body.write('[')
  body.write(']', body.length - 1)
  return listOf('json-bomb', 'The list is 15 MB of empty objects.', body)
}

export function millionContainers(): Behaviour {
  const body = Buffer.from(`[${'{"Id":"1"},'.repeat(1_000_000)}{}]`)
  return listOf('million-containers', 'The list has a million containers, each as short as can be.', body)
}

/** Names that mean something to JavaScript, numbers that it cannot hold, text that is none. */
export function strangeJson(): Behaviour {
  const json =
    `[{"Id":"${'a'.repeat(64)}","Names":["/strange"],"Image":"i","__proto__":{"Names":["/polluted"]},` +
    '"Created":9007199254740993123,"State":"running","Status":"Up 1 hour","Ports":[{"PrivatePort":1e400},{"PublicPort":-1}],' +
    '"Labels":{"__proto__":"x","constructor":"y","com.docker.compose.project":"bad \xff\xfe utf-8 \\ud800"}},' +
    '{"__proto__":{"Id":"ghost"}},null,7,"text",[["Id"]]]'
  return listOf(
    'strange-json',
    'The list has __proto__, numbers beyond 2^53, and text that is no UTF-8.',
    Buffer.from(json, 'latin1'),
  )
}
