import type { Clock } from '../../base/clock.ts'
import { DiagnosedError, TransientError } from '../../base/errors.ts'
import { cutText } from '../../base/text.ts'
import { callControl } from '../../control/client.ts'
import { ControlUnavailable } from '../../control/connect.ts'
import { VM_ELSEWHERE } from '../../control/message.ts'
import { versionReply } from '../operations/version.ts'
import { glanceAtConfig, type ConfigGlance } from './config-glance.ts'
import { notRoot } from '../root-only.ts'
import { FUNCTIONS } from './functions.ts'
import { parseMethodCall, type MethodCall } from './method-call.ts'
import { failureOf, success, unknownFunction, type Outcome } from './outcome.ts'

/** Does the call in this process, because no daemon answers (`why` says how that shows); undefined: the VM is elsewhere. */
export type DoHere = (call: MethodCall, configPath: string, clock: Clock, why: string) => Promise<Outcome | undefined>

/** Has the host do it that has the VM; undefined: that is this host, or the VM is on none. */
export type DoThere = (call: MethodCall, config: ConfigGlance, clock: Clock) => Promise<Outcome | undefined>

export interface AnswerDeps {
  readonly clock: Clock
  readonly configPath: string
  /** The user that this runs as; left out: root. */
  readonly uid?: number | undefined
  /** These take long to load. They never reject: each is a bundle of its own, with error classes of its own. */
  readonly loadHere: () => Promise<{ readonly doHere: DoHere }>
  readonly loadThere: () => Promise<{ readonly doThere: DoThere }>
}

/** Does what the plugin's argument asks for, in the cheapest way that is there. Never rejects. */
export async function answer(argument: string, deps: AnswerDeps): Promise<Outcome> {
  let fn = ''
  try {
    const call = parseMethodCall(argument)
    fn = call.fn
    const refusal = notRoot('The plugin xscontainer', deps.uid)
    if (refusal !== undefined) throw refusal
    return FUNCTIONS.has(fn) ? await serve(call, deps) : unknownFunction(fn)
  } catch (error) {
    return failureOf(fn, error)
  }
}

async function serve(call: MethodCall, { clock, configPath, loadHere, loadThere }: AnswerDeps): Promise<Outcome> {
  const here = async (why: string) => (await loadHere()).doHere(call, configPath, clock, why)
  const glance = await glanceAtConfig(configPath)
  if (glance === undefined) return (await here(`${configPath} cannot be used`)) ?? moving(call)
  const done = await askDaemon(call, glance, clock, here)
  if (done !== undefined) return done
  const there = await (await loadThere()).doThere(call, glance, clock)
  // It has just come here, or has just been shut down, and the daemon does not know it yet.
  return there ?? (await here('XAPI says that the VM is not on another host')) ?? moving(call)
}

/** By the daemon, or in its stead; undefined: another host has the VM. */
async function askDaemon(
  { fn, args }: MethodCall,
  { controlSocket }: ConfigGlance,
  clock: Clock,
  here: (why: string) => Promise<Outcome | undefined>,
): Promise<Outcome | undefined> {
  try {
    return success(await callControl({ clock }, controlSocket, fn, args, new AbortController().signal))
  } catch (error) {
    if (error instanceof ControlUnavailable) {
      // This process knows it by itself, and pollers ask for it: loading what does all the rest would take four times as long.
      return fn === 'version' ? success(versionReply(false)) : here(error.diagnosis.cause)
    }
    if (error instanceof DiagnosedError && error.diagnosis.kind === VM_ELSEWHERE) return undefined
    throw error
  }
}

/** Wherever one looks, it is somewhere else. */
function moving({ fn, args }: MethodCall): Outcome {
  const error = new TransientError({
    kind: 'vm-moving',
    cause: `The VM ${cutText(args['vmuuid'] ?? '', 60)} is moving to another host`,
    cure: 'Try again in some seconds',
  })
  return failureOf(fn, error)
}
