import { beforeEach, expect, test } from 'vitest'
import { TransientError } from '../../src/base/errors.ts'
import type { MessageStore } from '../../src/model/stores.ts'
import { Notices } from '../../src/publish/notices.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { RecordingLog } from '../fakes/recording-log.ts'

/** XAPI's messages: it takes the same one any number of times. */
class FakeMessages implements MessageStore {
  readonly calls: string[] = []
  readonly there = new Map<string, { vm: string; title: string; body: string }>()
  /** What happens to a call besides being carried out. */
  fault: 'none' | 'down' | 'answer-lost' = 'none'
  #next = 1

  async find(vm: string, title: string): Promise<string[]> {
    return this.#call('find', () =>
      [...this.there].filter(([, message]) => message.vm === vm && message.title === title).map(([ref]) => ref),
    )
  }

  async create(vm: string, title: string, body: string): Promise<void> {
    this.#call('create', () => this.there.set(`ref ${this.#next++}`, { vm, title, body }))
  }

  async destroy(ref: string): Promise<void> {
    this.#call('destroy', () => this.there.delete(ref))
  }

  get bodies(): string[] {
    return [...this.there.values()].map(({ body }) => body)
  }

  #call<T>(name: string, work: () => T): T {
    this.calls.push(name)
    if (this.fault === 'down') throw lost()
    const result = work()
    if (this.fault === 'answer-lost' && name !== 'find') throw lost()
    return result
  }
}

const TITLE = 'Container Management cannot monitor VM'
const lost = () => new TransientError({ kind: 'xapi-unreachable', cause: 'XAPI did not answer', cure: 'Wait' })

let clock: FakeClock
let store: FakeMessages
let stop: AbortController
let recording: RecordingLog
let notices: Notices

beforeEach(() => {
  clock = new FakeClock()
  store = new FakeMessages()
  stop = new AbortController()
  recording = new RecordingLog()
  notices = new Notices({ store, clock, random: () => 1, log: recording.log, signal: stop.signal })
})

test('a message is created once, under the title that clients know, and not again while it is there', async () => {
  notices.want('vm', 'No key. Install it')
  await settle()
  notices.want('vm', 'No key. Install it')
  notices.want('vm', 'Another cause. Another cure')
  await clock.advance(600_000)
  expect([...store.there.values()]).toEqual([{ vm: 'vm', title: TITLE, body: 'No key. Install it' }])
})

test('it is destroyed when it is not wanted any more, and a new one can come', async () => {
  notices.want('vm', 'one')
  await settle()
  notices.want('vm', undefined)
  await settle()
  expect(store.bodies).toEqual([])
  notices.want('vm', 'two')
  await settle()
  expect(store.bodies).toEqual(['two'])
})

test('where there never was one, nobody asks XAPI', async () => {
  notices.want('vm', undefined)
  await clock.advance(60_000)
  expect(store.calls).toEqual([])
})

test('one that an earlier run left is adopted, whatever it says', async () => {
  store.there.set('old', { vm: 'vm', title: TITLE, body: 'from before' })
  notices.mayExist('vm')
  notices.want('vm', 'now')
  await settle()
  expect(store.bodies).toEqual(['from before'])
  notices.want('vm', undefined)
  await settle()
  expect(store.bodies).toEqual([])
})

test('there may be one until it is known that there is none', async () => {
  expect(notices.mayBeThere('vm')).toBe(false)
  notices.mayExist('vm')
  expect(notices.mayBeThere('vm')).toBe(true)
  notices.want('vm', 'body')
  await settle()
  expect(notices.mayBeThere('vm')).toBe(true)
  notices.want('vm', undefined)
  await settle()
  expect(notices.mayBeThere('vm')).toBe(false)
})

test('all that earlier runs left are destroyed; other titles and other VMs are nobody’s business here', async () => {
  store.there.set('a', { vm: 'vm', title: TITLE, body: '1' })
  store.there.set('b', { vm: 'vm', title: TITLE, body: '2' })
  store.there.set('c', { vm: 'vm', title: 'ALARM', body: 'disk' })
  store.there.set('d', { vm: 'other', title: TITLE, body: '3' })
  notices.mayExist('vm')
  notices.want('vm', undefined)
  await settle()
  expect(store.bodies).toEqual(['disk', '3'])
})

test('a creation whose answer was lost is not repeated', async () => {
  store.fault = 'answer-lost'
  notices.want('vm', 'body')
  await settle()
  store.fault = 'none'
  await clock.advance(60_000)
  expect(store.bodies).toEqual(['body'])
  expect(store.calls).toEqual(['find', 'create', 'find'])
})

test('XAPI away: tried again with growing pauses, and only the latest wish counts', async () => {
  store.fault = 'down'
  notices.want('vm', 'body')
  await clock.advance(120_000)
  expect(store.calls.length).toBeGreaterThanOrEqual(6)
  expect(store.calls.length).toBeLessThanOrEqual(14)
  notices.want('vm', undefined)
  store.fault = 'none'
  await clock.advance(21_000)
  expect(store.bodies).toEqual([])
  expect(store.calls).not.toContain('create')
  expect(recording.at('warn').length).toBeGreaterThan(0)
})

test('a message that could not be destroyed is destroyed when XAPI is back', async () => {
  notices.want('vm', 'body')
  await settle()
  store.fault = 'down'
  notices.want('vm', undefined)
  await clock.advance(60_000)
  expect(store.bodies).toEqual(['body'])
  store.fault = 'none'
  await clock.advance(21_000)
  expect(store.bodies).toEqual([])
})

test('a wish that changes while XAPI is being asked wins', async () => {
  notices.want('vm', 'body')
  notices.want('vm', undefined)
  await clock.advance(1000)
  expect(store.bodies).toEqual([])
  notices.want('vm', undefined)
  notices.want('vm', 'again')
  await clock.advance(1000)
  expect(store.bodies).toEqual(['again'])
})

test('a forgotten VM keeps its message: its new host looks after it', async () => {
  notices.want('vm', 'body')
  await settle()
  notices.forget('vm')
  notices.want('vm', undefined)
  await clock.advance(60_000)
  expect(store.bodies).toEqual(['body'])
})

test('stopping ends the tries without complaint', async () => {
  store.fault = 'down'
  notices.want('vm', 'body')
  await settle()
  stop.abort(new Error('stopping'))
  await clock.advance(120_000)
  expect([store.calls, clock.pending, recording.at('error')]).toEqual([['find'], 0, []])
})

test('nothing is remembered of VMs about which there is nothing to say', async () => {
  for (let i = 0; i < 10; i++) {
    notices.want(`quiet ${i}`, undefined)
    notices.want(`loud ${i}`, 'No key. Install it')
    notices.mayExist(`old ${i}`)
    notices.want(`old ${i}`, undefined)
  }
  await settle()
  expect(notices.size).toBe(10)
  for (let i = 0; i < 10; i++) notices.want(`loud ${i}`, undefined)
  await settle()
  expect(notices.size).toBe(0)
  expect(store.bodies).toEqual([])
})
