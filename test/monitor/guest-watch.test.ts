import { getEventListeners } from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import type { EngineEvent } from '../../src/engine/event-stream.ts'
import { GuestWatch } from '../../src/monitor/guest-watch.ts'
import type { Sampler } from '../../src/monitor/sampling-turns.ts'
import type { ObserveContext, Observation } from '../../src/observations/observation.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { Late, stateOf } from '../fakes/late.ts'
import { RecordingLog } from '../fakes/recording-log.ts'

const RESYNC_MS = 300_000

/** What the list says: names by id. */
type List = Record<string, string>

let clock: FakeClock
let recording: RecordingLog
let stop: AbortController
/** What is asked of the engine, with the time. */
let asked: [number, string][]
let published: Record<string, string | undefined>[]
let list: List
/** What an observation comes to besides its value: an error, or a wait. */
let faults: Record<string, () => Promise<void>>
let contexts: ObserveContext<unknown>[]
/** With each look at the list: whose events it follows; undefined where all of it is wanted. */
let told: (readonly string[] | undefined)[]
let emit: (event: EngineEvent) => void
let endEvents: (error: Error) => void
let subscribe: () => void
/** The watch's own signal, which lives as long as the connection. */
let mine: AbortSignal
let sampler: Sampler | undefined
/** Whether a guest's first turn to sample is at once. */
let turnAtOnce: boolean
let ready: number
let running: Promise<never>
let watch: GuestWatch
let begun: number

const START: EngineEvent = { type: 'container', action: 'start', id: 'a' }

/** An engine that has events only: the observations below ask the test. */
const engine = {
  events: (onEvent: (event: EngineEvent) => void, onSubscribed: () => void, signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      emit = onEvent
      subscribe = onSubscribed
      endEvents = reject
      mine = signal
      signal.addEventListener('abort', () => reject(new Error('aborted')))
    }),
  ping: (signal: AbortSignal) => ask('ping', signal),
} as unknown as Engine

