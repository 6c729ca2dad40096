import { systemRandom } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { DiagnosedError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { cutText } from '../../base/text.ts'
import { VM_ELSEWHERE } from '../../control/message.ts'
import { XapiSession } from '../../xapi/session.ts'
import { loadConfig, type Config } from '../config.ts'
import { vmUuidOf } from '../operations/run-operation.ts'
import { findThisHost } from '../this-host.ts'
import type { ConfigPlace } from './config-place.ts'
import { hostOf, passOn } from './elsewhere.ts'
import type { MethodCall } from './method-call.ts'
import { failureOf, success, type Outcome } from './outcome.ts'
import { openPluginLog } from './plugin-log.ts'

/** Another host may have to wait for a container that takes its time to stop; it gives up before this. */
const CALL_MS = 15 * 60_000

/** What a call without the daemon is done with. */
interface Tools {
  readonly call: MethodCall
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Does the call without a daemon: here, or by the plugin of the host that has the VM. `why`: no daemon answered. Never
 * rejects: this module is a bundle of its own, with error classes that nobody outside knows.
 */
export function alone(call: MethodCall, place: ConfigPlace, clock: Clock, why: string): Promise<Outcome> {
  return outcomeOf(call, async () => {
    const tools = openTools(call, place, clock)
    tools.log.info({ ...about(call), why }, 'no daemon answers: doing it without')
    try {
      return success(await runHere(tools))
    } catch (error) {
      if (error instanceof DiagnosedError && error.diagnosis.kind === VM_ELSEWHERE) return findAndDo(tools)
      throw error
    }
  })
}

/** Does the call where XAPI says that the VM is now. Never rejects. */
export function elsewhere(call: MethodCall, place: ConfigPlace, clock: Clock): Promise<Outcome> {
  return outcomeOf(call, () => findAndDo(openTools(call, place, clock)))
}

async function outcomeOf({ fn }: MethodCall, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    return failureOf(fn, error)
  }
}

async function findAndDo(tools: Tools): Promise<Outcome> {
  const { call, config, clock, log, signal } = tools
  const { session } = call
  const xapi = new XapiSession({ socketPath: config.xapi.socket, session, callMs: CALL_MS, clock, log })
  const vmUuid = vmUuidOf(call.args) ?? ''
  const host = await hostOf(xapi, vmUuid, signal)
  // It has just come here, or has just been shut down, and the daemon does not know it yet.
  if (host === undefined || host === (await findThisHost(xapi, config.xapi.inventory, signal))) {
    return success(await runHere(tools))
  }
  log.debug(about(call), 'asking the host that has the VM')
  return passOn(xapi, host, call, signal)
}

/** Whatever a client sends: a line of the log stays a line. */
function about({ fn, args }: MethodCall): object {
  return { fn, vm: cutText(args['vmuuid'] ?? '', 60) }
}

function openTools(call: MethodCall, place: ConfigPlace, clock: Clock): Tools {
  const config = loadConfig(place.path, place.mustExist)
  return { call, config, clock, log: openPluginLog(config.log), signal: new AbortController().signal }
}

/** What it needs is loaded only now: a call that is passed on does without. */
async function runHere({ call, signal, ...deps }: Tools): Promise<string> {
  const { runAlone } = await import('../operations/run-alone.ts')
  return runAlone({ ...deps, random: systemRandom, session: call.session }, call.fn, call.args, signal)
}
