import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { KEY } from '../../src/model/fields.ts'
import { POOL_KEY } from '../../src/model/pool.ts'
import { VmFields } from '../../src/xapi/vm-fields.ts'
import { XapiVmWatch } from '../../src/xapi/vm-watch.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { until, useSimSession } from './sim-session.ts'

const { sim, state } = useSimSession()
const MONITORED = { [KEY.monitor]: 'True' }

let watch: XapiVmWatch
let stop: AbortController
let running: Promise<void>
let touched: string[]
/** `list` and `pool` as they were called, with what `changed` was told in between. */
let calls: string[]

beforeEach(() => {
  stop = new AbortController()
  touched = []
  calls = []
  watch = new XapiVmWatch(
    { session: state.session, clock: systemClock, random: () => 0, log: state.recording.log },
    () => calls.push('list'),
    () => calls.push('pool'),
  )
})
afterEach(async () => {
  stop.abort(new Error('test over'))
  await running
})

/** Runs the watch and waits for its first full list and for its next poll to be blocked. */
async function listed(): Promise<void> {
  running = watch.run((ref) => {
    touched.push(ref)
    calls.push('changed')
  }, stop.signal)
  await until(() => calls.includes('list'))
  await until(() => sim.pool.blocked === 1)
  touched.length = 0
}

const lists = () => calls.filter((call) => call === 'list').length

describe('the first list', () => {
  test('has every VM of the pool with its record and addresses, and the pool; all before anybody is told', async () => {
    const vm = sim.pool.createVm({ name: 'web', otherConfig: MONITORED, networks: { '0/ip': '10.0.0.7' } })
    sim.pool.setMapKey('pool', sim.pool.objects.pool, 'other_config', POOL_KEY.privateKey, 'uuid-1')
    sim.pool.setMapKey('pool', sim.pool.objects.pool, 'other_config', 'foreign', 'x')
    await listed()
    expect(watch.get(vm.ref)).toEqual({
      ref: vm.ref,
      uuid: vm.uuid,
      name: 'web',
      powerState: 'Running',
      residentOn: sim.coordinator.ref,
      isControlDomain: false,
      isTemplate: false,
      isSnapshot: false,
      otherConfig: MONITORED,
      networks: { '0/ip': '10.0.0.7' },
    })
    expect([...watch.all()]).toHaveLength(sim.pool.db.table('VM').rows.size)
    expect(watch.pool()).toEqual({
      ref: sim.pool.objects.pool,
      coordinator: sim.coordinator.ref,
      otherConfig: { [POOL_KEY.privateKey]: 'uuid-1' },
    })
    expect(calls.slice(0, 3)).toEqual(['pool', 'list', 'changed'])
    expect(watch.ageMs()).toBeLessThan(60_000)
  })

  test('of very many VMs is told some at a time: others have their turn in between', async () => {
    for (let i = 0; i < 120; i++) sim.pool.createVm({ name: `vm-${i}` })
    const told: string[] = []
    let atNextTurn = Infinity
    const own = new XapiVmWatch(
      { session: state.session, clock: systemClock, random: () => 0, log: state.recording.log },
      () => void setTimeout(() => (atNextTurn = told.length), 0),
      () => undefined,
    )
    running = own.run((ref) => told.push(ref), stop.signal)
    await until(() => told.length >= 120)
    expect(atNextTurn).toBeLessThan(120)
    expect(new Set(told).size).toBe(sim.pool.db.table('VM').rows.size)
  })

  test('is not there before the first answer', () => {
    running = Promise.resolve()
    expect([watch.ageMs(), watch.pool(), [...watch.all()]]).toEqual([Infinity, undefined, []])
  })
})