async function ask(what: string, signal: AbortSignal): Promise<void> {
  asked.push([clock.monotonic() - begun, what])
  const aborted = new Late<never>()
  const onAbort = () => aborted.reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([faults[what]?.(), aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const listing: Observation<List> = {
  key: 'ps',
  cadence: 'resync',
  minGapMs: 0,
  dueAfter: ({ type }) => type === 'container' || type === 'both',
  observe: async (_, context, signal) => {
    told.push(context.told?.map(({ id }) => id))
    await ask('ps', signal)
    return { ...list }
  },
  runningIn: (value) => new Map(Object.entries(value)),
  shows: (value, { action, id }) => {
    if (action === 'destroy') return !(id in value)
    return action === 'create' ? id in value : undefined
  },
  encode: (value) => Object.values(value).join(),
}
const info: Observation<string> = {
  key: 'info',
  cadence: 'resync',
  minGapMs: 5000,
  dueAfter: ({ type }) => type === 'image' || type === 'both',
  observe: async (_, __, signal) => {
    await ask('info', signal)
    return 'info'
  },
  encode: (value) => value,
}
const top: Observation<string[]> = {
  key: 'top',
  cadence: 'sampling',
  minGapMs: 0,
  dueAfter: () => false,
  observe: async (_, context, signal) => {
    contexts.push(context)
    await ask('top', signal)
    return [...context.running]
  },
  prune: (value, ids) => value.filter((id) => ids.has(id)),
  encode: (value) => value.join(),
}

beforeEach(() => {
  clock = new FakeClock()
  recording = new RecordingLog()
  stop = new AbortController()
  asked = []
  published = []
  contexts = []
  told = []
  faults = {}
  list = { a: 'web' }
  ready = 0
  sampler = undefined
  turnAtOnce = true
  begun = clock.monotonic()
})

/** Starts the watch; `subscribed` says whether the engine's events flow already. */
async function start(subscribed = true): Promise<void> {
  const observations = [listing, info, top] as Observation<unknown>[]
  watch = new GuestWatch(
    {
      clock,
      random: () => 1,
      log: recording.log,
      observations,
      publish: (fields) => published.push({ ...fields }),
      onSampling: (one) => {
        sampler = one
        if (turnAtOnce) one.sample()
      },
      inTurn: (_, look) => look(),
      resyncMs: () => RESYNC_MS,
      silenceMs: () => 60_000,
      valueBudgetBytes: 1000,
    },
    engine,
  )
  running = watch.run(() => ready++, stop.signal)
  running.catch(() => undefined)
  await settle()
  if (!subscribed) return
  subscribe()
  await settle()
}

const asks = (what: string) => asked.filter(([, name]) => name === what).map(([at]) => at)
/** What is published now, all writes taken together. */
const now = () => Object.assign({}, ...published) as Record<string, string | undefined>

describe('one event that makes two things due', () => {
  const BOTH: EngineEvent = { type: 'both', action: 'start', id: 'a' }

  test('the list is published soon, and the rest when it has been looked at', async () => {
    await start()
    await clock.advance(10_000)
    published = []
    asked = []
    emit(BOTH)
    await clock.advance(20)
    expect(published).toEqual([{ ps: 'web', top: 'a' }])
    await clock.advance(970)
    expect(asks('info')).toEqual([])
    await clock.advance(10)
    expect(asks('info')).toEqual([11_000])
    expect(now()).toHaveProperty('info')
    await clock.advance(20_000)
    expect(asks('info')).toEqual([11_000])
  })
})

describe('an event', () => {
  const GONE: EngineEvent = { type: 'container', action: 'destroy', id: 'a' }
  beforeEach(async () => {
    await start()
    await clock.advance(10_000)
    asked = []
  })

  test('that the list shows soon is looked at once', async () => {
    list = {}
    emit(GONE)
    await clock.advance(10_000)
    expect(asks('ps')).toEqual([10_020])
    await clock.advance(20_000)
    expect(asks('ps')).toEqual([10_020, 25_020])
  })

  test('that the list does not show yet is looked at until it does', async () => {
    emit(GONE)
    await clock.advance(100)
    list = {}
    await clock.advance(10_000)
    expect(asks('ps')).toEqual([10_020, 10_150])
  })

  test('that the list does not show for a long time is looked at until it does, ever more rarely', async () => {
    emit(GONE)
    await clock.advance(15_000)
    list = {}
    await clock.advance(100_000)
    expect(asks('ps')).toEqual([10_020, 10_150, 13_000, 16_000, 22_000, 34_000])
    expect(now()['ps']).toBe('')
  })

  test('that the list never shows is given up', async () => {
    emit(GONE)
    await clock.advance(200_000)
    expect(asks('ps')).toEqual([10_020, 10_150, 13_000, 16_000, 22_000, 34_000, 58_000])
    asked = []
    list = {}
    emit({ ...GONE, id: 'b' })
    await clock.advance(1000)
    expect(asks('ps')).toEqual([])
  })

  test('is told to the first two looks after it, and no other: what else may have changed is looked at then', async () => {
    told = []
    emit(START)
    emit({ ...START, id: 'b' })
    await clock.advance(10_000)
    expect(told).toEqual([['a', 'b'], ['a', 'b'], undefined])
  })

  test('that tells what the list shows already is looked at some seconds later, and all with it', async () => {
    told = []
    emit({ ...GONE, action: 'create' })
    await clock.advance(4000)
    expect(told).toEqual([])
    await clock.advance(12_000)
    expect(told).toEqual([undefined])
  })

  test('of more containers than are kept in mind has all of the list looked at', async () => {
    told = []
    for (let i = 0; i < 100; i++) emit({ ...START, id: `x${i}` })
    await clock.advance(20)
    expect(told).toEqual([undefined])
  })

  test('that comes when somebody waits for the list has all of it looked at', async () => {
    told = []
    emit(START)
    await clock.advance(10)
    void watch.refresh()
    await clock.advance(100)
    expect(told[0]).toBeUndefined()
  })

  test('that undoes one that the list does not show yet is looked at three times: the list may be from before both', async () => {
    emit(GONE)
    emit({ ...GONE, action: 'create' })
    await clock.advance(2000)
    list = { a: 'another' }
    await clock.advance(60_000)
    expect(asks('ps')).toEqual([10_020, 10_150, 13_000])
    expect(now()['ps']).toBe('another')
  })

  test('of which it is not known how the list shows it is looked at three times', async () => {
    emit({ ...GONE, action: 'rename' })
    await clock.advance(20_000)
    expect(asks('ps')).toEqual([10_020, 10_150, 13_000])
  })

  test('of which it is not known how the list shows it is not forgotten over a later one of the same container', async () => {
    const late = new Late<undefined>()
    faults['ps'] = () => late.promise
    emit(START)
    await clock.advance(50)
    faults = {}
    emit({ ...GONE, action: 'rename' })
    list = {}
    emit(GONE)
    late.resolve(undefined)
    await clock.advance(20_000)
    // Both were told at 10,050: the list shows the one, and what it shows of the other is not known.
    expect(asks('ps').filter((at) => at >= 13_050)).toHaveLength(1)
  })

  test('that comes while the list is being asked for is looked at again, whatever the list shows', async () => {
    const late = new Late<undefined>()
    faults['ps'] = () => late.promise
    emit(START)
    await clock.advance(50)
    faults = {}
    list = {}
    emit(GONE)
    late.resolve(undefined)
    await clock.advance(10_000)
    expect(asks('ps').length).toBeGreaterThanOrEqual(2)
    expect(now()['ps']).toBe('')
  })

  test('of very many at once: none is forgotten', async () => {
    for (let i = 0; i < 100; i++) emit({ ...GONE, action: 'create', id: `x${i}` })
    await clock.advance(120)
    list = Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`x${i}`, 'new']))
    await clock.advance(1000)
    list['x99'] = 'last'
    await clock.advance(10_000)
    expect(now()['ps']).toContain('last')
  })
})

