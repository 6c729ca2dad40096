import { RefusedError, TransientError } from '../../base/errors.ts'
import { KEY, type Fields } from '../../model/fields.ts'
import { VmFields } from '../../xapi/vm-fields.ts'
import { fieldsOf } from '../../xapi/vm-record.ts'
import { writesFor } from '../operations/vm-writes.ts'
import type { PrepareContext } from './prepare-context.ts'

/** A look takes a second; the monitor may have to wait for its turn, and waits 15 s after a refused login. */
const LIST_MS = 90_000
const LOOK_AGAIN_MS = 250
/** A failure that was there before may still be shown for a moment. */
const SETTLE_MS = 20_000

/** VM.other_config as XAPI has it now. */
export async function otherConfig({ session, facts }: PrepareContext, signal: AbortSignal): Promise<Fields> {
  return fieldsOf(await session.call('VM.get_other_config', [facts.vm.ref], signal), () => true)
}

/** Brings keys of VM.other_config to these values (undefined: absent), touching no other; those that were changed. */
export async function setKeys(
  context: PrepareContext,
  keys: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const now = await otherConfig(context, signal)
  const different = Object.fromEntries(Object.entries(keys).filter(([key, value]) => now[key] !== value))
  await new VmFields(context.session).apply(context.facts.vm.ref, writesFor(different, now), signal)
  return Object.keys(different)
}

/** Sets what the monitor is to know of the VM: who logs in and how. */
export async function storeSettings(
  context: PrepareContext,
  keys: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<void> {
  await context.steps.step("set the VM's other-config", async (note) => {
    const names = Object.keys(keys).join(', ')
    const settle = context.steps.change(`the VM's other-config keys ${names} may be set`)
    const changed = await setKeys(context, keys, signal)
    settle(changed.length === 0 ? undefined : `the VM's other-config has new values of ${changed.join(', ')}`)
    note(
      changed.length === 0
        ? 'all is as it should be'
        : changed.map((key) => `${key}: ${keys[key] ?? 'removed'}`).join(', '),
    )
  })
}

/** Puts the VM under the monitor's eyes. */
export async function registerVm(context: PrepareContext, signal: AbortSignal): Promise<void> {
  const { steps, registration } = context
  await steps.step('register the VM', async (note) => {
    const before = await otherConfig(context, signal)
    const isRegistered = before[KEY.monitor] === 'True'
    const settle = steps.change('the VM may be registered')
    // One that failed waits, for minutes in the end: it begins anew when it has been let go.
    if (isRegistered && !isMonitored(before)) await registration.deregister(signal)
    await registration.register(signal)
    settle(isRegistered ? undefined : 'the VM is registered')
    if (isRegistered) note('it was registered before')
  })
}

/** Waits until the container list is published. Rejects with what the monitor says when it cannot. */
export async function untilListed(context: PrepareContext, signal: AbortSignal): Promise<void> {
  const { steps } = context
  const missing = await context.monitorMissing(signal)
  if (missing !== undefined) {
    steps.skip('wait for the container list', `left out: ${missing}`)
    return
  }
  await steps.step('wait for the container list', async (note) => {
    const since = context.clock.monotonic()
    for (;;) {
      const now = await otherConfig(context, signal)
      if (isMonitored(now)) return note('docker_ps is there')
      const waited = context.clock.monotonic() - since
      const failed = /^failed since \S+: (.*)$/s.exec(now[KEY.status] ?? '')?.[1]
      if (failed !== undefined && waited > SETTLE_MS) throw monitorFails(failed)
      if (waited > LIST_MS) throw nobodyPublishes(context)
      await context.clock.sleep(LOOK_AGAIN_MS, signal)
    }
  })
}

function isMonitored(config: Fields): boolean {
  return config[KEY.ps] !== undefined && config[KEY.status]?.startsWith('failed') !== true
}

/** The status is one text: its last sentence is the cure. */
function monitorFails(told: string): RefusedError {
  const at = told.lastIndexOf('. ')
  const [cause, cure] = at === -1 ? [told, 'See xscontainer doctor'] : [told.slice(0, at), told.slice(at + 2)]
  return new RefusedError({ kind: 'monitor-fails', cause: `The monitor says: ${cause}`, cure })
}

function nobodyPublishes({ facts: { vm } }: PrepareContext): TransientError {
  return new TransientError({
    kind: 'not-listed',
    cause: `The VM is registered and its engine answers, but no container list was published within ${LIST_MS / 1000} s`,
    cure: `Check that xscontainer-monitor runs on the VM's host (systemctl status xscontainer-monitor), then: xscontainer doctor ${vm.uuid}`,
  })
}
