import { afterAll, beforeAll, expect, test } from 'vitest'
import { cutReply } from '../sim/guest/behaviours/cut-reply.ts'
import { deepJson } from '../sim/guest/behaviours/deep-json.ts'
import { endlessEventLine } from '../sim/guest/behaviours/endless-event-line.ts'
import { endlessHeaders } from '../sim/guest/behaviours/endless-headers.ts'
import { eventFlood } from '../sim/guest/behaviours/event-flood.ts'
import { halfEvents } from '../sim/guest/behaviours/half-events.ts'
import { htmlEngine } from '../sim/guest/behaviours/html-engine.ts'
import { hugeReply } from '../sim/guest/behaviours/huge-reply.ts'
import { negativeContentLength } from '../sim/guest/behaviours/negative-content-length.ts'
import { serverError } from '../sim/guest/behaviours/server-error.ts'
import { silentEngine } from '../sim/guest/behaviours/silent-engine.ts'
import { slowReply } from '../sim/guest/behaviours/slow-reply.ts'
import { truncatedJson } from '../sim/guest/behaviours/truncated-json.ts'
import type { Behaviour } from '../sim/guest/faults.ts'
import { followsAll } from './healthy-guest.ts'
import { Together } from './together.ts'
import { World } from './world.ts'

const LIST = /^\/containers\/json/

/** What the user reads of each. */
const CASES: readonly (readonly [string, Behaviour, RegExp])[] = [
  [
    'HTML in place of JSON',
    htmlEngine(),
    /answered GET \/version with HTML or XML instead of JSON\. Check that the socket/,
  ],
  ['HTML in place of the list', htmlEngine(LIST), /answered GET \/containers\/json with HTML or XML instead of JSON/],
  ['JSON that breaks off', truncatedJson(), /answered GET \/version with JSON that breaks off or is malformed/],
  ['a connection that breaks off', cutReply(), /connection to the container engine broke during GET \/version/],
  ['a list of 50 MB', hugeReply(), /answered GET \/containers\/json with more than \d+ bytes\. Remove containers/],
  [
    'one byte a second',
    slowReply(),
    /did not answer GET \/version within 15 s\. Look in the guest whether the engine hangs/,
  ],
  ['one byte a second of the list', slowReply(LIST), /did not answer GET \/containers\/json within 15 s/],
  ['no answer', silentEngine(), /did not answer GET \/version within 15 s/],
  ['no list', silentEngine(LIST), /did not answer GET \/containers\/json within 15 s/],
  [
    'an error of its own',
    serverError(),
    /answered GET \/version with HTTP 500: layer does not exist: open \/var\/lib\/docker/,
  ],
  ['JSON too deep for any stack', deepJson(), /answered GET \/version with JSON that/],
  ['a header without end', endlessHeaders(), /does not speak HTTP|with more than \d+ bytes|broke during/],
  ['a negative length', negativeContentLength(), /does not speak HTTP/],
  ['an event without end', endlessEventLine(), /event stream has a line of more than \d+ bytes/],
]

let world: World
const cases = new Together()
beforeAll(async () => {
  world = await World.start()
  await world.startDaemon()
  const healthy = await world.addGuest({ name: 'healthy' })
  await world.untilMonitored(healthy)
  cases.start('healthy', () => followsAll(world, healthy, 30))
  for (const [name, fault, cause] of CASES) cases.start(name, () => named(name, fault, cause))
  cases.start('flood', () => flooded())
  cases.start('half', () => halfHeard())
})
afterAll(async () => {
  await cases.settled()
  await world.stop()
})

async function named(name: string, fault: Behaviour, cause: RegExp): Promise<void> {
  const guest = await world.addGuest({ name, behaviours: [fault] })
  await world.untilFailed(guest, cause, 60)
  expect(world.status(guest)).not.toMatch(/[^\x20-\x7e]/)
  expect(world.status(guest).length).toBeLessThan(1000)
  await world.until('the administrator is told', () => world.messages(guest).length === 1)
  await world.until('no list is left', () => world.config(guest)['docker_ps'] === undefined)
}

async function flooded(): Promise<void> {
  const guest = await world.addGuest({ behaviours: [eventFlood(), eventFlood('start')] })
  await world.untilMonitored(guest, 40)
  guest.engine.run({ name: 'job' })
  await world.until('its list is followed', () => 'job' in world.containers(guest), 20)
}

/** Its event stream ends all the time: the list is looked at with each new connection. */
async function halfHeard(): Promise<void> {
  const guest = await world.addGuest({ behaviours: [halfEvents()], engine: { containers: [{ name: 'web' }] } })
  await world.until('its list shows', () => 'web' in world.containers(guest), 40)
  guest.engine.run({ name: 'job' })
  await world.until('a later one too', () => 'job' in world.containers(guest), 45)
}

test.each(CASES.map(([name]) => name))('%s: the cause is named', (name) => cases.done(name), 120_000)

test('events without pause: the guest is monitored all the same', () => cases.done('flood'), 120_000)

test('an event stream that ends within an event', () => cases.done('half'), 120_000)

test('meanwhile a healthy guest is followed as ever', () => cases.done('healthy'), 120_000)