describe('the beginning', () => {
  test('subscribes first, and looks only then: what happens in between is told by an event', async () => {
    await start(false)
    expect(asked).toEqual([])
    subscribe()
    await settle()
    expect(asked.map(([, what]) => what)).toEqual(['ps', 'info', 'top'])
  })

  test('publishes the first documents together, and is ready with them', async () => {
    await start()
    expect(published).toEqual([{ ps: 'web', info: 'info', top: 'a' }])
    expect(ready).toBe(1)
  })

  test('a slow part does not hold up the list for more than half a second', async () => {
    faults['info'] = () => new Promise(() => undefined)
    await start()
    await clock.advance(499)
    expect([ready, published]).toEqual([0, []])
    await clock.advance(1)
    expect([ready, published]).toEqual([1, [{ ps: 'web' }]])
  })

  test('a part that fails is left out, with a warning; the others are there', async () => {
    faults['info'] = () => Promise.reject(new Error('HTTP 500'))
    await start()
    expect(published).toEqual([{ ps: 'web', top: 'a' }])
    expect(recording.at('warn')).toEqual(['could not look at this part of the guest'])
  })

  test('a list that fails ends it, unready', async () => {
    faults['ps'] = () => Promise.reject(new Error('HTTP 500'))
    await start()
    await expect(running).rejects.toThrow('HTTP 500')
    expect([ready, published, clock.pending]).toEqual([0, [], 0])
  })

  test('an engine whose events cannot be had ends it', async () => {
    await start(false)
    endEvents(new Error('no events'))
    await expect(running).rejects.toThrow('no events')
    expect(asked).toEqual([])
  })
})

