import { systemRandom } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { DiagnosedError } from '../../base/errors.ts'
import { cutText } from '../../base/text.ts'
import { VM_ELSEWHERE } from '../../control/message.ts'
import { DEFAULT_CONFIG_PATH, loadConfig } from '../config.ts'
import { runAlone } from '../operations/run-alone.ts'
import type { MethodCall } from './method-call.ts'
import { failureOf, success, type Outcome } from './outcome.ts'
import { openPluginLog } from './plugin-log.ts'

/**
 * Does the call in this process, with the caller's session and a connection to the guest that ends with it. `why`: how
 * it shows that no daemon answers. undefined: another host has the VM. Never rejects.
 */
export async function doHere(
  call: MethodCall,
  configPath: string,
  clock: Clock,
  why: string,
): Promise<Outcome | undefined> {
  const { fn, session, args } = call
  try {
    const config = loadConfig(configPath, (why) => {
      if (configPath !== DEFAULT_CONFIG_PATH) throw why
    })
    const log = openPluginLog(config.log)
    // Whatever a client sends: a line of the log stays a line.
    log.info({ fn, vm: cutText(args['vmuuid'] ?? '', 60), why }, 'doing it without the daemon')
    const deps = { config, log, clock, random: systemRandom, session }
    return success(await runAlone(deps, fn, args, new AbortController().signal))
  } catch (error) {
    if (error instanceof DiagnosedError && error.diagnosis.kind === VM_ELSEWHERE) return undefined
    return failureOf(fn, error)
  }
}
