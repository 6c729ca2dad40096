import type { ServerResponse } from 'node:http'
import type { SimContainer } from './sim-container.ts'

/** One entry of a container's log. */
export interface LogEntry {
  readonly from: 'out' | 'err'
  readonly data: Buffer
  readonly timeMs: number
}

/** What a container has printed, and who follows it. */
export class ContainerLog {
  readonly entries: LogEntry[] = []
  readonly #followers = new Set<(entry: LogEntry | undefined) => void>()

  print(text: string | Buffer, from: 'out' | 'err', timeMs: number): void {
    const entry = { from, data: Buffer.from(text as string), timeMs }
    this.entries.push(entry)
    for (const follower of this.#followers) follower(entry)
  }

  /** The container has ended: so do those who follow. */
  end(): void {
    for (const follower of [...this.#followers]) follower(undefined)
  }

  follow(follower: (entry: LogEntry | undefined) => void): () => void {
    this.#followers.add(follower)
    return () => void this.#followers.delete(follower)
  }
}

/** Bytes as one frame of a container's output: type, three zeros, length, bytes. */
export function frame(from: 'in' | 'out' | 'err', data: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt8({ in: 0, out: 1, err: 2 }[from], 0)
  head.writeUInt32BE(data.length, 4)
  return Buffer.concat([head, data])
}

/** Serves GET /containers/{id}/logs. */
export function serveLog(container: SimContainer, res: ServerResponse, query: URLSearchParams, podman: boolean): void {
  const isTrue = (name: string) => ['1', 'true'].includes(query.get(name)?.toLowerCase() ?? '')
  const wanted = (entry: LogEntry) =>
    isTrue(entry.from === 'out' ? 'stdout' : 'stderr') && entry.timeMs >= Number(query.get('since') ?? 0) * 1000
  const send = ({ from, data }: LogEntry) => res.write(container.spec.tty === true ? data : frame(from, data))
  const follow = isTrue('follow')
  res.writeHead(200, { 'Content-Type': 'application/vnd.docker.raw-stream' })
  // Podman sends its headers with the first line.
  if (!podman) res.flushHeaders()
  if (container.spec.endlessLog === true) return pour(res, send)
  const tail = query.get('tail') ?? 'all'
  const past = container.log.entries.filter(wanted)
  for (const entry of tail === 'all' ? past : past.slice(-Number(tail) || past.length)) send(entry)
  if (!follow || container.live.state === 'exited') return void res.end()
  const leave = container.log.follow((entry) => {
    if (entry === undefined) res.end()
    else if (wanted(entry)) send(entry)
  })
  res.on('close', leave)
}

/** A container that has printed no end of bytes that are no text, whatever part of them is asked for. */
function pour(res: ServerResponse, send: (entry: LogEntry) => boolean): void {
  const data = Buffer.alloc(16_384, Buffer.from([0x1b, 0x5b, 0x33, 0x31, 0x6d, 0xff, 0x00, 0x41, 0xc3]))
  const more = () => {
    while (!res.destroyed) if (!send({ from: 'out', data, timeMs: 0 })) return void res.once('drain', more)
  }
  more()
}