test('a value that somebody else holds is kept in that copy; one that differs, or that nobody holds, as XAPI tells it', async () => {
  const told: string[] = []
  const held = new Map<string, string | undefined>([
    [KEY.ps, 'the list'],
    [KEY.info, 'wanted, but not there yet'],
  ])
  watch = new XapiVmWatch(
    {
      session: state.session,
      clock: systemClock,
      random: () => 0,
      log: state.recording.log,
      heldOf: (ref) => (told.push(ref), held),
    },
    () => calls.push('list'),
    () => undefined,
  )
  const otherConfig = { [KEY.ps]: 'the list', [KEY.info]: 'as it is', [KEY.version]: 'told only' }
  const vm = sim.pool.createVm({ name: 'web', otherConfig })
  await listed()
  expect(watch.get(vm.ref)?.otherConfig).toEqual(otherConfig)
  expect(told).toContain(vm.ref)
})

describe('changes', () => {
  test('a VM that comes, changes and goes', async () => {
    await listed()
    const vm = sim.pool.createVm({ name: 'new', otherConfig: MONITORED })
    await until(() => touched.includes(vm.ref))
    expect(watch.get(vm.ref)?.name).toBe('new')
    touched.length = 0
    sim.pool.setPower(vm, 'Halted')
    await until(() => watch.get(vm.ref)?.powerState === 'Halted')
    expect(watch.get(vm.ref)?.residentOn).toBeUndefined()
    touched.length = 0
    sim.pool.destroyVm(vm)
    await until(() => touched.includes(vm.ref))
    expect(watch.get(vm.ref)).toBeUndefined()
    expect(lists()).toBe(1)
  })

  test('addresses that the guest reports later touch its VM, though the VM’s record is as it was', async () => {
    const vm = sim.pool.createVm({ name: 'dhcp', networks: {} })
    await listed()
    sim.pool.setAddresses(vm, { '0/ip': '10.0.0.8' })
    await until(() => touched.includes(vm.ref))
    expect(watch.get(vm.ref)?.networks).toEqual({ '0/ip': '10.0.0.8' })
  })

  test('a guest agent that starts anew has metrics of another name', async () => {
    const vm = sim.pool.createVm({ name: 'agent', guestTools: false })
    await listed()
    expect(watch.get(vm.ref)?.networks).toEqual({})
    sim.pool.replaceGuestMetrics(vm, { '0/ip': '10.0.0.9' })
    await until(() => watch.get(vm.ref)?.networks['0/ip'] === '10.0.0.9')
    sim.pool.replaceGuestMetrics(vm, { '0/ip': '10.0.0.10' })
    await until(() => watch.get(vm.ref)?.networks['0/ip'] === '10.0.0.10')
    sim.pool.setAddresses(vm, { '0/ip': '10.0.0.11' })
    await until(() => watch.get(vm.ref)?.networks['0/ip'] === '10.0.0.11')
  })

  test('a VM that moves', async () => {
    const vm = sim.pool.createVm({ name: 'mover' })
    await listed()
    sim.pool.migrate(vm, sim.member)
    await until(() => watch.get(vm.ref)?.residentOn === sim.member.ref)
    expect(watch.get(vm.ref)?.powerState).toBe('Running')
  })

  test('the pool’s key', async () => {
    await listed()
    calls.length = 0
    sim.pool.setMapKey('pool', sim.pool.objects.pool, 'other_config', POOL_KEY.publicKey, 'uuid-2')
    await until(() => calls.includes('pool'))
    expect(watch.pool()?.otherConfig[POOL_KEY.publicKey]).toBe('uuid-2')
  })

  test('our own writes come back and are in the record', async () => {
    const vm = sim.pool.createVm({ name: 'own', otherConfig: MONITORED })
    await listed()
    const writes = [{ key: KEY.ps, value: '<docker_ps/>', replaces: false }]
    await new VmFields(state.session).apply(vm.ref, writes, stop.signal)
    await until(() => touched.includes(vm.ref))
    expect(watch.get(vm.ref)?.otherConfig).toEqual({ ...MONITORED, [KEY.ps]: '<docker_ps/>' })
  })

  test('while nothing changes, nothing is asked but the one long poll', async () => {
    await listed()
    sim.pool.stats.reset()
    await new Promise((resolve) => setTimeout(resolve, 800))
    expect(sim.pool.stats.totalCalls).toBe(0)
    expect(sim.pool.blocked).toBe(1)
  })
})

