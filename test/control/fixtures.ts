import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { systemClock } from '../../src/base/clock.ts'
import { encodeFrame, readFrames, type Frame } from '../../src/control/frame.ts'
import type { ControlHandler } from '../../src/control/serve-request.ts'
import { ControlServer } from '../../src/control/server.ts'
import type { OperationStream, StreamChunk } from '../../src/operations/operation.ts'
import { RecordingLog } from '../fakes/recording-log.ts'

export const NEVER = new AbortController().signal

/** A directory for one test's sockets. */
export class Place {
  readonly dir = mkdtempSync(join(tmpdir(), 'xsc-control-'))
  readonly socket = join(this.dir, 'run', 'control.sock')
  readonly recording = new RecordingLog()
  readonly #servers: ControlServer[] = []
  readonly #bare: Server[] = []

  async serve(handle: ControlHandler, path = this.socket): Promise<ControlServer> {
    const server = new ControlServer({ clock: systemClock, log: this.recording.log, handle, version: '1.2.3' })
    this.#servers.push(server)
    await server.start(path)
    return server
  }

  /** Listens as no daemon of ours does. */
  async listen(path: string, onSocket: (socket: Socket) => void): Promise<Server> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      onSocket(socket)
    })
    server.listen(path)
    this.#bare.push(server)
    await once(server, 'listening')
    return server
  }

  async end(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()))
    for (const server of this.#bare) server.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** A connection that keeps to the protocol as far as the test wants it to. */
export class RawClient {
  readonly socket: Socket
  readonly frames: AsyncGenerator<Frame, void>

  constructor(path: string) {
    this.socket = connect(path)
    this.socket.on('error', () => undefined)
    this.frames = readFrames(this.socket as AsyncIterable<Buffer>, 2 ** 24)
  }

  send(type: number, value: unknown): void {
    this.socket.write(encodeFrame(type, Buffer.isBuffer(value) ? value : JSON.stringify(value)))
  }

  /** The next frame's type and text; undefined when the connection has ended. */
  async next(): Promise<readonly [number, string] | undefined> {
    const next = await this.frames.next().catch(() => ({ done: true, value: undefined }) as const)
    return next.value === undefined ? undefined : [next.value.type, next.value.data.toString()]
  }
}

/** A conversation in the test's hands. */
export class FakeStream implements OperationStream {
  readonly written: string[] = []
  readonly sizes: [number, number][] = []
  closed = false
  ended = false
  code: number | undefined = 0
  /** Each write waits for it. */
  taking: Promise<void> = Promise.resolve()
  readonly output: AsyncIterable<StreamChunk>

  constructor(output: AsyncIterable<StreamChunk>) {
    this.output = output
  }

  async write(data: Buffer): Promise<void> {
    await this.taking
    this.written.push(data.toString())
  }

  end(): void {
    this.ended = true
  }

  async resize(columns: number, rows: number): Promise<void> {
    this.sizes.push([columns, rows])
  }

  async exitCode(): Promise<number | undefined> {
    return this.code
  }

  close(): void {
    this.closed = true
  }
}
