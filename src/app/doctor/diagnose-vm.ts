import type { Clock } from '../../base/clock.ts'
import { linked } from '../../base/deadline.ts'
import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import { KEY } from '../../model/fields.ts'
import type { GuestLink, Target } from '../../model/guest.ts'
import type { VmRecord } from '../../model/vm.ts'
import { desired } from '../../monitor/desired.ts'
import { StepRecorder, type DiagnoseReport } from '../../operations/diagnose.ts'
import { fingerprint } from '../../transports/ssh/host-key.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import { SshTransport } from '../../transports/ssh/ssh-transport.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import type { XapiSession } from '../../xapi/session.ts'
import type { Config } from '../config.ts'
import { addressStory, reportedStory } from './address-story.ts'
import { diagnoseEngine } from './diagnose-engine.ts'
import { notAVm, notRunning } from '../vm-errors.ts'
import { readPoolKey, readPreviousKey } from './pool-key.ts'
import { SshStory } from './ssh-story.ts'
import { TLS_STEPS, walkTls } from './tls-walk.ts'
import { readVmFacts, type VmFacts } from './vm-facts.ts'
import { SOCKET_KINDS, VM_STEPS } from './vm-steps.ts'

/** What is wrong with how the VM is to be reached. */
const SETTINGS_KINDS: ReadonlySet<string> = new Set(['mode', 'username', 'tls-secrets'])

export interface DiagnoseDeps {
  readonly clock: Clock
  readonly session: Pick<XapiSession, 'call'>
  readonly config: Pick<Config, 'guest'>
  /** Ref of this host. */
  readonly myHost: string
}

/**
 * Walks from XAPI's record of the VM to its containers over a connection of its own, by the monitor's own code, and
 * tells how each step went. Rejects with a DiagnosedError only when there is nothing to walk: XAPI is away, or the VM
 * is not in this pool (kind `no-such-vm`) or not on this host (kind `vm-elsewhere`).
 */
export async function diagnoseVm(deps: DiagnoseDeps, vmUuid: string, signal: AbortSignal): Promise<DiagnoseReport> {
  const { session, myHost, config } = deps
  const allowLoopback = config.guest.allow_loopback
  const facts = await readVmFacts(session, { vmUuid, myHost, allowLoopback }, signal)
  const steps = new StepRecorder(deps.clock, facts.vm.otherConfig[KEY.mode] === 'tls' ? TLS_STEPS : VM_STEPS)
  try {
    await linked(signal, (mine) => walk(deps, facts, steps, mine))
    steps.done()
  } catch (error) {
    signal.throwIfAborted()
    steps.fail(error)
  }
  const { vm } = facts
  return steps.report({ vm: vm.uuid, name: vm.name, status: vm.otherConfig[KEY.status] ?? null })
}

async function walk(deps: DiagnoseDeps, facts: VmFacts, steps: StepRecorder, signal: AbortSignal): Promise<void> {
  const target = targetOf(deps.myHost, facts, steps)
  const link =
    target.mode === 'tls' ? await byTls(deps, target, steps, signal) : await bySsh(deps, target, steps, signal)
  try {
    await diagnoseEngine({ clock: deps.clock, link, steps }, signal)
  } finally {
    link.close()
  }
}

function byTls(deps: DiagnoseDeps, target: Target, steps: StepRecorder, signal: AbortSignal): Promise<GuestLink> {
  const { clock, config, session } = deps
  return walkTls({ clock, config, store: new XapiSecrets(session), steps }, target, signal)
}

async function bySsh(deps: DiagnoseDeps, target: Target, steps: StepRecorder, signal: AbortSignal): Promise<GuestLink> {
  steps.enter('key')
  const key = await readPoolKey(new XapiSecrets(deps.session), signal)
  steps.note(`${fingerprint(key.publicLine.split(' ')[1] ?? '')}, for user ${target.username}`)
  return connect(deps, target, key, steps, signal)
}

/** The steps that need nothing but XAPI's record. Throws RefusedError where there is nobody to dial. */
function targetOf(myHost: string, { vm, rules }: VmFacts, steps: StepRecorder): Target {
  steps.enter('registered')
  if (vm.otherConfig[KEY.monitor] !== 'True') throw notRegistered(vm)
  const wanted = desired({ ...vm, residentOn: myHost, powerState: 'Running' }, { myHost, amCoordinator: false }, rules)
  if (!wanted.watch) throw notAVm(vm)
  const { target, problem } = wanted
  if (problem !== undefined && SETTINGS_KINDS.has(problem.kind)) throw new RefusedError(problem)
  steps.note(target.mode === 'tls' ? 'by tls' : `by ${target.mode}, as user ${target.username}`)
  steps.enter('running')
  if (vm.powerState !== 'Running' || vm.residentOn !== myHost) throw notRunning(vm)
  steps.enter('reported')
  if (problem?.kind === 'no-address') throw new RefusedError(problem)
  steps.note(reportedStory(vm))
  steps.enter('address')
  if (problem !== undefined) throw new RefusedError(problem)
  steps.note(addressStory(vm, target.addresses, rules))
  return target
}

async function connect(
  { clock, session, config: { guest } }: DiagnoseDeps,
  target: Target,
  key: SshKey,
  steps: StepRecorder,
  signal: AbortSignal,
): Promise<GuestLink> {
  const story = new SshStory(steps, guest.ssh_port, target)
  const limits = {
    port: guest.ssh_port,
    connectTimeoutMs: guest.connect_timeout_s * 1000,
    keepaliveMs: guest.keepalive_s * 1000,
  }
  const transport = new SshTransport(
    {
      clock,
      key: () => Promise.resolve(key),
      previousKey: () => readPreviousKey(new XapiSecrets(session), signal),
      observe: (step) => story.tell(step),
    },
    limits,
  )
  try {
    const link = await transport.connect(target, signal)
    story.connected(link.facts)
    return link
  } catch (error) {
    if (error instanceof DiagnosedError && SOCKET_KINDS.has(error.diagnosis.kind)) story.noSocket()
    throw error
  }
}

function notRegistered({ uuid }: VmRecord): RefusedError {
  return new RefusedError({
    kind: 'not-registered',
    cause: `VM ${uuid} is not registered for container management (its other-config key ${KEY.monitor} is not True)`,
    cure: `Register it: xscontainer register ${uuid}`,
  })
}
