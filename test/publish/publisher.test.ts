import { beforeEach, describe, expect, test } from 'vitest'
import { TransientError } from '../../src/base/errors.ts'
import { TokenBucket } from '../../src/base/token-bucket.ts'
import { KEY, LIVE_KEYS } from '../../src/model/fields.ts'
import { Publisher } from '../../src/publish/publisher.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { Late, stateOf } from '../fakes/late.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { FakeStore } from './fake-store.ts'

const ALL_GONE = Object.fromEntries([...LIVE_KEYS, KEY.status, KEY.updated].map((key) => [key, undefined]))

let clock: FakeClock
let store: FakeStore
let recording: RecordingLog
let publisher: Publisher
/** Of which VMs it was asked what XAPI has. */
const compared = new Set<string>()

function makePublisher(perSecond = 1000, burst = 1000): Publisher {
  return new Publisher({
    store,
    clock,
    random: () => 1,
    budget: new TokenBucket(clock, perSecond, burst),
    log: recording.log,
    known: (ref) => {
      compared.add(ref)
      return store.known(ref)
    },
  })
}

beforeEach(() => {
  clock = new FakeClock()
  store = new FakeStore(clock)
  recording = new RecordingLog()
  publisher = makePublisher()
  store.put('vm', { [KEY.monitor]: 'True', folder: '/web' })
})

const SIGNAL = new AbortController().signal

const down = () => new TransientError({ kind: 'xapi-unreachable', cause: 'XAPI did not answer', cure: 'Wait' })

/** Values of docker_ps that were written, with their times. */
const lists = () => store.history(KEY.ps)

test('what is left to others is not repaired, and all else is', async () => {
  publisher.want('vm', { [KEY.hostKeyOwner]: 'vm', [KEY.ps]: 'a' })
  await clock.advance(5000)
  publisher.leave('vm', [KEY.hostKeyOwner])
  publisher.leave('another', [KEY.hostKeyOwner])
  store.foreign('vm', KEY.hostKeyOwner, undefined)
  store.echo('vm')
  publisher.want('vm', ALL_GONE)
  publisher.recheck('vm')
  await clock.advance(20_000)
  expect(store.actual('vm')).toEqual({ [KEY.monitor]: 'True', folder: '/web' })
  publisher.want('vm', { [KEY.hostKeyOwner]: 'vm' })
  await clock.advance(5000)
  expect(store.actual('vm')).toHaveProperty(KEY.hostKeyOwner)
})

