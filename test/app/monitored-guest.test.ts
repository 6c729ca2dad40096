import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MonitoredGuest } from '../../src/app/monitored-guest.ts'
import { StoppedError, TransientError } from '../../src/base/errors.ts'
import { KEY } from '../../src/model/fields.ts'
import type { GuestLink } from '../../src/model/guest.ts'
import { LargeReplies } from '../../src/engine/large-replies.ts'
import { ConnectGate } from '../../src/monitor/connect-gate.ts'
import { ps } from '../../src/observations/ps.ts'
import { InMemoryEngine } from '../engine/in-memory-engine.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { Late, stateOf } from '../fakes/late.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { FakeLink, TARGET } from '../monitor/fixtures.ts'

const { signal } = new AbortController()

let clock: FakeClock
let stop: AbortController
let guest: MonitoredGuest
let running: Promise<void>
/** What is published now, all taken together. */
let published: Record<string, string | undefined>
let transport: () => GuestLink | Error | Promise<GuestLink>
let links: EngineLink[]
let containers: readonly Readonly<Record<string, unknown>>[]
let events: ServerResponse[]

/** A link to an engine in memory. */
class EngineLink extends FakeLink {
  readonly #engine = InMemoryEngine.docker((request, response) => {
    if (request.url?.includes('/events') === true) {
      response.flushHeaders()
      events.push(response)
    } else response.end(JSON.stringify(containers))
  })

  override openStream(): Promise<never> {
    return this.#engine.openStream(signal) as Promise<never>
  }
}

function connected(): GuestLink {
  const link = new EngineLink()
  links.push(link)
  return link
}

beforeEach(() => {
  clock = new FakeClock()
  stop = new AbortController()
  published = {}
  links = []
  events = []
  containers = [{ Id: 'a1b2', Names: ['/web'], Status: 'Up 2 hours', State: 'running' }]
  transport = connected
})

afterEach(async () => {
  stop.abort()
  await running
})

function start(): void {
  const { log } = new RecordingLog()
  const all = published
  const publish = (fields: Readonly<Record<string, string | undefined>>) => void Object.assign(all, fields)
  const common = { clock, random: () => 1, log, publish }
  guest = new MonitoredGuest(
    {
      ...common,
      gate: new ConnectGate(clock, 8),
      large: new LargeReplies(clock),
      transport: {
        name: 'fake',
        connect: async () => {
          const result = await transport()
          if (result instanceof Error) throw result
          return result
        },
      },
      notify: () => undefined,
      graceMs: 120_000,
    },
    {
      ...common,
      observations: [ps],
      onSampling: () => undefined,
      resyncMs: () => 300_000,
      inTurn: (_, look) => look(),
      silenceMs: () => 60_000,
      valueBudgetBytes: 10_000,
    },
    { target: TARGET, problem: undefined },
  )
  running = guest.run(stop.signal)
}

const away = () => new TransientError({ kind: 'unreachable', cause: 'No answer', cure: 'Look at it' })
/** In-memory HTTP takes some turns of the event loop. */
const settled = async () => {
  for (let turn = 0; turn < 5; turn++) await settle()
}

describe('whoever wants its engine', () => {
  test('has it at once while it is connected', async () => {
    start()
    await settled()
    const { engine, facts } = await guest.hold(signal)
    expect(engine.apiVersion).toBe('1.41')
    expect(facts.address).toBe('10.0.0.7')
    expect(guest.held?.engine).toBe(engine)
    expect(guest.lastList?.value).toMatchObject({ entries: [{ names: 'web' }] })
  })

  test('waits while it is being connected', async () => {
    const dial = new Late<GuestLink>()
    transport = () => dial.promise
    start()
    const holding = guest.hold(signal)
    const state = stateOf(holding)
    await clock.advance(5000)
    expect(state.state).toBe('pending')
    dial.resolve(connected())
    await settled()
    expect((await holding).engine.product).toBe('docker')
  })

  test('but not for ever', async () => {
    transport = () => new Promise(() => undefined)
    start()
    const state = stateOf(guest.hold(signal))
    await clock.advance(9999)
    expect(state.state).toBe('pending')
    const other = guest.hold(signal)
    other.catch(() => undefined)
    await clock.advance(1)
    expect(state.state).toBe('rejected')
    await clock.advance(10_000)
    await expect(other).rejects.toMatchObject({ diagnosis: { kind: 'connecting' } })
  })

  test('is told why it cannot be had, while waiting and afterwards', async () => {
    const dial = new Late<GuestLink>()
    transport = () => dial.promise
    start()
    const holding = guest.hold(signal)
    holding.catch(() => undefined)
    await settled()
    dial.reject(away())
    await settled()
    await expect(holding).rejects.toMatchObject({ diagnosis: { kind: 'unreachable' } })
    await expect(guest.hold(signal)).rejects.toMatchObject({ diagnosis: { kind: 'unreachable' } })
    transport = connected
    await clock.advance(20_000)
    await settled()
    expect((await guest.hold(signal)).engine.product).toBe('docker')
  })

  test('gives up by its signal, and when the guest is not monitored any more', async () => {
    transport = () => new Promise(() => undefined)
    start()
    const mine = new AbortController()
    const given = guest.hold(mine.signal)
    const waiting = guest.hold(signal)
    waiting.catch(() => undefined)
    mine.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    stop.abort()
    await running
    await expect(waiting).rejects.toBeInstanceOf(StoppedError)
  })
})

test('a lost connection is not held any longer, and its last list is known until the guest is given up', async () => {
  start()
  await settled()
  transport = away
  links[0]!.breakOff(away())
  await settled()
  expect(guest.held).toBeUndefined()
  expect(guest.lastList?.value).toMatchObject({ entries: [{ names: 'web' }] })
  await clock.advance(121_000)
  expect(guest.state.givenUp).toBe(true)
  expect(guest.lastList).toBeUndefined()
})

test('what a guest shows that was given up is published only when it is monitored again', async () => {
  start()
  await settled()
  // It comes and goes: from the third time on it has to prove itself.
  for (let i = 0; i < 3; i++) {
    links.at(-1)!.breakOff(away())
    const before = links.length
    while (links.length === before) await clock.advance(1000)
    await settled()
  }
  expect(published[KEY.ps]).toContain('web')
  transport = away
  links.at(-1)!.breakOff(away())
  await clock.advance(121_000)
  expect(guest.state.givenUp).toBe(true)
  expect(published[KEY.ps]).toBeUndefined()

  transport = connected
  const before = links.length
  while (links.length === before) await clock.advance(1000)
  await settled()
  await clock.advance(10_000)
  expect(guest.lastList?.value).toMatchObject({ entries: [{ names: 'web' }] })
  expect(published[KEY.ps]).toBeUndefined()
  await clock.advance(3_000)
  expect(guest.state.at).toBe('monitored')
  expect(published[KEY.ps]).toContain('web')
})
