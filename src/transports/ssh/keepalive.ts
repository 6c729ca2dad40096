import type { Clock } from '../../base/clock.ts'

/** A connection whose other side may have gone without a word. */
export interface Peer {
  /** Bytes that have come from it so far. */
  readonly heard: number
  /** Sends it a question that every server answers. */
  ping(): void
  /** It has not answered: ends the connection. */
  silent(): void
}

/** So many unanswered questions are enough. */
const MOST_UNANSWERED = 3
/** So many are asked at once: what they cost is then paid in one go, yet holds up nothing else. */
const AT_ONCE = 100
const PAUSE_MS = 10
/**
 * Where there are very many the questions are as far apart on average, which is 0.3 % of a core for all of them (0.3 ms
 * each): a network that is gone, and a VM, are noticed by the system's own keepalive then.
 */
const ASK_EACH_MS = 50

interface Watch {
  heard: number
  unanswered: number
}

/**
 * Asks all connections that have been silent for so many milliseconds for a sign of life, together: one turn of the
 * event loop for all is three times cheaper than a timer for each. An answer counts as something heard, so that one that
 * is otherwise silent is asked every second time only.
 */
export class Keepalive {
  readonly #clock: Pick<Clock, 'after'>
  readonly #everyMs: number
  readonly #peers = new Map<Peer, Watch>()
  #cancel: (() => void) | undefined

  constructor(clock: Pick<Clock, 'after'>, everyMs: number) {
    this.#clock = clock
    this.#everyMs = everyMs
  }

  add(peer: Peer): void {
    this.#peers.set(peer, { heard: peer.heard, unanswered: 0 })
    this.#cancel ??= this.#clock.after(this.#everyMs, () => this.#round([...this.#peers.keys()]))
  }

  /** The timer ends with the last of them. */
  remove(peer: Peer): void {
    this.#peers.delete(peer)
    if (this.#peers.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  #round(peers: readonly Peer[]): void {
    for (const peer of peers.slice(0, AT_ONCE)) this.#ask(peer)
    const rest = peers.slice(AT_ONCE)
    if (this.#peers.size === 0) return
    this.#cancel =
      rest.length > 0
        ? this.#clock.after(PAUSE_MS, () => this.#round(rest))
        : this.#clock.after(this.#pauseMs(), () => this.#round([...this.#peers.keys()]))
  }

  #pauseMs(): number {
    return Math.max(this.#everyMs, ASK_EACH_MS * this.#peers.size)
  }

  #ask(peer: Peer): void {
    const watch = this.#peers.get(peer)
    if (watch === undefined) return
    if (peer.heard !== watch.heard) return void Object.assign(watch, { heard: peer.heard, unanswered: 0 })
    if (watch.unanswered >= MOST_UNANSWERED) return peer.silent()
    watch.unanswered++
    peer.ping()
  }
}
