import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import { KEY } from '../../model/fields.ts'
import { isFailure } from '../../xapi/errors.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import { VmFields } from '../../xapi/vm-fields.ts'
import { keyMarkText } from '../keys/key-marks.ts'
import { rotatePoolKey, type RotateDeps } from '../keys/rotate-pool-key.ts'
import { ask } from './ask.ts'
import { textOption, type CommandLine } from './command-line.ts'
import type { CliContext } from './context.ts'
import { keyTools } from './key-tools.ts'
import { pendingText } from './pending-text.ts'
import { jsonText } from './table.ts'
import { EXIT } from './verb.ts'
import type { CliVm } from './vms.ts'

const UNFINISHED =
  'the change of the key is not finished; all guests stay monitored. xscontainer key status tells how it stands, xscontainer key rotate goes on with it'

/** Gives the pool another key, or goes on with that; names the guests that are left. */
export async function rotate(context: CliContext, line: CommandLine): Promise<number> {
  const { options } = line
  const json = options['json'] === true
  const forgotten = textOption(line, 'forget')
  const forget = forgotten === undefined ? [] : [(await context.vm(forgotten)).uuid]
  const wishes = {
    restrict: options['restrict'] === true,
    forget: options['finish'] === true ? 'all' : forget,
  } as const
  const tell = (what: string) => {
    if (!json) context.io.out(`${cleanForTerminal(what)}\n`)
  }
  const deps = await depsOf(context, tell)
  const report = await rotatePoolKey(deps, wishes, context.signal).catch((error: unknown) => {
    if (context.signal.aborted) context.note(UNFINISHED)
    throw error
  })
  context.io.out(json ? jsonText(report) : pendingText(report.pending))
  return EXIT.done
}

async function depsOf(context: CliContext, tell: (what: string) => void): Promise<RotateDeps> {
  const session = await context.session()
  const fields = new VmFields(session)
  return {
    store: new XapiSecrets(session),
    tools: keyTools(context),
    now: () => context.clock.now(),
    vms: () => context.vms(),
    renew: (vm) => renewAt(context, vm as CliVm),
    mark: (vm, mark, print, signal) =>
      fields.apply(vm.ref, [{ key: KEY.keyRenewal, value: keyMarkText(print, mark), replaces: true }], signal),
    tell,
  }
}

/** By the VM's own host: its monitor, or its plugin alone. */
async function renewAt(context: CliContext, vm: CliVm): Promise<void> {
  try {
    await ask(context, vm, 'renew_key')
  } catch (error) {
    throw translated(error, vm.host)
  }
}

/** Which host it is that cannot do it. */
function translated(error: unknown, host: string): unknown {
  const kind = error instanceof DiagnosedError ? error.diagnosis.kind : ''
  if (kind === 'plugin-missing') {
    return new RefusedError({
      kind,
      cause: `xscontainer is not installed on host "${host}"`,
      cure: 'Install it on all hosts of the pool',
    })
  }
  if (kind !== 'unknown-operation' && !isFailure(error, 'UNKNOWN_XENAPI_PLUGIN_FUNCTION')) return error
  return new RefusedError({
    kind: 'plugin-old',
    cause: `Host "${host}" has an older xscontainer, which cannot change keys`,
    cure: 'Install the same version on all hosts of the pool, and restart xscontainer-monitor there',
  })
}
