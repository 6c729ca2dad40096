import { setMaxListeners } from 'node:events'
import { asError, diagnosisOf, RefusedError, type Diagnosis } from '../../base/errors.ts'
import { Gate } from '../../base/gate.ts'
import type { KeyStore } from '../../model/stores.ts'
import type { VmRecord } from '../../model/vm.ts'
import { destroyOrphans } from '../../provision/orphans.ts'
import { ensurePoolKey } from '../../provision/pool-key.ts'
import {
  beginRotation,
  endRotation,
  exchangeKeys,
  readPoolKeys,
  type PoolKeys,
  type RotationTools,
} from '../../provision/rotation.ts'
import { keyMark, keyPrint, needsKey, type KeyMark } from './key-marks.ts'

/** What of a VM matters here. */
export type KeyVm = Omit<VmRecord, 'networks'>

export interface RotateDeps {
  readonly store: KeyStore
  readonly tools: RotationTools
  readonly now: () => number
  /** All VMs of the pool, as they are now. */
  readonly vms: (signal: AbortSignal) => Promise<readonly KeyVm[]>
  /** Has the VM's own host bring its guest's keys to where the pool stands. Rejects with a DiagnosedError. */
  readonly renew: (vm: KeyVm, signal: AbortSignal) => Promise<void>
  readonly mark: (vm: KeyVm, mark: KeyMark, print: string, signal: AbortSignal) => Promise<void>
  /** What has been done, a sentence each. */
  readonly tell: (what: string) => void
}

export interface RotateWishes {
  readonly restrict: boolean
  /** VMs that nobody is to wait for any more; `all`: none of those that are left. */
  readonly forget: readonly string[] | 'all'
}

/** A guest that may still have the previous key only, and why. */
export interface PendingVm {
  readonly uuid: string
  readonly name: string
  readonly reason: Diagnosis
}

export interface RotationReport {
  /** Fingerprint of the pool's key now. */
  readonly key: string
  readonly pending: readonly PendingVm[]
}

/** Guests at the same time: each is some logins, and hosts have the monitoring to do. */
const AT_ONCE = 6
/** A host without this cannot let guests in by the previous key: they would be lost to it with the exchange. */
const NOT_THERE: ReadonlySet<string> = new Set(['plugin-missing', 'plugin-old'])

/**
 * Gives the pool another key, or goes on where an earlier run ended: puts it into every guest that can be reached beside
 * the old one, makes it the pool's, takes the old one away, and forgets that one when no guest is left that may need it.
 * Every step can be repeated, and at every moment each guest lets in a key that the hosts try.
 */
export async function rotatePoolKey(
  deps: RotateDeps,
  wishes: RotateWishes,
  signal: AbortSignal,
): Promise<RotationReport> {
  const { store, tools, tell } = deps
  await destroyOrphans(store, deps.now(), signal)
  await ensurePoolKey(store, tools, signal)
  await beginRotation(store, tools, wishes.restrict, signal)
  const before = await keysOf(store, signal)
  if (before.next !== undefined) {
    const print = printOf(tools, before.next)
    tell(`The next key of this pool is ${print}`)
    await addEverywhere(deps, print, signal)
  }
  if (before.next === undefined && before.previous !== undefined) {
    tell('An earlier change of the key is not finished: going on with that one')
  }
  // An earlier run may have ended within it.
  await exchangeKeys(store, tools, signal)
  if (before.next !== undefined) tell(`It is the key of this pool now, in place of ${printOf(tools, before.current)}`)
  const key = printOf(tools, (await keysOf(store, signal)).current)
  const failures = await removeEverywhere(deps, wishes, key, signal)
  const pending = pendingVms(await deps.vms(signal), key, failures)
  if (pending.length === 0) {
    await endRotation(store, signal)
    tell('The key before it is forgotten')
  }
  return { key, pending }
}

