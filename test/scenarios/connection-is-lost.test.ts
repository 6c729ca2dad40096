import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acceptAndClose } from '../sim/guest/behaviours/accept-and-close.ts'
import { keyNotInstalled } from '../sim/guest/behaviours/key-not-installed.ts'
import { World, type WorldGuest } from './world.ts'

const WEB = { engine: { containers: [{ name: 'web' }] } }
let world: World
beforeAll(async () => {
  world = await World.start()
  await world.startDaemon()
})
afterAll(() => world.stop())

function cut(guest: WorldGuest): void {
  guest.sim.refuse()
  guest.sim.dropConnections()
}

const LIVE = /^docker_/
const live = (guest: WorldGuest) => world.published(guest).filter((key) => LIVE.test(key))

test.concurrent(
  'the last list stays for the grace, then goes; the administrator is told once, with the cause',
  async () => {
    const guest = await world.addGuest(WEB)
    await world.untilMonitored(guest)
    await world.until('all documents are there', () => live(guest).length === 4)
    cut(guest)
    await world.untilFailed(guest, /No SSH server listens at \S+ port 2222 \(connection refused\)\. Install and start/)
    expect(live(guest)).toHaveLength(4)
    expect(world.messages(guest)).toEqual([])
    await world.until('the lists are gone', () => live(guest).length === 0)
    await world.until('the administrator is told', () => world.messages(guest).length === 1)
    const [told] = world.messages(guest)
    expect(told).toMatchObject({ priority: '3', cls: 'VM', objUuid: guest.uuid })
    expect(told!.body).toMatch(/No SSH server listens at \S+ port 2222.*Install and start the SSH server in the guest/)
    expect(world.status(guest)).toMatch(/^failed since /)

    await sleep(10_000)
    expect(world.messages(guest)).toEqual([told])
    const line = world.status(guest)
    await sleep(3000)
    expect(world.status(guest)).toBe(line)

    await guest.sim.admit()
    await world.untilMonitored(guest, 45)
    await world.until('the message is taken back', () => world.messages(guest).length === 0)
    await world.until('all documents are there again', () => live(guest).length === 4)
  },
)

test.concurrent('a short break costs nobody anything', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  guest.sim.dropConnections()
  await world.until('there is another connection', () => guest.sim.counters.connections === 2)
  await world.untilMonitored(guest)
  await sleep(6000)
  expect(world.wipes(guest)).toBe(0)
  expect(world.messages(guest)).toEqual([])
})

test.concurrent('a guest that never could be reached: the same message', async () => {
  const guest = await world.addGuest({ ...WEB, networks: { '0/ip': '127.66.66.66' } })
  await world.until('the administrator is told', () => world.messages(guest).length === 1)
  expect(world.messages(guest)[0]!.body).toMatch(/No SSH server listens at 127\.66\.66\.66/)
  expect(live(guest)).toEqual([])
  world.pool.setAddresses(guest, { '0/ip': guest.sim.address })
  await world.untilMonitored(guest, 45)
  await world.until('the message is taken back', () => world.messages(guest).length === 0)
})

test.concurrent('a failed VM that is deregistered, or shut down, leaves no message', async () => {
  const guests = await Promise.all([world.addGuest(WEB), world.addGuest(WEB)])
  for (const guest of guests) await world.untilMonitored(guest)
  for (const guest of guests) cut(guest)
  for (const guest of guests) await world.until('they are told', () => world.messages(guest).length === 1)
  await world.setKey(guests[0], 'xscontainer-monitor', 'False')
  world.pool.setPower(guests[1], 'Halted')
  for (const guest of guests) {
    await world.untilClean(guest)
    await world.until('the message is gone', () => world.messages(guest).length === 0)
  }
})

test.concurrent('two dead guests cost less than one dial per second between them', async () => {
  const guests = await Promise.all(
    [acceptAndClose(), keyNotInstalled()].map((fault) => world.addGuest({ behaviours: [fault] })),
  )
  await sleep(30_000)
  const dials = guests.reduce((sum, { sim }) => sum + sim.counters.connections, 0)
  expect(dials).toBeGreaterThan(2)
  expect(dials).toBeLessThan(30)
  expect(guests[1]!.sim.counters.mostHandshaking).toBe(1)
})