describe('after a break all is listed anew', () => {
  test.each<[string, () => Promise<void> | void]>([
    ['the session is forgotten', () => sim.pool.dropSessions()],
    ['the connection is lost', () => sim.coordinator.faults.dropConnections()],
    ['XAPI restarts', () => sim.pool.restart(50)],
    [
      'XAPI is away for a while',
      async () => {
        await sim.coordinator.faults.refuse()
        await until(() => state.recording.at('warn').length >= 2)
        await sim.coordinator.faults.clear()
      },
    ],
    [
      'XAPI answers HTTP 500 for a while',
      async () => {
        sim.coordinator.faults.http500()
        sim.coordinator.faults.dropConnections()
        await until(() => state.recording.at('warn').length >= 2)
        await sim.coordinator.faults.clear()
      },
    ],
  ])('%s', async (_, breakIt) => {
    const gone = sim.pool.createVm({ name: 'gone' })
    const kept = sim.pool.createVm({ name: 'kept', otherConfig: MONITORED })
    await listed()
    const broken = breakIt()
    sim.pool.destroyVm(gone)
    sim.pool.setOtherConfigKey(kept, KEY.monitor, 'False')
    await broken
    await until(() => lists() >= 2)
    await until(() => watch.get(kept.ref)?.otherConfig[KEY.monitor] === 'False')
    expect(watch.get(gone.ref)).toBeUndefined()
    expect(touched).toEqual(expect.arrayContaining([gone.ref, kept.ref]))
    expect(state.recording.at('warn')).toContain('lost sight of XAPI, will list all VMs again')
    expect(state.recording.text).not.toContain('OpaqueRef:')
  })

  test('a crash brings an older database back: what it has is what counts', async () => {
    const vm = sim.pool.createVm({ name: 'crash', otherConfig: MONITORED })
    sim.pool.flush()
    await listed()
    sim.pool.setOtherConfigKey(vm, KEY.ps, '<docker_ps/>')
    await until(() => watch.get(vm.ref)?.otherConfig[KEY.ps] !== undefined)
    await sim.pool.crashRestart(50)
    await until(() => lists() >= 2)
    expect(watch.get(vm.ref)?.otherConfig).toEqual(MONITORED)
  })

  test('another coordinator', async () => {
    await listed()
    await sim.pool.changeCoordinator(sim.member, 50)
    await until(() => watch.pool()?.coordinator === sim.member.ref)
    await sim.pool.changeCoordinator(sim.coordinator, 50)
    await until(() => watch.pool()?.coordinator === sim.pool.hosts[0]!.ref)
  })

  test('deletions that XAPI has forgotten are found by the count', async () => {
    const survivor = sim.pool.createVm({ name: 'survivor' })
    await listed()
    const many = Array.from({ length: 530 }, (_, i) =>
      sim.pool.createVm({ name: `many ${i}`, guestTools: false, vifs: [] }),
    )
    await until(() => [...watch.all()].length === sim.pool.db.table('VM').rows.size)
    await until(() => sim.pool.blocked === 1)
    for (const vm of many) sim.pool.destroyVm(vm)
    sim.pool.setOtherConfigKey(survivor, 'tick', '1')
    await until(() => sim.pool.blocked === 1 && touched.includes(survivor.ref))
    sim.pool.setOtherConfigKey(survivor, 'tick', '2')
    await until(() => [...watch.all()].length === sim.pool.db.table('VM').rows.size)
    expect([...watch.all()].every(({ name }) => !name.startsWith('many'))).toBe(true)
  })
})

