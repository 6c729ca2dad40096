import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

export interface UnixEngine {
  readonly path: string
  readonly connections: () => number
  stop(): Promise<void>
}

/** An HTTP server on a unix socket: answers every request with OK and the request's path. */
export async function startEngine(mode = 0o666): Promise<UnixEngine> {
  const dir = mkdtempSync(join(tmpdir(), 'xsc-engine-'))
  chmodSync(dir, 0o755)
  const path = join(dir, 'engine.sock')
  let open = 0
  const server: Server = createServer((request, response) => response.end(`OK ${request.url}`))
  server.on('connection', (socket) => {
    open++
    socket.once('close', () => open--)
  })
  server.listen(path)
  await once(server, 'listening')
  chmodSync(path, mode)
  return {
    path,
    connections: () => open,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** One request over the stream; gives all that comes back until it ends. */
export async function get(stream: Duplex, url: string): Promise<string> {
  stream.write(`GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

/** Waits until `condition` holds; the test's own timeout ends the wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}
