import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { duplexPair, type Duplex } from 'node:stream'
import type { ServerChannel } from 'ssh2'
import type { EngineSim } from './engine-sim.ts'

/**
 * Joins an SSH channel with a connection to the engine. The pair in between behaves as streams should; ssh2's
 * channels do not quite (no destroy, no callback after the close), and http.Server relies on it.
 */
export function joinEngine(channel: ServerChannel, engine: EngineSim): void {
  joinStreams(channel, engineStream(engine))
}

/** The client's end of a new connection to the engine. */
export function engineStream(engine: EngineSim): Duplex {
  const [near, far] = duplexPair()
  far.on('close', () => void near.destroy())
  near.on('close', () => void far.destroy())
  near.on('error', () => near.destroy())
  engine.accept(far)
  return near
}

/** Joins an SSH channel with another stream until either closes. */
export function joinStreams(channel: ServerChannel, stream: Duplex): void {
  channel.on('error', () => channel.close())
  channel.on('close', () => void stream.destroy())
  stream.on('close', () => channel.close())
  channel.pipe(stream).pipe(channel)
}

/** Puts the engine on a real unix socket, for clients that bring no stream of their own. Returns how to stop it. */
export async function listenUnix(engine: EngineSim, path: string): Promise<() => Promise<void>> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => engine.accept(socket))
  server.listen(path)
  await once(server, 'listening')
  return async () => {
    engine.stopEngine()
    server.close()
    await once(server, 'close')
  }
}