describe('pace', () => {
  test('the first change is written at once', async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await settle()
    expect(lists()).toEqual([[0, 'a']])
  })

  test('what is wanted right after something that is there already is not forgotten', async () => {
    publisher.want('vm', { [KEY.ps]: undefined })
    publisher.want('vm', { [KEY.status]: 'failed since then' })
    await settle()
    expect(store.history(KEY.status)).toEqual([[0, 'failed since then']])
  })

  test('the same at the moment of stopping', async () => {
    publisher.want('vm', { [KEY.ps]: undefined })
    publisher.want('vm', { [KEY.status]: 'failed since then' })
    await publisher.drain(new AbortController().signal)
    expect(store.history(KEY.status)).toEqual([[0, 'failed since then']])
  })

  test('after that at most one write per second, and always of the latest value', async () => {
    for (let i = 0; i < 30; i++) {
      publisher.want('vm', { [KEY.ps]: `list ${i}` })
      await clock.advance(100)
    }
    await clock.advance(5000)
    const written = lists()
    for (const [i, [at]] of written.slice(1).entries()) expect(at - written[i]![0]).toBeGreaterThanOrEqual(1000)
    expect(written.length).toBeGreaterThanOrEqual(3)
    expect(written.at(-1)?.[1]).toBe('list 29')
  })

  test('the second begins when XAPI has a value, however long its stamp has taken', async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(5000)
    store.before = (_, writes) => (writes[0]?.key === KEY.updated ? clock.sleep(300, SIGNAL) : undefined)
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(100)
    publisher.want('vm', { [KEY.ps]: 'c' })
    await clock.advance(300)
    store.before = () => undefined
    await clock.advance(5000)
    expect(lists().map(([, value]) => value)).toEqual(['a', 'b', 'c'])
    const [, [second] = [0], [third] = [0]] = lists()
    expect(third - second).toBeGreaterThanOrEqual(1000)
  })

  test('writes get rarer while a storm lasts, up to one in four seconds, and quick again after it', async () => {
    for (let i = 0; i < 1200; i++) {
      publisher.want('vm', { [KEY.ps]: `list ${i}` })
      await clock.advance(100)
    }
    const gaps = lists().map(([at], i, all) => (i === 0 ? 0 : at - all[i - 1]![0]))
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(4000)
    expect(gaps.at(-1)).toBeLessThan(4200)
    expect(Math.max(...gaps)).toBeLessThan(4200)
    await clock.advance(20_000)
    publisher.want('vm', { [KEY.ps]: 'quiet 1' })
    await settle()
    expect(lists().at(-1)?.[1]).not.toBe('quiet 2')
    await clock.advance(20)
    expect(lists().at(-1)?.[1]).toBe('quiet 1')
    publisher.want('vm', { [KEY.ps]: 'quiet 2' })
    await clock.advance(1050)
    expect(lists().at(-1)?.[1]).toBe('quiet 2')
  })

  test('changes that leave more than a second between them are no storm: each is written at once', async () => {
    for (let i = 0; i < 30; i++) {
      publisher.want('vm', { [KEY.ps]: `list ${i}` })
      await clock.advance(100)
      expect(lists().at(-1)?.[1]).toBe(`list ${i}`)
      await clock.advance(1400)
    }
  })

  test('a document does not wait for another one that was written a moment ago; only lists are always stamped', async () => {
    publisher.want('vm', { [KEY.ps]: 'a', [KEY.info]: 'i' })
    await clock.advance(5000)
    publisher.want('vm', { [KEY.info]: 'j' })
    await clock.advance(300)
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(20)
    expect(lists().at(-1)).toEqual([5320, 'b'])
    expect(store.history(KEY.updated).map(([at]) => at)).toEqual([0, 5000, 5300])
    publisher.want('vm', { [KEY.version]: 'v' })
    await settle()
    expect(store.history(KEY.version)).toHaveLength(1)
    expect(store.history(KEY.updated)).toHaveLength(3)
    publisher.want('vm', { [KEY.ps]: 'c', [KEY.info]: 'k' })
    await clock.advance(5000)
    for (const key of [KEY.ps, KEY.info]) {
      const written = store.history(key)
      for (const [i, [at]] of written.slice(1).entries()) expect(at - written[i]![0]).toBeGreaterThanOrEqual(1000)
    }
    expect(store.actual('vm')).toMatchObject({ [KEY.ps]: 'c', [KEY.info]: 'k' })
  })

  test('a document that must wait keeps the status line waiting', async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(500)
    publisher.want('vm', { [KEY.ps]: 'b', [KEY.status]: 'monitored' })
    await clock.advance(100)
    expect(store.history(KEY.status)).toEqual([])
    await clock.advance(1000)
    expect(store.applied.at(-1)?.writes.map(({ key }) => key)).toEqual([KEY.ps, KEY.status])
  })

  test('VMs do not wait for each other', async () => {
    for (const ref of ['b', 'c', 'd']) store.put(ref, {})
    store.before = async (ref) => (ref === 'vm' ? new Promise(() => undefined) : undefined)
    for (const ref of ['vm', 'b', 'c', 'd']) publisher.want(ref, { [KEY.ps]: 'x' })
    await settle()
    for (const ref of ['b', 'c', 'd']) expect(store.actual(ref)?.[KEY.ps]).toBe('x')
  })

  test('one budget for all, first come first served: nobody is overtaken twice', async () => {
    publisher = makePublisher(10, 10)
    const refs = Array.from({ length: 40 }, (_, i) => `vm${i}`)
    for (const ref of refs) store.put(ref, {})
    for (let second = 0; second < 20; second++) {
      for (const ref of refs) publisher.want(ref, { [KEY.ps]: `${second}` })
      await clock.advance(1000)
    }
    const counts = refs.map((ref) => store.history(KEY.ps, ref).length)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    expect(publisher.writes).toBeLessThanOrEqual(10 + 20 * 10 + 4)
  })
})

