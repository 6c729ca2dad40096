import { DiagnosedError } from '../../base/errors.ts'
import { VM_ELSEWHERE } from '../../control/message.ts'
import { argument, badArgument, checkArgs, flag } from '../../operations/arguments.ts'
import { deregister } from '../../operations/deregister.ts'
import type { Args } from '../../operations/operation.ts'
import { register } from '../../operations/register.ts'
import { readVmFacts } from '../doctor/vm-facts.ts'
import { withPasswordSecret } from '../prepare/password-secret.ts'
import type { PrepareContext, PrepareWish } from '../prepare/prepare-context.ts'
import { prepareVm as prepare, withWhatStays } from '../prepare/prepare-vm.ts'
import { Steps } from '../prepare/steps.ts'
import { isUserName } from '../prepare/target-of.ts'
import type { HostContext, HostOperation } from './host-operation.ts'
import { vmUuidOf } from './run-operation.ts'

/**
 * Makes a VM manageable, without questions: the text of the steps. The password comes as the uuid of an XAPI secret
 * (`password-secret`), which is destroyed whatever happens, unless another host has the VM and will do this.
 */
export const prepareVm: HostOperation = {
  name: 'prepare_vm',
  // A call that lacks one must destroy the secret too: they are checked below.
  args: [],

  async run(host, args, signal) {
    const secret = argument(args, 'password-secret')
    if (secret === undefined) return steps(host, args, undefined, signal)
    return withPasswordSecret(host.session, secret, signal, isElsewhere, (password) =>
      steps(host, args, password, signal),
    )
  },
}

async function steps(
  host: HostContext,
  args: Args,
  password: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  checkArgs({ name: 'prepare_vm', args: ['vmuuid'] }, args)
  const wish = readWish(args, password)
  const lines: string[] = []
  const context = await contextFor(host, vmUuidOf(args) ?? '', (text) => lines.push(text), signal)
  try {
    await prepare(context, wish, signal)
  } catch (error) {
    throw withWhatStays(error, context)
  }
  return lines.join('')
}

async function contextFor(
  host: HostContext,
  uuid: string,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<PrepareContext> {
  const { clock, config, session } = host
  const myHost = await host.myHost(signal)
  const allowLoopback = config.guest.allow_loopback
  const facts = await readVmFacts(session, { vmUuid: uuid, myHost, allowLoopback }, signal)
  const missing = host.isDaemon ? undefined : NO_MONITOR
  return {
    clock,
    config,
    session,
    facts,
    steps: new Steps(write),
    person: undefined,
    registration: {
      register: async (inTime) => void (await register.run(await host.vm(uuid, inTime), {}, inTime)),
      deregister: async (inTime) => void (await deregister.run(await host.vm(uuid, inTime), {}, inTime)),
    },
    monitorMissing: () => Promise.resolve(missing),
  }
}

const NO_MONITOR =
  'the monitor of this host does not run, so that nobody publishes it; the engine answers. Start it: systemctl start xscontainer-monitor'

function readWish(args: Args, password: string | undefined): PrepareWish {
  const username = argument(args, 'username')
  if (username !== undefined && !isUserName(username))
    throw badArgument('username', username, 'the name of a user in the guest')
  const mode = argument(args, 'mode') ?? 'ssh'
  if (mode !== 'ssh' && mode !== 'tls') throw badArgument('mode', mode, 'ssh or tls')
  return {
    username,
    mode,
    undo: flag(args, 'undo'),
    dryRun: flag(args, 'dry-run'),
    restrict: flag(args, 'restrict'),
    sudo: flag(args, 'sudo'),
    credentials: { password },
  }
}

function isElsewhere(error: unknown): boolean {
  return error instanceof DiagnosedError && error.diagnosis.kind === VM_ELSEWHERE
}
