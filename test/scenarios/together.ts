/**
 * Runs all cases at the same time, so that what takes long in each takes long but once. Each test then waits for its
 * own: `done(name)` rejects with what went wrong in that case alone.
 */
export class Together {
  readonly #runs = new Map<string, Promise<void>>()

  start(name: string, run: () => Promise<void>): void {
    const running = run()
    running.catch(() => undefined)
    this.#runs.set(name, running)
  }

  async done(name: string): Promise<void> {
    const run = this.#runs.get(name)
    if (run === undefined) throw new Error(`no case ${name}`)
    await run
  }

  /** Settles when all have, whatever became of them. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#runs.values())
  }
}
