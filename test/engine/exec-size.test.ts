import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { DOCKER, InMemoryEngine } from './in-memory-engine.ts'

const SIZE = { columns: 132, rows: 43 }

/** What the engine of this API version is told when a command is created; it refuses to create it. */
async function created(api: string, tty: boolean, size: typeof SIZE | undefined): Promise<Record<string, unknown>> {
  let body = ''
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/version') return void response.end(JSON.stringify({ ...DOCKER, ApiVersion: api }))
    request.on('data', (data) => (body += data)).on('end', () => response.writeHead(409).end('{"message":"no"}'))
  }
  const memory = InMemoryEngine.http(answer)
  const engine = await memory.connect()
  await expect(engine.exec('web', { command: ['sh'], tty, stdin: true, size }, memory.signal)).rejects.toThrow('no')
  return JSON.parse(body) as Record<string, unknown>
}

test.each([
  ['1.42', true, SIZE, [43, 132]],
  ['1.52', true, SIZE, [43, 132]],
  ['1.41', true, SIZE, undefined],
  ['1.52', false, SIZE, undefined],
  ['1.52', true, undefined, undefined],
] as const)('API %s, terminal %s, size %j: the engine is told %j', async (api, tty, size, told) => {
  expect((await created(api, tty, size))['ConsoleSize']).toEqual(told)
})
