import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { channelClosedAtOnce } from '../sim/guest/behaviours/channel-closed-at-once.ts'
import { channelOpenStorm } from '../sim/guest/behaviours/channel-open-storm.ts'
import { dataAfterEnd } from '../sim/guest/behaviours/data-after-end.ts'
import { emptyDataStorm } from '../sim/guest/behaviours/empty-data-storm.ts'
import { garbageAfterBody } from '../sim/guest/behaviours/garbage-after-body.ts'
import { ghostEvents } from '../sim/guest/behaviours/ghost-events.ts'
import { giantPacket } from '../sim/guest/behaviours/giant-packet.ts'
import { globalRequestStorm } from '../sim/guest/behaviours/global-request-storm.ts'
import { hostKeyFlapping } from '../sim/guest/behaviours/host-key-flapping.ts'
import * as http from '../sim/guest/behaviours/hostile-http.ts'
import * as json from '../sim/guest/behaviours/hostile-json.ts'
import { ignoreStorm } from '../sim/guest/behaviours/ignore-storm.ts'
import { noPackets } from '../sim/guest/behaviours/no-packets.ts'
import { noWindow } from '../sim/guest/behaviours/no-window.ts'
import { rekeyStorm } from '../sim/guest/behaviours/rekey-storm.ts'
import { signatureStorm } from '../sim/guest/behaviours/signature-storm.ts'
import { silentChannel } from '../sim/guest/behaviours/silent-channel.ts'
import { slowHandshake } from '../sim/guest/behaviours/slow-handshake.ts'
import type { Behaviour } from '../sim/guest/faults.ts'
import { followsAll } from './healthy-guest.ts'
import { Together } from './together.ts'
import { World } from './world.ts'

/** What the administrator reads of each. */
const CASES: readonly (readonly [Behaviour, RegExp])[] = [
  [slowHandshake(), /stopped answering during the handshake/],
  [signatureStorm(), /does what no SSH server may: it wants signature after signature/],
  [giantPacket(), /broke the rules of the SSH protocol/],
  [rekeyStorm(), /does what no SSH server may: it starts one key exchange after the other/],
  [globalRequestStorm(), /does what no SSH server may: it sends messages without end that bring nothing/],
  [channelOpenStorm(), /does what no SSH server may: it opens channels to us/],
  [ignoreStorm(), /does what no SSH server may: it sends messages without end that bring nothing/],
  [emptyDataStorm(), /does what no SSH server may: it sends messages without end that bring nothing/],
  [dataAfterEnd(), /does what no SSH server may: it goes on after it said that this was the end/],
  [noPackets(), /does what no SSH server may: it opens a channel that takes no packets/],
  [noWindow(), /did not answer GET \/version within 15 s/],
  [silentChannel(), /did not answer GET \/version within 15 s/],
  [channelClosedAtOnce(), /closed the connection while we were writing|broke during GET \/version/],
  [hostKeyFlapping(), /SSH host key of the guest at \S+ is SHA256:\S+ .* is pinned for this VM/],
  [http.hugeChunkSize(), /did not answer GET \/version within 15 s/],
  [http.twoContentLengths(), /does not speak HTTP/],
  [http.switchedProtocols(), /broke during GET \/version/],
  [http.endlessContinue(), /broke during GET \/version \(unexpected 1xx reply\)/],
  [http.endlessChunkExtension(), /does not speak HTTP|broke during GET \/version/],
  [http.compressedBomb(), /answered GET \/version with text instead of JSON/],
  [http.redirected(), /answered GET \/version with HTTP 302/],
  [json.jsonBomb(), /answered GET \/containers\/json with more than 200000 values/],
  [json.millionContainers(), /answered GET \/containers\/json with more than 200000 values/],
]

/** Of the daemon, whatever all of them do at once. With no hostile guest it has some 100. */
const MOST_MB = 300

/**
 * All these guests live in this one process, which is busier with them than the monitor is: the healthy one may be late
 * itself. What one JSON bomb alone did to the monitor took twice as long. Seconds.
 */
const PATIENCE = 20

let world: World
let peakMb = 0
const cases = new Together()
beforeAll(async () => {
  world = await World.start({ hosts: 2, settings: { log: { level: 'trace' } } })
  const daemon = await world.startDaemon()
  const healthy = await world.addGuest({ name: 'healthy' })
  await world.untilMonitored(healthy)
  cases.start('healthy', () => followsAll(world, healthy, 25, PATIENCE))
  for (const [fault, cause] of CASES) cases.start(fault.name, () => contained(fault, cause))
  cases.start('ghosts', () => followed(ghostEvents()))
  cases.start('forged', () => followed(garbageAfterBody()))
  cases.start('strange', () => strange())
  cases.start('another VM', () => namesAnotherVm())
  cases.start('another host', () => namesAnotherHost())
  cases.start('many addresses', () => changesAllTheTime())
  await cases.settled()
  peakMb = daemon.peakMb()
})
afterAll(() => world.stop())

