import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { Client, ClientChannel } from 'ssh2'
import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import { StoppedError, TransientError, type DiagnosedError } from '../../base/errors.ts'
import { ChannelStream, discard, type SessionListener } from './channel-stream.ts'
import { channelError, floodError, lateChannel, lostError, silentError, type Where } from './errors.ts'
import { ping } from './guard-client.ts'
import type { HostKeyJudge } from './host-key.ts'
import type { Peer } from './keepalive.ts'

/** A guest that answers at all opens a channel in milliseconds; a loaded one may need seconds. */
const OPEN_TIMEOUT_MS = 10_000
/** More would mean a guest that never answers, as each is given up after the time above. */
const MOST_OPENING = 128
/** What may wait for a guest that does not read: requests are small, so it is answers to a flood of packets. */
const MOST_UNSENT = 8 * 1024 * 1024
const CLOSE_GRACE_MS = 1_000

type Opened = (error: Error | undefined, channel: ClientChannel) => void

/** A logged-in SSH connection and the channels on it. */
export class SshConnection implements Peer {
  readonly #clock: Clock
  readonly #client: Client
  readonly #socket: Socket
  readonly #where: Where
  readonly #streams = new Set<ChannelStream>()
  #opening = 0
  #over: Error | undefined
  #resolveClosed: (why: Error | undefined) => void = () => {}

  /** Base64 blob of the host key that the guest showed and proved. */
  readonly hostKey: string | undefined
  /** Resolves once the connection is gone: with why, or undefined after close(). Never rejects. */
  readonly closed = new Promise<Error | undefined>((resolve) => (this.#resolveClosed = resolve))

  private constructor(clock: Clock, client: Client, socket: Socket, where: Where, hostKey: string | undefined) {
    this.#clock = clock
    this.#client = client
    this.#socket = socket
    this.#where = where
    this.hostKey = hostKey
  }

  /** Takes over a client that has just logged in on `socket`; a key that is shown later is still the judge's to refuse. */
  static over(clock: Clock, client: Client, socket: Socket, where: Where, judge: HostKeyJudge): SshConnection {
    const connection = new SshConnection(clock, client, socket, where, judge.accepted)
    const lost = (error?: Error) => connection.#end(judge.refusal ?? lostError(error, where))
    client.on('error', lost).on('end', lost).on('close', lost)
    socket.on('data', () => connection.#guard())
    return connection
  }

  get address(): string {
    return this.#where.address
  }

  get heard(): number {
    return this.#socket.bytesRead
  }

  ping(): void {
    if (this.#over === undefined && this.#socket.writable) ping(this.#client)
  }

  silent(): void {
    this.#end(silentError(this.#where))
  }

  /** A stream to the unix socket at `path` in the guest. Rejects with a ChannelRefusedError when sshd says no. */
  openLocal(path: string, signal: AbortSignal): Promise<Duplex> {
    const start = (opened: Opened) => this.#client.openssh_forwardOutStreamLocal(path, opened)
    return this.#open(`a stream to ${path}`, start, signal)
  }

  /**
   * A stream to standard input and output of `command`, which the user's login shell reads; `listener` is told what
   * else there is to know of it.
   */
  exec(command: string, signal: AbortSignal, listener?: SessionListener): Promise<Duplex> {
    return this.#open('a session', (opened) => this.#client.exec(command, opened), signal, listener)
  }

  close(): void {
    this.#end(undefined)
  }

  #open(
    what: string,
    start: (opened: Opened) => void,
    signal: AbortSignal,
    listener?: SessionListener,
  ): Promise<Duplex> {
    const late = lateChannel(what, this.#where)
    if (this.#opening >= MOST_OPENING) return Promise.reject(new TransientError(late))
    return within(this.#clock, OPEN_TIMEOUT_MS, signal, late, (inner) => {
      return new Promise<Duplex>((resolve, reject) => {
        if (this.#over !== undefined) return reject(this.#over)
        this.#opening++
        const opened: Opened = (error, channel) => {
          this.#opening--
          if (error) return reject(this.#over ?? channelError(error, what, this.#where))
          if (this.#over !== undefined || inner.aborted) return this.#discard(channel)
          const stream = this.#track(new ChannelStream(channel).attach(listener))
          inner.addEventListener('abort', () => stream.destroy(), { once: true })
          resolve(stream)
        }
        try {
          start(opened)
        } catch (error) {
          this.#opening--
          reject(this.#over ?? lostError(error as Error, this.#where))
        }
      })
    })
  }

  #track(stream: ChannelStream): ChannelStream {
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    return stream
  }

  /** A channel that opened after everybody stopped waiting for it. */
  #discard(channel: ClientChannel): void {
    channel.on('error', () => {})
    if (this.#over === undefined) discard(channel)
  }

  #guard(): void {
    if (this.#socket.writableLength > MOST_UNSENT) this.#end(floodError(this.#where))
  }

  #end(why: DiagnosedError | undefined): void {
    if (this.#over !== undefined) return
    this.#over = why ?? new StoppedError('the connection to the guest was closed')
    for (const stream of this.#streams) stream.lose(this.#over)
    if (why === undefined) this.#leave()
    else this.#socket.destroy()
    this.#resolveClosed(why)
  }

  /** Says goodbye, so that sshd logs no broken connection, but waits for nobody. */
  #leave(): void {
    const cancel = this.#clock.after(CLOSE_GRACE_MS, () => this.#socket.destroy())
    this.#socket.once('close', cancel)
    this.#client.end()
    this.#socket.destroySoon()
  }
}
