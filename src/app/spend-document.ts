import type { Log } from '../base/log.ts'
import type { Spend, Spent } from '../publish/spend.ts'

/** What the monitor of a host costs XAPI, as the operation `spend` tells it in JSON. */
export interface SpendDocument {
  readonly last_minute: SpentDocument
  readonly last_hour: SpentDocument
  /** The budget: `writes_per_s` of the configuration. */
  readonly calls_per_s_at_most: number
  /** VMs with changes that are not written yet. */
  readonly waiting: number
}

interface SpentDocument {
  /** XAPI calls that changed a field; two for a value that was replaced. */
  readonly calls: number
  readonly bytes: number
  readonly longest_wait_ms: number
}

export function spendDocument(
  { spend, backlog }: { readonly spend: Pick<Spend, 'last'>; readonly backlog: number },
  callsPerS: number,
): SpendDocument {
  return {
    last_minute: documentOf(spend.last(1)),
    last_hour: documentOf(spend.last(60)),
    calls_per_s_at_most: callsPerS,
    waiting: backlog,
  }
}

/** Once an hour, so that somebody who asks what it was last night finds it. */
export function logSpend(log: Pick<Log, 'info'>, { last_hour, calls_per_s_at_most, waiting }: SpendDocument): void {
  log.info({ ...last_hour, calls_per_s_at_most, waiting }, 'written into XAPI in the last hour')
}

function documentOf({ calls, bytes, longestWaitMs }: Spent): SpentDocument {
  return { calls, bytes, longest_wait_ms: Math.round(longestWaitMs) }
}
