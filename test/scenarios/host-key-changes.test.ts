import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
  await world.startDaemon()
})
afterAll(() => world.stop())

const PIN = 'xscontainer-sshhostkey'

test.concurrent('another host key is refused and never taken silently, until the pin is removed', async () => {
  const guest = await world.addGuest()
  await world.untilMonitored(guest)
  const pin = world.config(guest)[PIN]
  guest.sim.rotateHostKey()
  guest.sim.dropConnections()
  const cause =
    /^failed since \S+: The SSH host key of the guest at \S+ is SHA256:\S+ \(ssh-ed25519\), but SHA256:\S+ \(ssh-ed25519\) is pinned for this VM.*reset the pin with: xe vm-param-remove uuid=\S+ param-name=other-config param-key=xscontainer-sshhostkey$/
  await world.untilFailed(guest, cause)
  await world.until('the administrator is told', () => world.messages(guest).length === 1)
  expect(world.messages(guest)[0]!.body).toContain(`xe vm-param-remove uuid=${guest.uuid}`)
  // So long that what the daemon wrote has been echoed, and that it would put right what somebody else changed.
  await sleep(20_000)
  expect(world.config(guest)[PIN]).toBe(pin)
  expect(world.config(guest)['docker_ps']).toBeUndefined()

  guest.sim.refuse()
  await world.setKey(guest, PIN, undefined)
  await sleep(3000)
  expect(world.config(guest)[PIN]).toBeUndefined()
  await guest.sim.admit()
  await world.untilMonitored(guest, 45)
  expect(world.config(guest)[PIN]).toBe(guest.sim.hostKey)
  await world.until('the message is taken back', () => world.messages(guest).length === 0)
})

test.concurrent('a pin set by hand before first contact is what the guest must show', async () => {
  const guest = await world.addGuest({
    otherConfig: { [PIN]: 'AAAAC3NzaC1lZDI1NTE5AAAAIGFsbCBvdGhlciBrZXlzIGFyZSByZWZ1c2Vk' },
  })
  await world.untilFailed(guest, /is pinned for this VM/)
  await world.setKey(guest, PIN, guest.sim.hostKey)
  await world.untilMonitored(guest, 45)
  expect(world.config(guest)[PIN]).toBe(guest.sim.hostKey)
})

test.concurrent('a pin removed while all is well is made again of the guest that is connected', async () => {
  const guest = await world.addGuest()
  await world.untilMonitored(guest)
  await world.untilQuiet()
  await world.setKey(guest, PIN, undefined)
  await world.until('the pin is back', () => world.config(guest)[PIN] === guest.sim.hostKey, 25)
  expect(guest.sim.counters.connections).toBe(1)
})
