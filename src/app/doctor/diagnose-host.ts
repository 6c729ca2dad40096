import type { Clock } from '../../base/clock.ts'
import { RefusedError } from '../../base/errors.ts'
import { callControl } from '../../control/client.ts'
import { KEY } from '../../model/fields.ts'
import { POOL_KEY } from '../../model/pool.ts'
import { StepRecorder, type DiagnoseReport, type DiagnoseStep, type StepTitles } from '../../operations/diagnose.ts'
import { fingerprint } from '../../transports/ssh/host-key.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import type { XapiSession } from '../../xapi/session.ts'
import type { Config } from '../config.ts'
import { findThisHost } from '../this-host.ts'
import { VERSION } from '../version.ts'
import { readPoolKey } from './pool-key.ts'

const STEPS: StepTitles = [
  ['config', 'configuration is readable'],
  ['xapi', 'XAPI answers and knows this host'],
  ['key', "pool's SSH key"],
  ['control', "monitor's control socket answers"],
  ['version', "monitor's version"],
]

/** What the report about this host tells of a VM. */
export interface RegisteredVm {
  readonly uuid: string
  readonly name: string
  readonly powerState: string
  readonly here: boolean
  readonly otherConfig: Readonly<Record<string, string>>
}

export interface DiagnoseHostDeps {
  readonly clock: Clock
  readonly configPath: string | undefined
  config(): Promise<Config>
  session(): Promise<XapiSession>
  /** The pool's VMs that are offered for container management. */
  vms(): Promise<readonly RegisteredVm[]>
}

/** Looks over this host: what the monitor needs, the monitor itself, and a line per registered VM. */
export async function diagnoseHost(deps: DiagnoseHostDeps, signal: AbortSignal): Promise<DiagnoseReport> {
  const steps = new StepRecorder(deps.clock, STEPS)
  const config = await taken(steps, 'config', signal, async () => {
    const config = await deps.config()
    steps.note(deps.configPath ?? 'as installed, or defaults where there is no file')
    return config
  })
  const session =
    config &&
    (await taken(steps, 'xapi', signal, async () => {
      const session = await deps.session()
      await findThisHost(session, config.xapi.inventory, signal)
      steps.note(config.xapi.socket)
      return session
    }))
  if (session) await taken(steps, 'key', signal, async () => steps.note(await keyStory(session, signal)))
  const version = config && (await monitorVersion(deps.clock, config, steps, signal))
  const vms = session === undefined ? [] : await deps.vms()
  const { steps: own } = steps.report({})
  const ofVms = vms
    .filter(({ here, otherConfig }) => here && otherConfig[KEY.monitor] === 'True')
    .map((vm) => vmStep(vm, version !== undefined))
  const all = [...own, ...ofVms]
  return { ok: all.every(({ state }) => state !== 'failed'), subject: { version: VERSION }, steps: all }
}

/** A step whose failure ends nothing but itself. */
async function taken<T>(
  steps: StepRecorder,
  name: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | undefined> {
  steps.enter(name)
  try {
    const result = await work()
    steps.done()
    return result
  } catch (error) {
    signal.throwIfAborted()
    steps.fail(error)
    return undefined
  }
}

async function keyStory(session: XapiSession, signal: AbortSignal): Promise<string> {
  const secrets = new XapiSecrets(session)
  const { publicLine } = await readPoolKey(secrets, signal)
  const named = (await secrets.poolConfig(signal))[POOL_KEY.publicKey]
  const line = named === undefined ? undefined : await secrets.read(named, signal)
  const [, blob = ''] = publicLine.split(' ')
  if (line?.split(' ')[1] === blob) return fingerprint(blob)
  throw new RefusedError({
    kind: 'public-key',
    cause: `The public key that the pool names in ${POOL_KEY.publicKey} is ${line === undefined ? 'missing' : 'not that of its private key'}`,
    cure: `Remove ${POOL_KEY.publicKey} from the pool's other-config and restart xscontainer-monitor: it writes the right one`,
  })
}

async function monitorVersion(
  clock: Clock,
  { control }: Config,
  steps: StepRecorder,
  signal: AbortSignal,
): Promise<string | undefined> {
  const version = await taken(steps, 'control', signal, async () => {
    steps.note(control.socket)
    return callControl({ clock }, control.socket, 'version', {}, signal)
  })
  if (version === undefined) return undefined
  await taken(steps, 'version', signal, async () => {
    const told = versionIn(version)
    if (told !== VERSION) throw otherVersion(told)
    steps.note(told)
    return Promise.resolve()
  })
  return version
}

/** Of the JSON that the operation `version` gives. */
function versionIn(json: string): string {
  try {
    const { version } = JSON.parse(json) as { version?: unknown }
    return typeof version === 'string' ? version : 'unknown'
  } catch {
    return 'unknown'
  }
}

function otherVersion(version: string): RefusedError {
  return new RefusedError({
    kind: 'daemon-version',
    cause: `The monitor that runs on this host is version ${version.slice(0, 40)}, this command is ${VERSION}`,
    cure: 'Restart it after the update: systemctl restart xscontainer-monitor',
  })
}

/** A VM by what the monitor last wrote about it, which says nothing when that does not run. */
function vmStep({ uuid, name, powerState, otherConfig }: RegisteredVm, alive: boolean): DiagnoseStep {
  const status = otherConfig[KEY.status] ?? ''
  const step = { name: `vm ${uuid}`, title: `VM ${name}`, ms: null, diagnosis: null }
  if (powerState !== 'Running') return { ...step, state: 'skipped', detail: `the VM is ${powerState.toLowerCase()}` }
  if (!alive)
    return { ...step, state: 'skipped', detail: status === '' ? 'nobody monitors it' : `last known: ${status}` }
  if (status.startsWith('monitored')) return { ...step, state: 'ok', detail: status }
  const told = /^failed since [^ ]+: (.*)$/.exec(status)?.[1]
  if (told === undefined) return { ...step, state: 'skipped', detail: status || 'not looked at yet' }
  return { ...step, state: 'failed', detail: status, diagnosis: { kind: 'failed', ...split(told, uuid) } }
}

/** A published status is one text: its last sentence is the cure. */
function split(told: string, uuid: string): { cause: string; cure: string } {
  const at = told.lastIndexOf('. ')
  return at === -1
    ? { cause: told, cure: `See xscontainer doctor ${uuid}` }
    : { cause: told.slice(0, at), cure: told.slice(at + 2) }
}
