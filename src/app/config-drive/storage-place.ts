import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import { VM_ELSEWHERE } from '../../control/message.ts'
import type { Storage } from '../../xapi/storage.ts'

/** Passes when this host has the storage attached. Throws: kind `vm-elsewhere` when another one has. */
export function mustBeHere(storage: Storage, myHost: string): void {
  if (storage.hosts.includes(myHost)) return
  if (storage.hosts.length === 0) throw detached(storage)
  throw new RefusedError({
    kind: VM_ELSEWHERE,
    cause: `Storage repository ${shown(storage.name)} is attached to other hosts of the pool only`,
    cure: 'Ask one of them',
  })
}

/** A host that can work with the storage: `preferred` where that can. Throws RefusedError when none has it attached. */
export function hostFor(storage: Storage, preferred: string): string {
  const [first] = storage.hosts
  if (first === undefined) throw detached(storage)
  return storage.hosts.includes(preferred) ? preferred : first
}

export function noSuchStorage(uuid: string): RefusedError {
  return new RefusedError({
    kind: 'no-such-sr',
    cause: `There is no storage repository with the uuid ${shown(uuid)} in this pool`,
    cure: 'Look for its uuid with: xe sr-list',
  })
}

export function noSuchDisk(uuid: string): RefusedError {
  return new RefusedError({
    kind: 'no-such-vdi',
    cause: `There is no VDI with the uuid ${shown(uuid)} in this pool`,
    cure: 'Look for it with: xe vdi-list name-label="Automatic Config Drive"; it may have been replaced meanwhile',
  })
}

/** The storage cannot be used where the VM runs. */
export function vmCannotReach(storage: Storage, vmName: string): RefusedError {
  return new RefusedError({
    kind: 'sr-not-at-vm',
    cause: `Storage repository ${shown(storage.name)} is not attached to the host that VM ${shown(vmName)} runs on`,
    cure: "Choose one that is shared, or one of that host's own",
  })
}

function detached({ name, uuid }: Storage): RefusedError {
  return new RefusedError({
    kind: 'sr-detached',
    cause: `Storage repository ${shown(name)} is not attached to any host`,
    cure: `Attach it (xe pbd-list sr-uuid=${uuid}, xe pbd-plug uuid=..), or choose another one`,
  })
}

function shown(text: string): string {
  return `"${cutText(cleanForTerminal(text), 60)}"`
}
