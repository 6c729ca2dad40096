/** One change of a field that a caller made. */
export interface ObservedWrite {
  /** Milliseconds since the epoch. */
  readonly time: number
  /** As called, e.g. `VM.add_to_other_config`. */
  readonly method: string
  readonly ref: string
  readonly key: string
  readonly value: string
  readonly host: number
  readonly originator: string
}

/** Counts of what callers did. Helpers of the pool do not count. */
export class Stats {
  /** Calls by method, for example `VM.get_record`; Async calls by their full name. */
  readonly calls: Record<string, number> = {}
  readonly callsByHost: Record<number, Record<string, number>> = {}
  /** Failures by code. */
  readonly failures: Record<string, number> = {}
  /** Successful set_, add_ and remove_ calls on fields. */
  writes = 0
  /** Answers of event.from, in number, in events and in bytes. */
  eventAnswers = 0
  eventBytes = 0
  /** Bytes of all answers. */
  answerBytes = 0
  readonly userAgents = new Set<string>()
  readonly originators = new Set<string>()

  countCall(method: string, host: number): void {
    this.calls[method] = (this.calls[method] ?? 0) + 1
    const ofHost = (this.callsByHost[host] ??= {})
    ofHost[method] = (ofHost[method] ?? 0) + 1
  }

  countFailure(code: string): void {
    this.failures[code] = (this.failures[code] ?? 0) + 1
  }

  countAnswer(method: string, bytes: number): void {
    this.answerBytes += bytes
    if (method !== 'event.from') return
    this.eventAnswers++
    this.eventBytes += bytes
  }

  get totalCalls(): number {
    return Object.values(this.calls).reduce((sum, count) => sum + count, 0)
  }

  reset(): void {
    for (const counts of [this.calls, this.callsByHost, this.failures]) {
      for (const key of Object.keys(counts)) delete (counts as Record<string, unknown>)[key]
    }
    this.writes = 0
    this.eventAnswers = 0
    this.eventBytes = 0
    this.answerBytes = 0
    this.userAgents.clear()
    this.originators.clear()
  }
}