describe('what is written', () => {
  test('nothing, when nothing differs', async () => {
    publisher.want('vm', { [KEY.ps]: 'a', [KEY.monitor]: 'True', [KEY.top]: undefined })
    await clock.advance(60_000)
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(60_000)
    expect(store.applied).toHaveLength(1)
    expect(store.actual('vm')).toMatchObject({ folder: '/web', [KEY.monitor]: 'True' })
  })

  test('a change there and back again within the gap costs nothing', async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await settle()
    publisher.want('vm', { [KEY.ps]: 'b' })
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(5000)
    expect(lists()).toEqual([[0, 'a']])
  })

  test('a new document goes with its stamp in one burst', async () => {
    publisher.want('vm', { [KEY.ps]: 'a', [KEY.status]: 'monitored' })
    await settle()
    expect(store.applied.map(({ writes }) => writes.map(({ key }) => key))).toEqual([[KEY.updated, KEY.ps, KEY.status]])
  })

  test('a replacement comes 20 ms after its stamp', async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(2000)
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(1000)
    expect(store.applied.slice(1).map(({ at, writes }) => [at, writes.map(({ key }) => key)])).toEqual([
      [2000, [KEY.updated]],
      [2020, [KEY.ps]],
    ])
  })

  test('what was removed is not removed again while XAPI has not told of it yet', async () => {
    store.put('vm', { [KEY.ps]: 'a', [KEY.status]: 's', [KEY.updated]: 'then' })
    store.echoAtOnce = false
    publisher.want('vm', ALL_GONE)
    await clock.advance(2500)
    expect(store.applied).toHaveLength(1)
    expect(publisher.backlog).toBe(0)
  })

  test('what was written is not written again while XAPI has not told of it yet', async () => {
    store.echoAtOnce = false
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(1500)
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(1400)
    expect(store.applied.flatMap(({ writes }) => writes)).toEqual([
      { key: KEY.updated, value: expect.any(String) as string, replaces: false },
      { key: KEY.ps, value: 'a', replaces: false },
      { key: KEY.updated, value: expect.any(String) as string, replaces: true },
      { key: KEY.ps, value: 'b', replaces: true },
    ])
  })
})

describe('failures', () => {
  test('are retried with growing pauses, and with the latest value only', async () => {
    let failing = true
    store.before = () => {
      if (failing) throw down()
    }
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(2000)
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(60_000)
    const tries = store.applied.length
    expect(tries).toBeGreaterThanOrEqual(7)
    expect(tries).toBeLessThanOrEqual(12)
    failing = false
    await clock.advance(11_000)
    expect(store.actual('vm')?.[KEY.ps]).toBe('b')
    // The stamp, then the list: after a failure both count as being there.
    expect(store.applied.slice(tries).map(({ writes }) => writes.map(({ key }) => key))).toEqual([
      [KEY.updated],
      [KEY.ps],
    ])
    expect(recording.at('warn').length).toBe(tries)
  })

  test('after a failed replacement the key may be missing or not: it is replaced whatever is known', async () => {
    store.put('vm', { [KEY.ps]: 'a', [KEY.updated]: 'then' })
    publisher.want('vm', { [KEY.ps]: 'b' })
    store.before = (_, writes) => {
      if (!writes.some(({ key }) => key === KEY.ps)) return
      // The removal happened, its answer and the addition were lost; XAPI tells of it.
      store.foreign('vm', KEY.ps, undefined)
      store.before = () => undefined
      throw down()
    }
    await clock.advance(5000)
    expect(store.applied.at(-1)?.writes).toContainEqual({ key: KEY.ps, value: 'b', replaces: true })
    expect(store.actual('vm')?.[KEY.ps]).toBe('b')
  })

  test('an unknown state is not mistaken for the wanted one: going back to the old value is written too', async () => {
    store.put('vm', { [KEY.ps]: 'a', [KEY.updated]: 'then' })
    store.echoAtOnce = false
    publisher.want('vm', { [KEY.ps]: 'b' })
    let lost = false
    store.before = (_, writes) => {
      if (lost || !writes.some(({ key }) => key === KEY.ps)) return
      lost = true
      store.foreign('vm', KEY.ps, 'b')
      store.put('vm', { ...store.actual('vm'), [KEY.ps]: 'b' })
      throw down()
    }
    await clock.advance(100)
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(5000)
    expect(store.actual('vm')?.[KEY.ps]).toBe('a')
  })

  test('a VM that is gone is let go of', async () => {
    store.before = () => store.destroy('vm')
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(60_000)
    expect(store.applied).toHaveLength(1)
    expect([publisher.backlog, clock.pending]).toEqual([0, 0])
  })

  test('a VM that is not ours to write is not written to', async () => {
    publisher.want('elsewhere', { [KEY.ps]: 'a' })
    await clock.advance(60_000)
    expect(store.applied).toEqual([])
  })
})

