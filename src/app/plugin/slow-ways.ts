import type { Clock } from '../../base/clock.ts'
import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { VM_ELSEWHERE } from '../../control/message.ts'
import { loadConfig, type Config } from '../config.ts'
import { findThisHost } from '../this-host.ts'
import { CallersXapi } from './callers-xapi.ts'
import type { ConfigPlace } from './config-place.ts'
import { hostOf, passOn } from './elsewhere.ts'
import type { MethodCall } from './method-call.ts'
import { success, type Outcome } from './outcome.ts'
import { openPluginLog } from './plugin-log.ts'

/** What a call without the daemon is done with. */
interface Tools {
  readonly call: MethodCall
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** Does the call without a daemon: here, or by the plugin of the host that has the VM. `why`: no daemon answered. */
export async function alone(call: MethodCall, place: ConfigPlace, clock: Clock, why: string): Promise<Outcome> {
  const tools = openTools(call, place, clock)
  tools.log.info({ fn: call.fn, vm: call.args['vmuuid'], why }, 'no daemon answers: doing it without')
  try {
    return success(await runHere(tools))
  } catch (error) {
    if (error instanceof DiagnosedError && error.diagnosis.kind === VM_ELSEWHERE) return findAndDo(tools)
    throw error
  }
}

/** Does the call where XAPI says that the VM is now; rejects with a DiagnosedError when there is no such VM. */
export function elsewhere(call: MethodCall, place: ConfigPlace, clock: Clock): Promise<Outcome> {
  return findAndDo(openTools(call, place, clock))
}

async function findAndDo(tools: Tools): Promise<Outcome> {
  const { call, config, clock, log, signal } = tools
  const xapi = new CallersXapi(config.xapi.socket, call.session, clock)
  const vmUuid = call.args['vmuuid'] ?? ''
  const host = await hostOf(xapi, vmUuid, signal)
  // It has just come here, or has just been shut down, and the daemon does not know it yet.
  if (host === undefined || host === (await findThisHost(xapi, config.xapi.inventory, signal))) {
    return success(await runHere(tools))
  }
  log.debug({ fn: call.fn, vm: vmUuid }, 'asking the host that has the VM')
  return passOn(xapi, host, call, signal)
}

function openTools(call: MethodCall, place: ConfigPlace, clock: Clock): Tools {
  const config = loadConfig(place.path, place.mustExist)
  return { call, config, clock, log: openPluginLog(config.log), signal: new AbortController().signal }
}

function runHere(_tools: Tools): Promise<string> {
  return Promise.reject(new RefusedError({ kind: 'todo', cause: 'Not there yet', cure: 'Wait' }))
}
