import { RefusedError, type Diagnosis } from '../base/errors.ts'
import { cleanForTerminal, cutText } from '../base/text.ts'
import { VM_ELSEWHERE } from '../control/message.ts'
import type { VmRecord } from '../model/vm.ts'

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

/** Neither registered nor dialled. */
export function notAVm({ uuid }: VmRecord): RefusedError {
  return new RefusedError({
    kind: 'not-a-vm',
    cause: `${uuid} is a template, a snapshot or a control domain: those are not monitored`,
    cure: 'Name a VM',
  })
}

/** There is no guest to reach. */
export function notRunning({ powerState, uuid }: VmRecord): RefusedError {
  const diagnosis: Diagnosis = {
    kind: 'not-running',
    cause: `The VM is not running: it is ${powerState.toLowerCase()}`,
    cure: `Start it: xe vm-${powerState === 'Halted' ? 'start' : powerState === 'Paused' ? 'unpause' : 'resume'} uuid=${uuid}`,
  }
  return new RefusedError(diagnosis)
}