async function contained(fault: Behaviour, cause: RegExp): Promise<void> {
  const guest = await world.addGuest({ name: fault.name, behaviours: [fault] })
  await world.untilFailed(guest, cause, 45)
  expect(world.status(guest)).not.toMatch(/[^\x20-\x7e]/)
  expect(world.status(guest).length).toBeLessThan(1000)
  await world.until('the administrator is told', () => world.messages(guest).length === 1, 30)
  await world.until('no list is left', () => world.config(guest)['docker_ps'] === undefined)
}

async function followed(fault: Behaviour): Promise<void> {
  const guest = await world.addGuest({ behaviours: [fault], engine: { containers: [{ name: 'web' }] } })
  await world.until('its list shows', () => 'web' in world.containers(guest), 45)
  guest.engine.run({ name: 'job' })
  await world.until('a change shows', () => 'job' in world.containers(guest), 30)
  expect(Object.keys(world.containers(guest)).sort()).toEqual(['job', 'web'])
}

async function strange(): Promise<void> {
  const guest = await world.addGuest({ behaviours: [json.strangeJson()] })
  await world.untilMonitored(guest, 45)
  const { strange: entry, ...others } = world.containers(guest)
  expect(Object.keys(others)).toEqual([])
  expect(entry).toMatchObject({
    created: '0',
    status: 'Up',
    labels: { 'com.docker.compose.project': 'bad \ufffd\ufffd utf-8 \ufffd' },
  })
  expect(JSON.stringify(world.config(guest))).not.toMatch(/polluted|Infinity/)
}

/** It was somebody of its own before: the key that was seen then is what saves the other. */
async function namesAnotherVm(): Promise<void> {
  const [guest, other] = [
    await world.addGuest(),
    await world.addGuest({ engine: { containers: [{ name: 'private' }] } }),
  ]
  await Promise.all([world.untilMonitored(guest), world.untilMonitored(other)])
  const { authAttempts } = other.sim.counters
  world.pool.setAddresses(guest, { '0/ip': other.sim.address })
  await world.untilFailed(guest, /SSH host key of the guest at \S+ is .* is pinned for this VM/)
  expect(other.sim.counters.authAttempts).toBe(authAttempts)
  expect(world.status(other)).toMatch(/^monitored since/)
  expect(JSON.stringify(world.config(guest))).not.toContain('private')
}

async function namesAnotherHost(): Promise<void> {
  const { address } = world.pool.hosts[1]!
  const guest = await world.addGuest({ networks: { '0/ip': address, '1/ip': `::ffff:${address}` } })
  await world.untilFailed(guest, /belongs to a host of the pool|is not the address of one machine/)
}

async function changesAllTheTime(): Promise<void> {
  const guest = await world.addGuest()
  await world.untilMonitored(guest)
  const startedAt = performance.now()
  for (let i = 0; i < 15; i++) {
    world.pool.setAddresses(guest, { '0/ip': i % 2 === 0 ? guest.sim.address : `127.66.${i}.1` })
    await sleep(500)
  }
  // One dial in 3 s, and the first one; a slow machine has had longer for them.
  expect(guest.sim.counters.connections).toBeLessThanOrEqual(2 + (performance.now() - startedAt) / 3000)
  world.pool.setAddresses(guest, { '0/ip': guest.sim.address })
  await world.untilMonitored(guest, 45)
}

test.each(CASES.map(([{ name }]) => name))('%s: contained, and its cause is named', (name) => cases.done(name))

test('events of containers that do not exist: the list stays the truth', () => cases.done('ghosts'))

test('an answer that nobody asked for is not taken for one', () => cases.done('forged'))

test('__proto__, numbers beyond 2^53 and text that is none', () => cases.done('strange'))

test('an address of another VM: its key is not the pinned one, and it is shown nothing', () => cases.done('another VM'))

test('an address of another host: never dialled', () => cases.done('another host'))

test('an address that changes all the time: dialled no more often than every 3 s', () => cases.done('many addresses'))

test('meanwhile a healthy guest is followed as ever', () => cases.done('healthy'))

test('the memory of the daemon stays bounded', () => {
  expect(peakMb).toBeGreaterThan(20)
  expect(peakMb).toBeLessThan(MOST_MB)
})
