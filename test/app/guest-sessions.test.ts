import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/app/config.ts'
import { GuestSessions } from '../../src/app/guest-sessions.ts'
import type { GuestLink } from '../../src/model/guest.ts'
import { InMemoryEngine } from '../engine/in-memory-engine.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { FakeLink, TARGET, vm } from '../monitor/fixtures.ts'

let clock: FakeClock
let stop: AbortController
let running: Promise<unknown>
let engine: InMemoryEngine

class EngineLink extends FakeLink {
  override openStream(): Promise<never> {
    return engine.openStream(stop.signal) as Promise<never>
  }
}

beforeEach(() => {
  clock = new FakeClock()
  stop = new AbortController()
  engine = InMemoryEngine.docker((request, response) => {
    if (request.url?.includes('/events') === true) response.flushHeaders()
    else response.end(request.url?.includes('/containers/json') === true ? '[]' : '{}')
  })
})

afterEach(async () => {
  stop.abort()
  await running
})

/** So many guests are monitored, all their first documents published. */
async function monitor(guests: number, settings: string): Promise<void> {
  const sessions = new GuestSessions(
    {
      clock,
      random: () => 1,
      log: new RecordingLog().log,
      publisher: { want: () => undefined },
      notices: { want: () => undefined },
      transport: { name: 'fake', connect: () => Promise.resolve(new EngineLink() as GuestLink) },
    },
    parseConfig(settings, 'xscontainer.toml'),
  )
  const all = Array.from({ length: guests }, (_, i) => {
    const guest = vm({ ref: `OpaqueRef:${i}`, uuid: `uuid-${i}` })
    return sessions.create(guest, { target: { ...TARGET, vmUuid: guest.uuid }, problem: undefined })
  })
  running = Promise.all(all.map((guest) => guest.run(stop.signal)))
  await clock.advance(5000)
  expect(asked('/containers/json')).toBe(guests)
  engine.asked.length = 0
}

const asked = (path: string) => engine.asked.filter((url) => url.includes(path)).length

describe('how often quiet guests are asked', () => {
  test.each([
    ['for its list: as the configuration says', 1, 20, 200_000, '/containers/json', 10],
    ['for their lists, where they are many: one of them every two seconds', 60, 20, 240_000, '/containers/json', 120],
    ['for a sign of life: once a minute', 1, 86_400, 600_000, '/_ping', 10],
    ['for signs of life, where they are many: one of them every two seconds', 60, 86_400, 600_000, '/_ping', 300],
  ])('%s', async (_what, guests, resyncS, passMs, path, questions) => {
    await monitor(guests, `monitor.resync_s = ${resyncS}`)
    await clock.advance(passMs)
    expect(asked(path)).toBe(questions)
  })
})
