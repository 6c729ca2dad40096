import { RefusedError } from '../base/errors.ts'
import { cleanForTerminal, cutText } from '../base/text.ts'
import { VM_ELSEWHERE } from '../control/message.ts'

/** XAPI knows no VM of this uuid, which may be any text. */
export function noSuchVm(uuid: string): RefusedError {
  return new RefusedError({
    kind: 'no-such-vm',
    cause: `There is no VM with the uuid "${cutText(cleanForTerminal(uuid), 60)}" in this pool`,
    cure: 'Look for its uuid with: xe vm-list; the VM may have been deleted meanwhile',
  })
}

/** For whoever can ask that host. */
export function vmElsewhere(uuid: string): RefusedError {
  return new RefusedError({
    kind: VM_ELSEWHERE,
    cause: `VM ${uuid} runs on another host of the pool`,
    cure: 'Ask that host',
  })
}
