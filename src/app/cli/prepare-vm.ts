import { RefusedError, StoppedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import { readVmFacts } from '../doctor/vm-facts.ts'
import { obtainPoolKey } from '../prepare/pool-key.ts'
import type { PrepareContext, PrepareWish } from '../prepare/prepare-context.ts'
import { planText, prepareVm as prepare, whatStays } from '../prepare/prepare-vm.ts'
import { printLine } from '../prepare/print-line.ts'
import { Steps } from '../prepare/steps.ts'
import { isUserName } from '../prepare/target-of.ts'
import { findThisHost } from '../this-host.ts'
import { ask } from './ask.ts'
import { textOption, type CommandLine } from './command-line.ts'
import type { CliContext } from './context.ts'
import { LineReader } from './line-reader.ts'
import { readIdentity, readPasswordFile } from './prepare-vm-files.ts'
import { TerminalPerson } from './terminal-person.ts'
import { noTlsOptions, readTlsWish } from './tls-wish.ts'
import { EXIT, type Verb } from './verb.ts'
import type { CliVm } from './vms.ts'

/** Makes a VM manageable and proves it, or takes that back. */
export const prepareVm: Verb = async (context, line) => {
  const [word] = line.args
  if (line.options['print'] === true) return print(context)
  if (word === undefined) throw new Error('something is missing: which VM')
  const wish = await readWish(context, line)
  const vm = await context.vm(word, true)
  const prepared = await contextFor(context, vm, line)
  context.io.out(planText(prepared, wish))
  try {
    await prepare(prepared, wish, context.signal)
  } catch (error) {
    return reportStays(context, prepared, error)
  }
  if (!wish.dryRun) context.io.out(wish.undo ? 'All was taken back.\n' : 'The VM is prepared.\n')
  return EXIT.done
}

/** Says what stays of work that ended with this error: the exit code, where it was only broken off. Throws the error otherwise. */
export function reportStays(context: CliContext, prepared: PrepareContext, error: unknown): number {
  context.io.err(stays(prepared))
  if (!(error instanceof StoppedError) || context.signal.aborted) throw error
  context.io.err(`xscontainer: ${error.message}\n`)
  return EXIT.failed
}

/** The line to paste into a guest, and nothing else. */
async function print(context: CliContext): Promise<number> {
  const { publicLine } = await obtainPoolKey(await context.session(), context.signal)
  context.io.out(`${printLine(publicLine)}\n`)
  return EXIT.done
}

function stays(prepared: PrepareContext): string {
  const text = whatStays(prepared)
  return text === '' ? '' : `xscontainer: ${cleanForTerminal(text)}\n`
}

/** What preparing this VM may use, with whoever sits at the terminal. */
export async function contextFor(context: CliContext, vm: CliVm, line: CommandLine): Promise<PrepareContext> {
  const [session, config] = await Promise.all([context.session(), context.config()])
  // XAPI serves the whole pool, and a guest is reached from any host of it as a rule.
  const myHost = vm.residentOn ?? (await findThisHost(session, config.xapi.inventory, context.signal))
  const allowLoopback = config.guest.allow_loopback
  const facts = await readVmFacts(session, { vmUuid: vm.uuid, myHost, allowLoopback }, context.signal)
  return {
    clock: context.clock,
    config,
    session,
    facts,
    steps: new Steps((text) => context.io.out(text)),
    person: new TerminalPerson(new LineReader(context.io), line.options['yes'] === true),
    registration: {
      register: async () => void (await ask(context, vm, 'register')),
      deregister: async () => void (await ask(context, vm, 'deregister')),
    },
    monitorMissing: () => monitorMissing(context, vm),
  }
}

/** Only this host's monitor can be asked. */
async function monitorMissing(context: CliContext, vm: CliVm): Promise<string | undefined> {
  if (!vm.here) return undefined
  const [{ callControl, ControlUnavailable }, { control }] = await Promise.all([
    import('../../control/client.ts'),
    context.config(),
  ])
  try {
    await callControl(context, control.socket, 'version', {}, context.signal)
    return undefined
  } catch (error) {
    if (!(error instanceof ControlUnavailable)) throw error
    return `${error.diagnosis.cause}, so that nobody publishes it; the engine answers. ${error.diagnosis.cure}`
  }
}

async function readWish(context: CliContext, line: CommandLine): Promise<PrepareWish> {
  const mode = textOption(line, 'mode') ?? 'ssh'
  if (mode !== 'ssh' && mode !== 'tls') throw new Error(`--mode takes ssh or tls, not ${JSON.stringify(mode)}`)
  const on = (name: string) => line.options[name] === true
  const [passwordFile, identityFile] = [textOption(line, 'password-file'), textOption(line, 'identity')]
  if (passwordFile !== undefined && identityFile !== undefined) {
    throw new Error('--password-file and --identity cannot both be given')
  }
  return {
    mode,
    tls: mode === 'tls' ? await readTlsWish(context, line, 'present') : noTlsOptions(line),
    undo: on('undo'),
    dryRun: on('dry-run'),
    restrict: on('restrict'),
    sudo: on('sudo'),
    username: checkedUser(textOption(line, 'username')),
    credentials: {
      identity: identityFile === undefined ? undefined : await readIdentity(identityFile),
      password:
        passwordFile === undefined ? undefined : await readPasswordFile(passwordFile, (text) => context.note(text)),
    },
  }
}

/** Whatever the guest takes for a name; what none takes is refused before anything is asked. */
function checkedUser(name: string | undefined): string | undefined {
  if (name === undefined || isUserName(name)) return name
  throw new RefusedError({
    kind: 'bad-argument',
    cause: `${cleanForTerminal(JSON.stringify(name))} cannot be the name of a user`,
    cure: 'Give the user of the guest who may use its container engine: --username USER',
  })
}
