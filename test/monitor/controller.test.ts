import { beforeEach, describe, expect, test } from 'vitest'
import { KEY, LIVE_KEYS, type Fields } from '../../src/model/fields.ts'
import type { VmRecord } from '../../src/model/vm.ts'
import { Controller } from '../../src/monitor/controller.ts'
import type { Aim } from '../../src/monitor/guest-session.ts'
import type { SessionState } from '../../src/monitor/session-machine.ts'
import { settle } from '../fakes/fake-clock.ts'
import { Late, stateOf } from '../fakes/late.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { HERE, RULES, THERE, vm } from './fixtures.ts'

const REF = 'OpaqueRef:vm'
const ALL_OURS = [...LIVE_KEYS, KEY.status, KEY.updated]

/** A session that ends when its signal says so, or later if the test wants. */
class FakeSession {
  readonly first: Aim
  readonly aims: Aim[] = []
  readonly reconnects = 0
  state: SessionState = { at: 'monitored', sinceMs: 0, diagnosis: undefined, givenUp: false }
  stopped = false
  /** Set: the session takes until then to end. */
  lingers: Promise<void> | undefined

  constructor(first: Aim) {
    this.first = first
  }

  retarget(aim: Aim): void {
    this.aims.push(aim)
  }

  async run(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    await this.lingers
    this.stopped = true
  }
}

let records: Map<string, VmRecord>
let sessions: FakeSession[]
/** What the publisher and the notices were told, in order. */
let told: string[]
let wanted: Record<string, string | undefined>
let amCoordinator: boolean
let messageMayBeThere: boolean
let controller: Controller
let recording: RecordingLog

beforeEach(() => {
  records = new Map()
  sessions = []
  told = []
  wanted = {}
  amCoordinator = false
  messageMayBeThere = false
  recording = new RecordingLog()
  controller = new Controller({
    log: recording.log,
    get: (ref) => records.get(ref),
    place: () => ({ myHost: HERE, amCoordinator }),
    poolNetwork: () => ({
      hostAddresses: RULES.hostAddresses,
      hostInternalDevices: new Map([[REF, new Set(['1'])]]),
    }),
    preferHostInternal: () => false,
    allowLoopback: false,
    newSession: (_, aim) => {
      const session = new FakeSession(aim)
      sessions.push(session)
      return session
    },
    publisher: {
      want: (ref, fields) => {
        told.push(
          `want ${ref === REF ? '' : `${ref} `}${Object.values(fields).every((v) => v === undefined) ? 'nothing' : 'something'}`,
        )
        Object.assign(wanted, fields)
      },
      recheck: () => told.push('recheck'),
      leave: () => undefined,
      forget: () => told.push('forget'),
    },
    notices: {
      mayExist: () => told.push('message may exist'),
      mayBeThere: () => messageMayBeThere,
      want: (_, body) => told.push(body === undefined ? 'no message' : 'message'),
      forget: () => told.push('forget message'),
    },
  })
})

/** The VM's record is this now, and the controller hears of it. */
async function becomes(record: VmRecord | undefined): Promise<void> {
  told.length = 0
  if (record === undefined) records.delete(REF)
  else records.set(record.ref, record)
  controller.enqueue(record?.ref ?? REF)
  await settle()
}

const halted = (otherConfig: Fields = {}) => vm({ powerState: 'Halted', residentOn: undefined }, otherConfig)
const LEFT: Fields = { [KEY.ps]: '<docker_ps/>', [KEY.status]: 'monitored since x', [KEY.updated]: 'x' }

describe('a VM to be monitored', () => {
  test('gets one session, however often it changes', async () => {
    for (let i = 0; i < 5; i++) await becomes(vm({ name: `${i}` }))
    expect([sessions.length, controller.sessions]).toEqual([1, 1])
    expect(told).toEqual(['recheck'])
  })

  test('its session gets each new aim', async () => {
    await becomes(vm())
    await becomes(vm({ networks: { '0/ip': '10.0.0.8', '1/ip': '169.254.0.5' } }))
    await becomes(vm({ networks: {} }))
    expect(sessions[0]!.first.target.addresses).toEqual(['10.0.0.7'])
    expect(sessions[0]!.aims.map(({ target }) => target.addresses)).toEqual([['10.0.0.8', '169.254.0.5'], []])
    expect(sessions[0]!.aims[1]!.problem?.kind).toBe('no-address')
  })

  test.each(['failed since then: why. cure', 'connecting since then'])(
    'that an earlier run left as "%s" may have a message',
    async (status) => {
      await becomes(vm({}, { [KEY.status]: status }))
      expect(told).toContain('message may exist')
    },
  )

  test('that an earlier run left as monitored has none', async () => {
    await becomes(vm({}, { [KEY.status]: 'monitored since then' }))
    expect(told).not.toContain('message may exist')
  })
})

