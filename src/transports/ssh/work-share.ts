import type { Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { TokenBucket } from '../../base/token-bucket.ts'

/** Milliseconds of our time. A monitored guest takes about one in a second, its longest list some hundred at once. */
const OWN = { perSecond: 5, burst: 300 }
/** What all that take more have together: 15 % of one core, enough for some 30 MB/s that an administrator has asked for. */
const SHARED = { perSecond: 150, burst: 500 }

/**
 * Bounds the time that what comes over SSH connections takes us, whatever it is: a guest that sends without pause is read
 * more slowly, and waits, while those that do not are read at once.
 */
export class WorkShare {
  readonly #clock: Clock
  readonly #shared: TokenBucket

  constructor(clock: Clock) {
    this.#clock = clock
    this.#shared = new TokenBucket(clock, SHARED.perSecond, SHARED.burst)
  }

  /** From now on; all other listeners to the socket's data must be there already. */
  watch(socket: Socket): void {
    const clock = this.#clock
    const own = new TokenBucket(clock, OWN.perSecond, OWN.burst)
    let startedAt = 0
    let cancel: () => void = () => undefined
    socket.prependListener('data', () => (startedAt = clock.monotonic()))
    socket.on('data', () => {
      own.spend(clock.monotonic() - startedAt)
      const waitMs = own.debt > 0 ? this.#charge(own) : 0
      if (waitMs === 0) return
      socket.pause()
      cancel = clock.after(waitMs, () => socket.resume())
    })
    socket.once('close', () => cancel())
  }

  /** What is over the connection's own share is taken from the common one; how long to wait for that, milliseconds. */
  #charge(own: TokenBucket): number {
    const over = own.debt
    own.spend(-over)
    this.#shared.spend(over)
    return (this.#shared.debt / SHARED.perSecond) * 1000
  }
}