describe('events', () => {
  beforeEach(async () => {
    await start()
    await clock.advance(10_000)
    asked.length = 0
    published.length = 0
  })

  test('one is looked at soon, and again when all has settled', async () => {
    list = { a: 'web', b: 'db' }
    emit(START)
    await clock.advance(20)
    expect(now()['ps']).toBe('web,db')
    await clock.advance(1000)
    expect(asks('ps')).toEqual([10_020, 10_150])
  })

  test('one that came too early is made good by the second look', async () => {
    emit(START)
    await clock.advance(30)
    list = { a: 'web', b: 'late' }
    await clock.advance(120)
    expect(now()['ps']).toBe('web,late')
  })

  test('a storm is looked at once a second, and its end is seen', async () => {
    for (let i = 0; i < 3000; i++) {
      list = { a: `web ${i}` }
      emit(START)
      await clock.advance(10)
    }
    await clock.advance(2000)
    expect(now()['ps']).toBe('web 2999')
    expect(asks('ps').length).toBeLessThanOrEqual(37)
  })

  test('each makes due only what it may have changed', async () => {
    emit({ type: 'image', action: 'pull', id: 'i' })
    await clock.advance(20_000)
    expect(asks('ps')).toEqual([])
    expect(asks('info').length).toBeGreaterThanOrEqual(1)
  })

  test('those that come during a look bring another look', async () => {
    const slow = new Late<void>()
    faults['ps'] = () => slow.promise
    emit(START)
    await clock.advance(20)
    emit(START)
    list = { c: 'new' }
    delete faults['ps']
    slow.resolve()
    await clock.advance(1000)
    expect(now()['ps']).toBe('new')
  })

  test('processes of a container that has ended are taken out with it', async () => {
    expect(now()).toEqual({})
    list = {}
    emit({ ...START, action: 'die' })
    await clock.advance(20)
    expect(published).toEqual([{ ps: '', top: '' }])
  })

  test('the end of the stream ends it', async () => {
    endEvents(new Error('the events ended'))
    await expect(running).rejects.toThrow('the events ended')
    expect(clock.pending).toBe(0)
  })
})

describe('looks that nobody asked for', () => {
  test('the list is looked at anew after the resync time, even if no event came', async () => {
    await start()
    list = { a: 'renamed' }
    await clock.advance(RESYNC_MS - 1)
    expect(asks('ps')).toHaveLength(1)
    await clock.advance(1)
    expect(now()['ps']).toBe('renamed')
    await clock.advance(3 * RESYNC_MS)
    expect(asks('ps').length).toBeGreaterThanOrEqual(4)
    expect(asks('ps').length).toBeLessThanOrEqual(6)
  })

  test('events put the resync off for nobody: what no event tells is seen in time', async () => {
    await start()
    for (let i = 0; i < 40; i++) {
      await clock.advance(RESYNC_MS / 10)
      emit(START)
    }
    const times = asks('info')
    for (const [i, at] of times.slice(1).entries()) expect(at - times[i]!).toBeLessThanOrEqual(RESYNC_MS * 1.1)
    expect(times.length).toBeGreaterThanOrEqual(4)
  })

  test('all of the list is looked at some seconds after what an event told of, however many tell more', async () => {
    await start()
    await clock.advance(1000)
    told = []
    asked = []
    for (let i = 0; i < 20; i++) {
      list = { ...list, [`x${i}`]: 'new' }
      emit({ type: 'container', action: 'create', id: `x${i}` })
      await clock.advance(1000)
    }
    await clock.advance(20_000)
    const times = asks('ps')
    expect(times.filter((_, i) => told[i] === undefined)).toEqual([16_020, 32_020])
    expect(times).toHaveLength(21)
  })

  test('processes are sampled when the schedule says so, and with what was seen before', async () => {
    await start()
    await clock.advance(60_000)
    expect(asks('top')).toHaveLength(1)
    expect(sampler?.cost()).toBe(1)
    sampler!.sample()
    await settle()
    expect(asks('top')).toEqual([0, 60_000])
    expect(contexts[1]).toMatchObject({ previous: ['a'], running: ['a'] })
    expect(contexts[1]!.names?.get('a')).toBe('web')
  })

  test('a guest that takes 10 s for a sample is sampled a tenth of the time at most, and costs no turn in between', async () => {
    await start()
    faults['top'] = () => clock.sleep(10_000, mine)
    const costs: (number | undefined)[] = []
    for (let minute = 1; minute <= 6; minute++) {
      await clock.advance(60_000)
      costs.push(sampler?.cost())
      sampler!.sample()
      await settle()
    }
    expect(costs).toEqual([1, 0, 1, 0, 1, 0])
    expect(asks('top')).toEqual([0, 60_000, 180_000, 300_000])
  })

  test('a guest whose turn to be sampled is not yet does without, and is ready all the same', async () => {
    turnAtOnce = false
    await start()
    expect([asks('top'), ready, now()['ps'], now()['top']]).toEqual([[], 1, 'web', undefined])
    expect(sampler?.cost()).toBe(1)
    await clock.advance(30_000)
    sampler!.sample()
    await settle()
    expect([asks('top'), now()['top']]).toEqual([[30_000], 'a'])
  })

  test('sampling gives way to the list, and is made up for', async () => {
    await start()
    await clock.advance(60_000)
    faults['top'] = () => new Promise(() => undefined)
    sampler!.sample()
    await settle()
    list = { a: 'web', b: 'new' }
    emit(START)
    await clock.advance(20)
    expect(now()['ps']).toBe('web,new')
    delete faults['top']
    await clock.advance(6000)
    expect(now()['top']).toBe('a,b')
    expect(recording.at('warn')).toEqual([])
  })

  test('a list that fails later ends it', async () => {
    await start()
    faults['ps'] = () => Promise.reject(new Error('engine gone'))
    emit(START)
    await clock.advance(200)
    await expect(running).rejects.toThrow('engine gone')
  })
})

