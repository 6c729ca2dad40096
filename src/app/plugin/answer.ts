import type { Clock } from '../../base/clock.ts'
import { DiagnosedError } from '../../base/errors.ts'
import { callControl } from '../../control/client.ts'
import { ControlUnavailable } from '../../control/connect.ts'
import { VM_ELSEWHERE } from '../../control/message.ts'
import type { ConfigPlace } from './config-place.ts'
import { controlSocket } from './control-socket.ts'
import { FUNCTIONS } from './functions.ts'
import { parseMethodCall, type MethodCall } from './method-call.ts'
import { failureOf, success, unknownFunction, type Outcome } from './outcome.ts'

/** What a call needs that the daemon of this host does not do; takes long to load. */
export interface SlowWays {
  /** No daemon answers, `why` says how that shows. */
  alone(call: MethodCall, config: ConfigPlace, clock: Clock, why: string): Promise<Outcome>
  /** The daemon says that another host has the VM. */
  elsewhere(call: MethodCall, config: ConfigPlace, clock: Clock): Promise<Outcome>
}

export interface AnswerDeps {
  readonly clock: Clock
  readonly config: ConfigPlace
  readonly loadSlowWays: () => Promise<SlowWays>
}

/** Does what the plugin's argument asks for, in the cheapest way that is there. Never rejects. */
export async function answer(argument: string, deps: AnswerDeps): Promise<Outcome> {
  let fn = ''
  try {
    const call = parseMethodCall(argument)
    fn = call.fn
    return FUNCTIONS.has(fn) ? await serve(call, deps) : unknownFunction(fn)
  } catch (error) {
    return failureOf(fn, error)
  }
}

async function serve(call: MethodCall, { clock, config, loadSlowWays }: AnswerDeps): Promise<Outcome> {
  const alone = async (why: string) => (await loadSlowWays()).alone(call, config, clock, why)
  const socket = await controlSocket(config.path, config.mustExist)
  if (socket === undefined) return alone(`${config.path} cannot be used`)
  try {
    return success(await callControl({ clock }, socket, call.fn, call.args, new AbortController().signal))
  } catch (error) {
    if (error instanceof ControlUnavailable) return alone(error.diagnosis.cause)
    if (!(error instanceof DiagnosedError && error.diagnosis.kind === VM_ELSEWHERE)) throw error
    return (await loadSlowWays()).elsewhere(call, config, clock)
  }
}