describe('monitoring ends', () => {
  beforeEach(() => becomes(vm()))

  test.each<[string, VmRecord]>([
    ['halted', halted(LEFT)],
    ['suspended', vm({ powerState: 'Suspended', residentOn: undefined }, LEFT)],
    ['paused', vm({ powerState: 'Paused' }, LEFT)],
    ['deregistered', vm({}, { ...LEFT, [KEY.monitor]: 'False' })],
    ['halted before anything was published', halted()],
  ])('%s: the session ends, then all that is ours goes, and the message', async (_, record) => {
    await becomes(record)
    expect([sessions[0]!.stopped, controller.sessions]).toEqual([true, 0])
    expect(told).toEqual(['no message', 'want nothing'])
    expect(Object.keys(wanted).sort()).toEqual([...ALL_OURS].sort())
  })

  test('moved to another host: let go of, with nothing wiped and the message left to the new host', async () => {
    await becomes(vm({ residentOn: THERE }, LEFT))
    expect([sessions[0]!.stopped, controller.sessions]).toEqual([true, 0])
    expect(told).toEqual(['forget', 'forget message'])
    expect(wanted).toEqual({})
  })

  test('destroyed: let go of, and no message about it is left', async () => {
    await becomes(undefined)
    expect([sessions[0]!.stopped, controller.sessions]).toEqual([true, 0])
    expect(told).toEqual(['forget', 'no message'])
  })

  test('and begins again with a new session', async () => {
    await becomes(halted())
    await becomes(vm())
    expect([sessions.length, controller.sessions]).toEqual([2, 1])
  })

  test('and begins only after the old session has ended', async () => {
    const slow = new Late<void>()
    sessions[0]!.lingers = slow.promise
    await becomes(halted())
    await becomes(vm())
    expect(sessions).toHaveLength(1)
    slow.resolve()
    await settle()
    expect([sessions[0]!.stopped, sessions.length, controller.sessions]).toEqual([true, 2, 1])
  })

  test('a slow end of one VM holds up no other', async () => {
    sessions[0]!.lingers = new Promise(() => undefined)
    await becomes(halted())
    await becomes(vm({ ref: 'OpaqueRef:other', uuid: 'uuid-other' }))
    expect(sessions).toHaveLength(2)
  })
})

describe('a VM that nobody monitors', () => {
  test.each<[string, boolean, VmRecord, string[]]>([
    ['here, clean', false, vm({}, { [KEY.monitor]: 'False' }), ['forget']],
    ['here, with stale keys', false, vm({}, { [KEY.monitor]: 'False', ...LEFT }), ['no message', 'want nothing']],
    ['halted clone with stale keys, as a member', false, halted(LEFT), ['forget', 'forget message']],
    ['halted clone with stale keys, as the coordinator', true, halted(LEFT), ['no message', 'want nothing']],
    ['halted and clean, as the coordinator', true, halted(), ['forget']],
    ['elsewhere with keys, as the coordinator', true, vm({ residentOn: THERE }, LEFT), ['forget', 'forget message']],
    [
      'a snapshot with keys, as the coordinator',
      true,
      { ...halted(LEFT), isSnapshot: true },
      ['forget', 'forget message'],
    ],
    [
      'a template with keys, as the coordinator',
      true,
      { ...halted(LEFT), isTemplate: true },
      ['forget', 'forget message'],
    ],
    [
      'halted with an old failure, as the coordinator',
      true,
      halted({ [KEY.status]: 'failed since x: y. z' }),
      ['message may exist', 'no message', 'want nothing'],
    ],
  ])('%s', async (_, coordinator, record, words) => {
    amCoordinator = coordinator
    await becomes(record)
    expect(told).toEqual(words)
    expect(sessions).toEqual([])
  })

  test('and that is gone is nobody’s business', async () => {
    await becomes(undefined)
    expect(told).toEqual([])
  })
})

describe('stopping', () => {
  test('ends all sessions and wants all that is ours gone', async () => {
    await becomes(vm())
    await controller.stop()
    expect([sessions[0]!.stopped, told]).toEqual([true, ['recheck', 'want nothing']])
    expect(Object.keys(wanted).sort()).toEqual([...ALL_OURS].sort())
  })

  test('a failed guest keeps its status line: it still holds, as its message does', async () => {
    await becomes(vm())
    const diagnosis = { kind: 'x', cause: 'c', cure: 'd' }
    sessions[0]!.state = { at: 'failed', sinceMs: 0, diagnosis, givenUp: true }
    await controller.stop()
    expect(Object.keys(wanted).sort()).toEqual([...LIVE_KEYS, KEY.updated].sort())
    expect(told).not.toContain('no message')
  })

  test.each<[SessionState['at'], boolean, boolean]>([
    ['connecting', true, true],
    ['connecting', false, false],
    ['monitored', true, false],
  ])(
    'a guest that is %s, with a message that may be there (%s): its status line stays (%s)',
    async (at, may, stays) => {
      await becomes(vm())
      messageMayBeThere = may
      sessions[0]!.state = { at, sinceMs: 0, diagnosis: undefined, givenUp: false }
      await controller.stop()
      expect(KEY.status in wanted).toBe(!stays)
    },
  )

  test('waits for sessions that take their time', async () => {
    await becomes(vm())
    const slow = new Late<void>()
    sessions[0]!.lingers = slow.promise
    const stopping = stateOf(controller.stop())
    await settle()
    expect(stopping.state).toBe('pending')
    slow.resolve()
    await settle()
    expect(stopping.state).toBe('fulfilled')
  })

  test('nothing begins after it', async () => {
    await controller.stop()
    await becomes(vm())
    expect(sessions).toEqual([])
  })
})

test('a session that ends by itself is a defect, and says so', async () => {
  await becomes(vm())
  const broken = new FakeSession(sessions[0]!.first)
  broken.run = () => Promise.reject(new Error('broken'))
  const other = new Controller({
    log: recording.log,
    get: () => vm(),
    place: () => ({ myHost: HERE, amCoordinator: false }),
    poolNetwork: () => ({ hostAddresses: new Set(), hostInternalDevices: new Map() }),
    preferHostInternal: () => false,
    allowLoopback: false,
    newSession: () => broken,
    publisher: { want: () => undefined, leave: () => undefined, recheck: () => undefined, forget: () => undefined },
    notices: { mayExist: () => undefined, mayBeThere: () => false, want: () => undefined, forget: () => undefined },
  })
  other.enqueue(REF)
  await settle()
  expect(recording.at('error')).toEqual(['defect: a session ended'])
})
