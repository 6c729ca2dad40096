import type { Clock } from '../../base/clock.ts'
import { RefusedError, TransientError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { XapiFailure } from '../../xapi/errors.ts'
import { XapiSession } from '../../xapi/session.ts'
import { destroyPassword } from '../prepare/password-secret.ts'
import { findThisHost } from '../this-host.ts'
import type { ConfigGlance } from './config-glance.ts'
import { hostOfCall } from './host-of-call.ts'
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
 * Finds the host that is to do the call by XAPI, with the caller's session, and has the plugin there do it. undefined:
 * that is this host, or the VM is on none. Never rejects.
 */
export async function doThere(call: MethodCall, config: ConfigGlance, clock: Clock): Promise<Outcome | undefined> {
  const { xapiSocket: socketPath, inventory } = config
  const xapi = new XapiSession({ socketPath, session: call.session, callMs: CALL_MS, clock, log: QUIET })
  try {
    const signal = new AbortController().signal
    const here = await findThisHost(xapi, inventory, signal)
    const host = await hostOfCall(xapi, call, here, signal)
    if (host === undefined || host === here) return undefined
    const outcome = await passOn(xapi, host, call, signal)
    if ('failure' in outcome) await destroySecret(xapi, call)
    return outcome
  } catch (error) {
    const left = await destroySecret(xapi, call).catch((thrown: unknown) => thrown)
    return failureOf(call.fn, left ?? error)
  }
}

/**
 * Has the same plugin on another host do the call: its answer, or its failure, as it is. A call is passed on once only:
 * two hosts that each take the other for the right one must not go on for ever.
 */
export async function passOn(xapi: Xapi, host: string, call: MethodCall, signal: AbortSignal): Promise<Outcome> {
  const { fn, args } = call
  if (Object.hasOwn(args, PASSED_ON)) throw moving(args)
  try {
    const params = [host, PLUGIN, fn, { ...args, [PASSED_ON]: 'True' }]
    return { value: String(await xapi.call('host.call_plugin', params, signal)) }
  } catch (error) {
    if (!(error instanceof XapiFailure)) throw error
    if (error.code === 'XENAPI_MISSING_PLUGIN') throw await notInstalled(xapi, host, signal)
    return { failure: [error.code, ...error.params] }
  }
}

/** A password is good for one call: a host that could not be asked has not destroyed it. */
async function destroySecret(xapi: Xapi, { fn, args }: MethodCall): Promise<void> {
  const uuid = fn === 'prepare_vm' ? args['password-secret'] : undefined
  if (uuid !== undefined && uuid !== '') await destroyPassword(xapi, uuid)
}

async function notInstalled(xapi: Xapi, host: string, signal: AbortSignal): Promise<RefusedError> {
  const name = String(await xapi.call('host.get_name_label', [host], signal))
  return new RefusedError({
    kind: 'plugin-missing',
    cause: `Host "${name}" has to do this, which does not have xscontainer installed`,
    cure: 'Install the xscontainer pack on all hosts of the pool',
  })
}

function moving(args: MethodCall['args']): TransientError {
  const uuid = args['vmuuid'] ?? args['vdiuuid'] ?? ''
  return new TransientError({
    kind: 'vm-moving',
    cause: `The VM ${uuid.slice(0, 60)} has moved to another host during the call, or its storage has`,
    cure: 'Try again in some seconds',
  })
}
