/** How a host's XAPI behaves towards its callers. */
export type FaultMode = 'none' | 'refuse' | 'hang' | 'http500' | 'lose-answers'

/** What the faults need of the host they are plugged into. */
export interface FaultTarget {
  listen(): Promise<void>
  unlisten(): Promise<void>
  dropConnections(): void
  dropSessions(): void
}

/** Faults of one host, plugged in and out at any time. */
export class Faults {
  private current: FaultMode = 'none'
  private delayMs = 0
  private readonly target: FaultTarget

  constructor(target: FaultTarget) {
    this.target = target
  }

  get mode(): FaultMode {
    return this.current
  }

  /** Milliseconds that every answer is late. */
  get slowMs(): number {
    return this.delayMs
  }

  /** The socket file goes away and all connections are cut. */
  async refuse(): Promise<void> {
    this.current = 'refuse'
    await this.target.unlisten()
  }

  /** Connections are accepted, requests neither carried out nor answered, also none that is blocked already. */
  hang(): void {
    this.current = 'hang'
  }

  /** Every request is answered with HTTP 500 and an HTML body. */
  http500(): void {
    this.current = 'http500'
  }

  /** Every request is carried out, but its connection is cut instead of an answer. */
  loseAnswers(): void {
    this.current = 'lose-answers'
  }

  /** Every answer comes this much later; 0 ends it. Goes together with any mode. */
  slow(ms: number): void {
    this.delayMs = ms
  }

  /** Cuts all connections once. */
  dropConnections(): void {
    this.target.dropConnections()
  }

  /** Destroys all sessions of the pool once. */
  dropSessions(): void {
    this.target.dropSessions()
  }

  /** Ends every fault. What a hanging host was asked meanwhile stays unanswered. */
  async clear(): Promise<void> {
    const before = this.current
    this.current = 'none'
    this.delayMs = 0
    if (before === 'refuse') await this.target.listen()
  }
}