describe('stopping', () => {
  test.each<[string, () => Promise<void> | void]>([
    ['waits', () => undefined],
    [
      'looks',
      async () => {
        faults['ps'] = () => new Promise(() => undefined)
        emit(START)
        await clock.advance(20)
      },
    ],
  ])('while it %s ends it at once, with nothing left behind', async (_, prepare) => {
    await start()
    await prepare()
    stop.abort(new Error('stopping'))
    await expect(running).rejects.toThrow('stopping')
    await settle()
    expect(clock.pending).toBe(0)
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0)
  })

  test('a thousand waits leave no listeners', async () => {
    await start()
    for (let i = 0; i < 1000; i++) {
      emit(START)
      await clock.advance(20)
    }
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1)
    // That of the events, and that of the present wait.
    expect(getEventListeners(mine, 'abort')).toHaveLength(2)
    expect(stateOf(running).state).toBe('pending')
  })
})

describe('a refresh that somebody waits for', () => {
  const PAUSED: EngineEvent = { type: 'container', action: 'create', id: 'new' }

  beforeEach(async () => {
    await start()
    await clock.advance(10_000)
    asked = []
    published = []
  })

  test('looks at the list at once, and is over when that is published', async () => {
    list = { a: 'renamed' }
    const refreshed = stateOf(watch.refresh())
    await settle()
    expect(asks('ps')).toEqual([10_000])
    expect(now()['ps']).toBe('renamed')
    expect(refreshed.state).toBe('fulfilled')
  })

  test('is not served by a look that had begun before', async () => {
    const slow = new Late<void>()
    faults['ps'] = () => slow.promise
    const first = stateOf(watch.refresh())
    await settle()
    const refreshed = stateOf(watch.refresh())
    delete faults['ps']
    slow.resolve()
    await settle()
    expect(first.state).toBe('fulfilled')
    expect(asks('ps')).toEqual([10_000, 10_000])
    expect(refreshed.state).toBe('fulfilled')
  })

  test('does not wait for the pace of looks, and many are served by one look', async () => {
    await watch.refresh()
    asked = []
    const all = Array.from({ length: 20 }, () => stateOf(watch.refresh()))
    await settle()
    expect(asks('ps')).toEqual([10_000])
    expect(all.map(({ state }) => state)).toEqual(Array(20).fill('fulfilled'))
  })

  test('waits until the list shows what the engine has told of, but not for ever', async () => {
    emit(PAUSED)
    await settle()
    const refreshed = stateOf(watch.refresh())
    await clock.advance(50)
    expect(refreshed.state).toBe('pending')
    list = { a: 'web', new: 'new' }
    await clock.advance(25)
    expect(refreshed.state).toBe('fulfilled')
    emit({ ...START, action: 'rename' })
    await settle()
    const doubtful = stateOf(watch.refresh())
    await clock.advance(290)
    expect(doubtful.state).toBe('pending')
    await clock.advance(40)
    expect(doubtful.state).toBe('fulfilled')
  })

  test('ends sampling, and one that comes while the watch sleeps wakes it', async () => {
    faults['top'] = () => new Promise(() => undefined)
    sampler!.sample()
    await settle()
    const refreshed = stateOf(watch.refresh())
    await settle()
    expect(refreshed.state).toBe('fulfilled')
  })

  test('fails with the watch, at once when that is over', async () => {
    const slow = new Late<void>()
    faults['ps'] = () => slow.promise
    const refreshing = watch.refresh()
    refreshing.catch(() => undefined)
    await settle()
    endEvents(new Error('lost'))
    await settle()
    await expect(refreshing).rejects.toThrow('lost')
    await expect(watch.refresh()).rejects.toThrow('lost')
  })
})

