import type { Socket } from 'node:net'

/** Reads from a socket what one request needs, and keeps the rest for the next. */
export class ByteReader {
  private chunks: Buffer[] = []
  private size = 0
  private ended = false
  private notify: (() => void) | undefined
  private readonly socket: Socket

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.size += chunk.length
      this.notify?.()
    })
    const end = () => {
      this.ended = true
      this.notify?.()
    }
    socket.on('end', end).on('close', end).on('error', end)
  }

  /** Whether bytes are waiting that have come in but not been asked for. */
  get hasMore(): boolean {
    return this.size > 0
  }

  /** Bytes up to and with the mark; undefined when the connection ends before. Throws beyond `most` bytes. */
  async until(mark: string, most: number): Promise<Buffer | undefined> {
    for (;;) {
      const all = this.joined()
      const at = all.indexOf(mark)
      if (at >= 0) return this.take(all, at + mark.length)
      if (all.length > most) throw new Error('header too large')
      if (!(await this.more())) return undefined
    }
  }

  /** Exactly so many bytes; undefined when the connection ends before. */
  async exactly(count: number): Promise<Buffer | undefined> {
    while (this.size < count) if (!(await this.more())) return undefined
    return this.take(this.joined(), count)
  }

  /** No more bytes are read from the socket. */
  stop(): void {
    this.socket.pause()
  }

  private joined(): Buffer {
    const all = this.chunks.length === 1 ? this.chunks[0] : undefined
    const joined = all ?? Buffer.concat(this.chunks)
    this.chunks = [joined]
    return joined
  }

  private take(all: Buffer, count: number): Buffer {
    this.chunks = count < all.length ? [all.subarray(count)] : []
    this.size = all.length - count
    return all.subarray(0, count)
  }

  private async more(): Promise<boolean> {
    if (this.ended) return false
    const size = this.size
    await new Promise<void>((resolve) => {
      this.notify = resolve
    })
    this.notify = undefined
    return this.size > size || !this.ended
  }
}
