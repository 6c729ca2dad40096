import { KEY, type Fields } from '../../model/fields.ts'
import { fingerprint } from '../../transports/ssh/host-key.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import { blobOf } from './renew-guest.ts'

/**
 * How far the change of the pool's key has come in one guest. `added`: it lets in this key beside the one before; `only`:
 * the one before is gone; `forgotten`: the administrator wants nobody to wait for this guest.
 */
export type KeyMark = 'added' | 'only' | 'forgotten'

/** What VM.other_config says about this very key, from a record of a VM. */
export function keyMark(otherConfig: Fields, print: string): KeyMark | undefined {
  const [of, word] = (otherConfig[KEY.keyRenewal] ?? '').split(' ')
  return of === print && (word === 'added' || word === 'only' || word === 'forgotten') ? word : undefined
}

export function keyMarkText(print: string, mark: KeyMark): string {
  return `${print} ${mark}`
}

/** `SHA256:..` as ssh-keygen prints it. */
export function keyPrint(key: Pick<SshKey, 'publicLine'>): string {
  return fingerprint(blobOf(key))
}

/** Whether the pool's key is of any use in this VM: it is to be monitored, over SSH. */
export function needsKey(vm: {
  readonly otherConfig: Fields
  readonly isTemplate: boolean
  readonly isSnapshot: boolean
  readonly isControlDomain: boolean
}): boolean {
  const { [KEY.monitor]: monitor, [KEY.mode]: mode = 'ssh' } = vm.otherConfig
  return monitor === 'True' && mode !== 'tls' && !vm.isTemplate && !vm.isSnapshot && !vm.isControlDomain
}
