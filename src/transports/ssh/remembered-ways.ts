import type { Way } from './ladder.ts'

/** The ways that worked, by VM uuid; the ones used longest ago are forgotten first. */
export class RememberedWays {
  readonly #most: number
  readonly #ways = new Map<string, Way>()

  constructor(most: number) {
    this.#most = most
  }

  /** The way for this VM, unless the administrator has since chosen another socket. */
  get(vmUuid: string, socketPath: string | undefined): Way | undefined {
    const way = this.#ways.get(vmUuid)
    return socketPath === undefined || socketPath === way?.socketPath ? way : undefined
  }

  set(vmUuid: string, way: Way): void {
    this.#ways.delete(vmUuid)
    this.#ways.set(vmUuid, way)
    if (this.#ways.size <= this.#most) return
    const [oldest] = this.#ways.keys()
    if (oldest !== undefined) this.#ways.delete(oldest)
  }
}
