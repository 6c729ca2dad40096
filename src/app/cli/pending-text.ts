import { cleanForTerminal } from '../../base/text.ts'
import type { PendingVm } from '../keys/rotate-pool-key.ts'

/** The guests that are left, each with the reason, and what becomes of them; empty when there are none. */
export function pendingText(pending: readonly PendingVm[]): string {
  if (pending.length === 0) return ''
  const lines = pending.map(
    ({ uuid, name, reason }) =>
      `  ${uuid}  ${cleanForTerminal(name)}: ${cleanForTerminal(reason.cause)}. ${reason.cure}\n`,
  )
  return (
    `${pending.length} ${pending.length === 1 ? 'guest is' : 'guests are'} left, which the monitor lets in by the key before it:\n${lines.join('')}` +
    'The monitor finishes each when it comes back; run xscontainer key rotate again for the others, or give one up with --forget VM\n'
  )
}