describe('others write too', () => {
  beforeEach(async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await clock.advance(30_000)
  })

  test('a key that somebody deleted is put back', async () => {
    store.foreign('vm', KEY.ps, undefined)
    publisher.recheck('vm')
    await settle()
    expect(store.actual('vm')?.[KEY.ps]).toBe('a')
  })

  test('a deletion soon after our own write is put right as well, a little later', async () => {
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(2000)
    store.foreign('vm', KEY.ps, undefined)
    publisher.recheck('vm')
    await clock.advance(20_000)
    expect(store.actual('vm')?.[KEY.ps]).toBe('b')
  })

  test('a fight over a key is not fought more than once in fifteen seconds', async () => {
    const before = store.applied.length
    for (let i = 0; i < 600; i++) {
      if (store.actual('vm')?.[KEY.ps] === 'a') store.foreign('vm', KEY.ps, 'mine!')
      publisher.recheck('vm')
      await clock.advance(100)
    }
    const fought = store.applied.slice(before).filter(({ writes }) => writes.some(({ key }) => key === KEY.ps))
    expect(fought.length).toBeGreaterThanOrEqual(3)
    expect(fought.length).toBeLessThanOrEqual(5)
  })

  test('an older database, listed anew, is brought up to date though we remember to have written', async () => {
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(1500)
    store.put('vm', { folder: '/web' })
    publisher.recheckAll()
    await clock.advance(2000)
    expect(store.actual('vm')?.[KEY.ps]).toBe('b')
  })

  test('very many VMs, listed anew, are compared some at a time, and all of them', async () => {
    const refs = Array.from({ length: 120 }, (_, i) => `vm-${i}`)
    for (const ref of refs) store.put(ref, {})
    for (const ref of refs) publisher.want(ref, { [KEY.ps]: 'b' })
    await clock.advance(1500)
    for (const ref of refs) store.put(ref, { folder: '/web' })
    compared.clear()
    publisher.recheckAll()
    expect(compared.size).toBeLessThanOrEqual(50)
    await clock.advance(5000)
    expect(refs.filter((ref) => store.actual(ref)?.[KEY.ps] !== 'b')).toEqual([])
  })

  test('other keys are never touched', async () => {
    for (let i = 0; i < 20; i++) {
      store.foreign('vm', 'folder', `/${i}`)
      publisher.want('vm', { [KEY.ps]: `${i}` })
      await clock.advance(700)
    }
    expect(store.actual('vm')?.['folder']).toBe('/19')
    const written = new Set(store.applied.flatMap(({ writes }) => writes.map(({ key }) => key)))
    expect([...written].sort()).toEqual([KEY.ps, KEY.updated])
  })
})