/** A poll whose answers are written by hand. */
function scripted(answers: readonly unknown[]) {
  const clock = new FakeClock()
  const recording = new RecordingLog()
  const tokens: string[] = []
  const left = [...answers]
  const session = {
    poll: async (_method: string, params: readonly unknown[], _ms: number, signal: AbortSignal) => {
      tokens.push(String(params[1]))
      const answer = left.shift()
      if (answer instanceof Error) throw answer
      if (answer !== undefined) return answer
      return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
    },
  }
  const deps = { session, clock, random: () => 1, log: recording.log }
  const scriptedWatch = new XapiVmWatch(
    deps,
    () => undefined,
    () => undefined,
  )
  running = scriptedWatch.run(() => undefined, stop.signal)
  return { watch: scriptedWatch, clock, tokens, recording }
}

const vmEvent = (n: number, operation = 'add') => ({
  class: 'vm',
  operation,
  ref: `OpaqueRef:${n}`,
  snapshot: { uuid: `u${n}` },
})
const answer = (token: string, vm: unknown, ...events: object[]) => ({ token, events, valid_ref_counts: { vm } })

describe('answers by hand', () => {
  test('a count that is wrong twice running asks for everything; once does not', async () => {
    const { clock, tokens } = scripted([
      answer('t1', 2, vmEvent(1), vmEvent(2)),
      answer('t2', 1),
      answer('t3', 2),
      answer('t4', 1),
      answer('t5', 1),
      answer('t6', 1, vmEvent(1)),
    ])
    await clock.advance(5000)
    expect(tokens).toEqual(['', 't1', 't2', 't3', 't4', '', 't6'])
  })

  test('a record that we cannot read does not make us list everything again and again', async () => {
    const strange = { ...vmEvent(2), snapshot: 'nonsense' }
    const {
      clock,
      tokens,
      watch: strangeWatch,
    } = scripted([
      answer('t0', 2, vmEvent(1), strange),
      ...Array.from({ length: 12 }, (_, i) => answer(`t${i + 1}`, 2, vmEvent(1, 'mod'))),
    ])
    await clock.advance(10_000)
    expect(tokens.filter((token) => token === '')).toHaveLength(1)
    expect([...strangeWatch.all()].map(({ uuid }) => uuid)).toEqual(['u1'])
  })

  test('a VM made while the list was being gathered is not a miscount for ever', async () => {
    const { clock, tokens } = scripted([
      answer('t0', 2, vmEvent(1)),
      answer('t1', 2, vmEvent(2)),
      answer('t2', 2),
      answer('t3', 2, vmEvent(1), vmEvent(2)),
      answer('t4', 2),
      answer('t5', 2),
      answer('t6', 2),
    ])
    await clock.advance(10_000)
    expect(tokens.filter((token) => token === '').length).toBeLessThanOrEqual(2)
    expect(tokens.slice(-3)).not.toContain('')
  })

  test('an answer that is none is retried with growing pauses, and never ends the watch', async () => {
    const { clock, tokens, recording } = scripted(Array.from({ length: 5 }, () => 'nonsense'))
    await clock.advance(500 + 1000 + 2000 + 4000 + 8000)
    expect(tokens).toHaveLength(6)
    expect(recording.lines.map((line) => line['retry_ms'])).toEqual([500, 1000, 2000, 4000, 8000])
  })

  test('a good answer earns a fresh start of the pauses', async () => {
    const away = () => new Error('away')
    const { clock, recording } = scripted([away(), away(), away(), answer('t', 0), away()])
    await clock.advance(30_000)
    expect(recording.lines.map((line) => line['retry_ms'])).toEqual([500, 1000, 2000, 500])
  })

  test('a mod of a VM that is not known is taken for an add, a del of one for nothing', async () => {
    const { watch: handmade } = scripted([answer('t', 1, vmEvent(1, 'mod'), vmEvent(9, 'del'))])
    await settle()
    expect([...handmade.all()].map(({ uuid }) => uuid)).toEqual(['u1'])
  })

  test('stopping ends the poll and the pauses at once', async () => {
    const { clock } = scripted([new Error('away')])
    await settle()
    stop.abort(new Error('stopping'))
    await running
    expect(clock.pending).toBe(0)
  })
})