test('what was looked at last can be asked for', async () => {
  await start(false)
  expect(watch.lastList).toBeUndefined()
  subscribe()
  await settle()
  await clock.advance(5000)
  expect(watch.lastList).toEqual({ value: { a: 'web' }, at: begun })
  expect(watch.valueOf('info')).toBe('info')
  expect(watch.valueOf('nothing')).toBeUndefined()
})

describe('an engine that says nothing', () => {
  test('is asked for a sign of life after a minute, and again a minute after that', async () => {
    await start()
    await clock.advance(59_999)
    expect(asks('ping')).toEqual([])
    await clock.advance(1)
    expect(asks('ping')).toEqual([60_000])
    await clock.advance(60_000)
    expect(asks('ping')).toEqual([60_000, 120_000])
  })

  test('is not asked as long as anything is heard of it', async () => {
    await start()
    await clock.advance(40_000)
    emit({ type: 'network', action: 'connect', id: 'n' })
    await clock.advance(40_000)
    sampler!.sample()
    await clock.advance(59_000)
    expect(asks('ping')).toEqual([])
    await clock.advance(1000)
    expect(asks('ping')).toEqual([140_000])
  })

  test('is asked although it is sampled all the time, where no container runs', async () => {
    list = {}
    await start()
    for (let i = 0; i < 6; i++) {
      await clock.advance(10_000)
      sampler!.sample()
    }
    await clock.advance(100)
    expect(asks('ping')).toEqual([60_000])
  })

  test('that gives none is given up within 10 s, although no container runs', async () => {
    list = {}
    await start()
    faults['ping'] = () => new Promise(() => undefined)
    await clock.advance(69_999)
    const state = stateOf(running)
    await settle()
    expect(state.state).toBe('pending')
    await clock.advance(1)
    expect(state.state).toBe('rejected')
    await expect(running).rejects.toMatchObject({ diagnosis: { kind: 'engine-timeout' } })
    expect(clock.pending).toBe(0)
  })
})

test('a stream for the events that never opens is given up', async () => {
  await start(false)
  const state = stateOf(running)
  await clock.advance(14_999)
  expect(state.state).toBe('pending')
  await clock.advance(1)
  expect(state.state).toBe('rejected')
  await expect(running).rejects.toMatchObject({ diagnosis: { kind: 'events-stalled' } })
  expect(asked).toEqual([])
  expect(clock.pending).toBe(0)
})