describe('forget', () => {
  test('during a flush: what is under way is finished, nothing follows', async () => {
    store.put('vm', { [KEY.ps]: 'a', [KEY.updated]: 'then' })
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(10)
    publisher.want('vm', { [KEY.ps]: 'c' })
    publisher.forget('vm')
    await clock.advance(60_000)
    expect(store.applied.flatMap(({ writes }) => writes.map(({ key }) => key))).toEqual([KEY.updated])
    expect([publisher.backlog, clock.pending]).toEqual([0, 0])
  })

  test('while a write hangs: nothing follows when it fails at last', async () => {
    const hanging = new Late<void>()
    store.before = () => hanging.promise
    publisher.want('vm', { [KEY.ps]: 'a' })
    await settle()
    publisher.forget('vm')
    hanging.reject(down())
    await clock.advance(60_000)
    expect(store.applied).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  test('during a pause: the timer goes too', async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await settle()
    publisher.want('vm', { [KEY.ps]: 'b' })
    await settle()
    publisher.forget('vm')
    await clock.advance(60_000)
    expect(lists()).toEqual([[0, 'a']])
    expect(clock.pending).toBe(0)
  })

  test('what was wanted before counts for nothing when the VM comes back', async () => {
    publisher.want('vm', { [KEY.ps]: 'a', [KEY.top]: 'top' })
    await clock.advance(5000)
    publisher.forget('vm')
    store.foreign('vm', KEY.top, undefined)
    publisher.want('vm', { [KEY.ps]: 'b' })
    await clock.advance(60_000)
    expect(store.actual('vm')).toMatchObject({ [KEY.ps]: 'b' })
    expect(store.actual('vm')).not.toHaveProperty(KEY.top)
  })
})

describe('drain', () => {
  const { signal } = new AbortController()

  test('writes all that is wanted without pauses, and nothing after it', async () => {
    for (const ref of ['vm', 'b']) {
      store.put(ref, {})
      publisher.want(ref, { [KEY.ps]: 'a' })
    }
    await settle()
    for (const ref of ['vm', 'b']) publisher.want(ref, ALL_GONE)
    const drained = stateOf(publisher.drain(signal))
    await clock.advance(50)
    expect(drained.state).toBe('fulfilled')
    for (const ref of ['vm', 'b']) expect(store.actual(ref)).toEqual({})
    publisher.want('vm', { [KEY.ps]: 'late' })
    await clock.advance(60_000)
    expect(store.actual('vm')).toEqual({})
  })

  test('does not wait for events that tell of its own writes: nobody listens any more', async () => {
    store.put('vm', { [KEY.ps]: 'a', [KEY.updated]: 'then' })
    store.echoAtOnce = false
    publisher.want('vm', ALL_GONE)
    const drained = stateOf(publisher.drain(signal))
    await clock.advance(5000)
    expect(drained.state).toBe('fulfilled')
    expect(store.applied).toHaveLength(1)
  })

  test('a slow XAPI is not written to twice', async () => {
    store.put('vm', { [KEY.ps]: 'a', [KEY.updated]: 'then' })
    store.echoAtOnce = false
    store.before = () => new Promise((resolve) => clock.after(4000, resolve))
    publisher.want('vm', ALL_GONE)
    const drained = stateOf(publisher.drain(signal))
    await clock.advance(4001)
    expect([drained.state, store.applied.length]).toEqual(['fulfilled', 1])
  })

  test('a XAPI that comes back in time gets its wipe', async () => {
    store.put('vm', { [KEY.ps]: 'a', [KEY.updated]: 'then' })
    store.before = () => {
      throw down()
    }
    publisher.want('vm', ALL_GONE)
    const drained = stateOf(publisher.drain(signal))
    await clock.advance(3000)
    expect(drained.state).toBe('pending')
    store.before = () => undefined
    await clock.advance(300)
    expect([drained.state, store.actual('vm')]).toEqual(['fulfilled', {}])
  })

  test('ends at once when its time is over, whatever hangs', async () => {
    store.before = () => new Promise(() => undefined)
    publisher.want('vm', { [KEY.ps]: 'a' })
    const deadline = new AbortController()
    const drained = stateOf(publisher.drain(deadline.signal))
    await clock.advance(7000)
    expect(drained.state).toBe('pending')
    deadline.abort()
    await settle()
    expect(drained.state).toBe('fulfilled')
  })

  test('with nothing to do ends at once', async () => {
    await publisher.drain(signal)
    expect(store.applied).toEqual([])
  })

  test('does not wait for the budget', async () => {
    publisher = makePublisher(1, 1)
    const refs = Array.from({ length: 50 }, (_, i) => `vm${i}`)
    for (const ref of refs) {
      store.put(ref, { [KEY.ps]: 'a' })
      publisher.want(ref, ALL_GONE)
    }
    await settle()
    const drained = stateOf(publisher.drain(signal))
    await clock.advance(5000)
    expect(drained.state).toBe('fulfilled')
    for (const ref of refs) expect(store.actual(ref)).toEqual({})
  })
})

describe('what somebody waits for', () => {
  const forever = new AbortController().signal

  test('is written without waiting for the pace', async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await settle()
    publisher.want('vm', { [KEY.ps]: 'b' })
    await settle()
    expect(lists()).toEqual([[0, 'a']])
    const settled = stateOf(publisher.settle('vm', forever))
    await clock.advance(30)
    expect(lists()).toEqual([
      [0, 'a'],
      [5, 'b'],
    ])
    expect(settled.state).toBe('fulfilled')
  })

  test('does not change the pace of what comes later', async () => {
    publisher.want('vm', { [KEY.ps]: 'a' })
    await settle()
    publisher.want('vm', { [KEY.ps]: 'b' })
    void publisher.settle('vm', forever)
    await clock.advance(100)
    publisher.want('vm', { [KEY.ps]: 'c' })
    await clock.advance(500)
    expect(lists()).toHaveLength(2)
    await clock.advance(1000)
    expect(lists()).toHaveLength(3)
  })

  test('is over only when XAPI has it, after errors too', async () => {
    store.before = () => Promise.reject(down())
    publisher.want('vm', { [KEY.ps]: 'a' })
    const settled = stateOf(publisher.settle('vm', forever))
    await clock.advance(500)
    expect(settled.state).toBe('pending')
    store.before = () => undefined
    await clock.advance(2000)
    expect(settled.state).toBe('fulfilled')
    expect(store.actual('vm')).toHaveProperty(KEY.ps, 'a')
  })

  test('is not over while what was wanted before is on its way, even where XAPI still has what is wanted now', async () => {
    publisher.want('vm', { [KEY.ps]: 'running' })
    await clock.advance(5000)
    const slow = new Late<undefined>()
    publisher.want('vm', { [KEY.ps]: 'ended' })
    await clock.advance(10)
    store.before = () => slow.promise
    await clock.advance(20)
    publisher.want('vm', { [KEY.ps]: 'running' })
    const settled = stateOf(publisher.settle('vm', forever))
    await clock.advance(50)
    expect(settled.state).toBe('pending')
    store.before = () => undefined
    slow.resolve(undefined)
    await clock.advance(50)
    expect(settled.state).toBe('fulfilled')
    expect(store.actual('vm')).toHaveProperty(KEY.ps, 'running')
  })

  test('ends with its signal, with the VM, and with the daemon', async () => {
    store.before = () => Promise.reject(down())
    publisher.want('vm', { [KEY.ps]: 'a' })
    const stop = new AbortController()
    const given = publisher.settle('vm', stop.signal)
    const forgotten = stateOf(publisher.settle('vm', forever))
    stop.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    publisher.forget('vm')
    await settle()
    expect(forgotten.state).toBe('fulfilled')
    publisher.want('vm', { [KEY.ps]: 'a' })
    const drained = stateOf(publisher.settle('vm', forever))
    const late = new AbortController()
    const draining = publisher.drain(late.signal)
    await settle()
    late.abort()
    await draining
    await clock.advance(250)
    expect(drained.state).toBe('fulfilled')
  })

  test('is over at once where nothing is wanted', async () => {
    await publisher.settle('vm', forever)
    publisher.want('vm', { [KEY.ps]: undefined })
    await publisher.settle('vm', forever)
    await publisher.settle('nobody', forever)
  })

  test('calls that changed something are counted by VM', async () => {
    store.put('other', {})
    publisher.want('vm', { [KEY.ps]: 'a' })
    publisher.want('other', { [KEY.ps]: 'a', [KEY.info]: 'i' })
    await settle()
    expect(publisher.writesOf('vm')).toBe(2)
    expect(publisher.writesOf('other')).toBe(3)
    expect(publisher.writesOf('nobody')).toBe(0)
    expect(publisher.writes).toBe(5)
  })
})
