import type { Clock } from '../../base/clock.ts'
import { RefusedError, TransientError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { isFailure, XapiFailure } from '../../xapi/errors.ts'
import { XapiSession } from '../../xapi/session.ts'
import { refOf } from '../../xapi/vm-record.ts'
import { vmUuidOf } from '../operations/run-operation.ts'
import { findThisHost } from '../this-host.ts'
import { noSuchVm } from '../vm-errors.ts'
import type { ConfigGlance } from './config-glance.ts'
import type { MethodCall } from './method-call.ts'
import { failureOf, type Outcome } from './outcome.ts'

export const PLUGIN = 'xscontainer'
/** An argument that only plugins send to plugins: this call has been passed on already. */
export const PASSED_ON = 'xscontainer-passed-on'

/** Another host may have to wait for a container that takes its time to stop; it gives up before this, milliseconds. */
const CALL_MS = 15 * 60_000
/** Nothing is worth a line here: the host that does the work has its own log. */
const quiet = () => undefined
const QUIET: Log = {
  ...{ trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet },
  child: () => QUIET,
}

type Xapi = Pick<XapiSession, 'call'>

/**
 * Finds the host of the VM by XAPI, with the caller's session, and has the plugin there do the call. undefined: the VM
 * is on this host, or on none. Never rejects.
 */
export async function doThere(call: MethodCall, config: ConfigGlance, clock: Clock): Promise<Outcome | undefined> {
  const { xapiSocket: socketPath, inventory } = config
  try {
    const xapi = new XapiSession({ socketPath, session: call.session, callMs: CALL_MS, clock, log: QUIET })
    const signal = new AbortController().signal
    const [host, here] = await Promise.all([
      hostOf(xapi, vmUuidOf(call.args) ?? '', signal),
      findThisHost(xapi, inventory, signal),
    ])
    return host === undefined || host === here ? undefined : await passOn(xapi, host, call, signal)
  } catch (error) {
    return failureOf(call.fn, error)
  }
}

/** XAPI's ref of the host that the VM is on, undefined: on none. Rejects with a RefusedError when there is no such VM. */
export async function hostOf(xapi: Xapi, vmUuid: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const vm = String(await xapi.call('VM.get_by_uuid', [vmUuid], signal))
    return refOf(await xapi.call('VM.get_resident_on', [vm], signal))
  } catch (error) {
    if (isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID')) throw noSuchVm(vmUuid)
    throw error
  }
}

/**
 * Has the same plugin on another host do the call: its answer, or its failure, as it is. A call is passed on once only:
 * two hosts that each take the other for the right one must not go on for ever.
 */
export async function passOn(xapi: Xapi, host: string, call: MethodCall, signal: AbortSignal): Promise<Outcome> {
  const { fn, args } = call
  if (Object.hasOwn(args, PASSED_ON)) throw moving(args['vmuuid'] ?? '')
  try {
    const params = [host, PLUGIN, fn, { ...args, [PASSED_ON]: 'True' }]
    return { value: String(await xapi.call('host.call_plugin', params, signal)) }
  } catch (error) {
    if (!(error instanceof XapiFailure)) throw error
    if (error.code === 'XENAPI_MISSING_PLUGIN') throw await notInstalled(xapi, host, signal)
    return { failure: [error.code, ...error.params] }
  }
}

async function notInstalled(xapi: Xapi, host: string, signal: AbortSignal): Promise<RefusedError> {
  const name = String(await xapi.call('host.get_name_label', [host], signal))
  return new RefusedError({
    kind: 'plugin-missing',
    cause: `The VM runs on host "${name}", which does not have xscontainer installed`,
    cure: 'Install the xscontainer pack on all hosts of the pool',
  })
}

function moving(uuid: string): TransientError {
  return new TransientError({
    kind: 'vm-moving',
    cause: `The VM ${uuid.slice(0, 60)} has moved to another host during the call`,
    cure: 'Try again in some seconds',
  })
}