/** Guests that may need the previous key while there is one; `failures`: what has just been met, by uuid. */
export function pendingVms(
  vms: readonly KeyVm[],
  print: string,
  failures: ReadonlyMap<string, Diagnosis> = new Map(),
): PendingVm[] {
  return vms
    .filter((vm) => needsKey(vm) && !isOver(vm, print))
    .map((vm) => ({ uuid: vm.uuid, name: vm.name, reason: failures.get(vm.uuid) ?? reasonOf(vm) }))
}

async function addEverywhere(deps: RotateDeps, print: string, signal: AbortSignal): Promise<void> {
  const vms = await deps.vms(signal)
  const running = vms.filter((vm) => needsKey(vm) && isRunning(vm) && keyMark(vm.otherConfig, print) === undefined)
  const failures = await renewAll(deps, running, 'lets in the next key', signal)
  const lacking = [...failures.values()].find(({ kind }) => NOT_THERE.has(kind))
  if (lacking === undefined) return
  throw new RefusedError({
    kind: lacking.kind,
    cause: `The key of this pool has not been changed yet: ${lacking.cause}`,
    cure: `${lacking.cure}, then run xscontainer key rotate again`,
  })
}

async function removeEverywhere(
  deps: RotateDeps,
  { forget }: RotateWishes,
  print: string,
  signal: AbortSignal,
): Promise<Map<string, Diagnosis>> {
  const left = (await deps.vms(signal)).filter((vm) => needsKey(vm) && !isOver(vm, print))
  const unwanted = forget === 'all' ? [] : left.filter(({ uuid }) => forget.includes(uuid))
  for (const vm of unwanted) await deps.mark(vm, 'forgotten', print, signal)
  const running = left.filter((vm) => isRunning(vm) && !unwanted.includes(vm))
  const failures = await renewAll(deps, running, 'lets in the new key only', signal)
  if (forget !== 'all') return failures
  const rest = (await deps.vms(signal)).filter((vm) => needsKey(vm) && !isOver(vm, print))
  for (const vm of rest) await deps.mark(vm, 'forgotten', print, signal)
  return failures
}

/** Why it failed, by uuid, of those where it did. */
async function renewAll(
  { renew, tell }: RotateDeps,
  vms: readonly KeyVm[],
  done: string,
  signal: AbortSignal,
): Promise<Map<string, Diagnosis>> {
  const gate = new Gate(AT_ONCE)
  const failures = new Map<string, Diagnosis>()
  setMaxListeners(0, signal)
  const one = async (vm: KeyVm) => {
    try {
      await renew(vm, signal)
      tell(`${vm.name} (${vm.uuid}) ${done}`)
    } catch (error) {
      signal.throwIfAborted()
      failures.set(vm.uuid, diagnosisOf(asError(error)))
    }
  }
  await Promise.all(vms.map((vm) => gate.pass(signal, () => one(vm))))
  return failures
}

async function keysOf(store: KeyStore, signal: AbortSignal): Promise<PoolKeys> {
  const keys = await readPoolKeys(store, signal)
  if (keys !== undefined) return keys
  throw new RefusedError({
    kind: 'no-pool-key',
    cause: "The pool's SSH key has gone while it was being changed",
    cure: 'Look for who removed xscontainer-private-secret-uuid from the pool, then run xscontainer key rotate again',
  })
}

function printOf(tools: RotationTools, pem: string): string {
  return keyPrint({ publicLine: tools.publicLineOf(pem) })
}

function isOver(vm: KeyVm, print: string): boolean {
  const mark = keyMark(vm.otherConfig, print)
  return mark === 'only' || mark === 'forgotten'
}

function isRunning(vm: KeyVm): boolean {
  return vm.powerState === 'Running' && vm.residentOn !== undefined
}

function reasonOf({ powerState }: KeyVm): Diagnosis {
  if (powerState === 'Running') {
    return {
      kind: 'not-yet',
      cause: 'It has not been reached yet',
      cure: 'Run xscontainer key rotate again, or wait for the monitor to reach it',
    }
  }
  return {
    kind: 'not-running',
    cause: `It is ${powerState.toLowerCase()}`,
    cure: 'The monitor finishes it when it runs again',
  }
}
