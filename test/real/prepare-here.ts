import { systemRandom } from '../../src/base/backoff.ts'
import { systemClock } from '../../src/base/clock.ts'
import { DiagnosedError, type Diagnosis } from '../../src/base/errors.ts'
import { createLog } from '../../src/base/log.ts'
import { loadConfig } from '../../src/app/config.ts'
import { readVmFacts } from '../../src/app/doctor/vm-facts.ts'
import { LoneHost } from '../../src/app/operations/lone-host.ts'
import type { Person, PrepareContext, PrepareWish } from '../../src/app/prepare/prepare-context.ts'
import { prepareVm, whatStays } from '../../src/app/prepare/prepare-vm.ts'
import { Steps } from '../../src/app/prepare/steps.ts'
import { deregister } from '../../src/operations/deregister.ts'
import { register } from '../../src/operations/register.ts'
import type { World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'

export interface Prepared {
  /** What was printed. */
  readonly out: string
  readonly error: unknown
  /** Of the error; undefined when there is none. */
  readonly diagnosis: Diagnosis | undefined
  readonly stays: string
}

export interface PrepareHere {
  readonly person?: Person
  /** Told each text as it is printed. */
  readonly watch?: (text: string) => void
  readonly signal?: AbortSignal
  /** Told of each call of XAPI that the steps make themselves, once it is answered; who is interrupted then has no answer. */
  readonly called?: (method: string) => void
  /** False: nobody publishes the VM's containers, which is known. */
  readonly monitored?: boolean
}

const NOTHING: PrepareWish = {
  username: undefined,
  mode: 'ssh',
  undo: false,
  dryRun: false,
  restrict: false,
  sudo: false,
  credentials: {},
}

/** Prepares a VM in this process: the steps of the command and of the plugin, without the cost of a process each. */
export async function prepareHere(
  world: World,
  vm: Pick<SimVm, 'uuid'>,
  wish: Partial<PrepareWish>,
  {
    person,
    watch,
    signal = new AbortController().signal,
    called = () => undefined,
    monitored = true,
  }: PrepareHere = {},
): Promise<Prepared> {
  const log = createLog('silent', { write: () => undefined })
  const config = loadConfig(world.configFile())
  const host = new LoneHost({ clock: systemClock, random: systemRandom, log, config })
  const forever = new AbortController().signal
  const allowLoopback = true
  const facts = await readVmFacts(
    host.session,
    { vmUuid: vm.uuid, myHost: await host.myHost(forever), allowLoopback },
    forever,
  )
  let out = ''
  const write = (text: string) => {
    out += text
    watch?.(text)
  }
  const heard = async <T>(method: string, answer: Promise<T>, inTime: AbortSignal): Promise<T> => {
    const result = await answer
    called(method)
    inTime.throwIfAborted()
    return result
  }
  const session: PrepareContext['session'] = {
    call: (method, params, inTime) => heard(method, host.session.call(method, params, inTime), inTime),
    burst: (calls, inTime) => heard('burst', host.session.burst(calls, inTime), inTime),
    reference: (inTime) => host.session.reference(inTime),
  }
  const context: PrepareContext = {
    ...{ clock: systemClock, config, session, facts, person, steps: new Steps(write) },
    registration: {
      register: async (inTime) => void (await register.run(await host.vm(vm.uuid, inTime), {}, inTime)),
      deregister: async (inTime) => void (await deregister.run(await host.vm(vm.uuid, inTime), {}, inTime)),
    },
    monitorMissing: () => Promise.resolve(monitored ? undefined : 'nobody monitors'),
  }
  const error: unknown = await prepareVm(context, { ...NOTHING, ...wish }, signal).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  await host.close(forever)
  const diagnosis = error instanceof DiagnosedError ? error.diagnosis : undefined
  return { out, error, diagnosis, stays: whatStays(context) }
}
