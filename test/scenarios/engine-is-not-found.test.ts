import { afterAll, beforeAll, expect, test } from 'vitest'
import { acceptAndClose } from '../sim/guest/behaviours/accept-and-close.ts'
import { endlessBanner } from '../sim/guest/behaviours/endless-banner.ts'
import { keyNotInstalled } from '../sim/guest/behaviours/key-not-installed.ts'
import { noDocker } from '../sim/guest/behaviours/no-docker.ts'
import { noStreamLocal } from '../sim/guest/behaviours/no-stream-local.ts'
import { noTools } from '../sim/guest/behaviours/no-tools.ts'
import { silentChannel } from '../sim/guest/behaviours/silent-channel.ts'
import { socketForbidden } from '../sim/guest/behaviours/socket-forbidden.ts'
import { stalledHandshake } from '../sim/guest/behaviours/stalled-handshake.ts'
import { unknownChannelType } from '../sim/guest/behaviours/unknown-channel-type.ts'
import { wrongUser } from '../sim/guest/behaviours/wrong-user.ts'
import type { Behaviour } from '../sim/guest/faults.ts'
import { followsAll } from './healthy-guest.ts'
import { Together } from './together.ts'
import { World } from './world.ts'

/** Each with the words that name key, user, socket or what else is wrong, and a cure. */
const CASES: readonly (readonly [Behaviour, RegExp])[] = [
  [keyNotInstalled(), /refused the key of this pool for user core\. Put the pool's public key into ~core\/\.ssh/],
  [wrongUser(), /refused the key of this pool for user core\..*xscontainer-username/],
  [noDocker(), /No Docker or Podman socket was found in the guest.*Install and start an engine/],
  [socketForbidden(), /User core may not use the engine's socket \/var\/run\/docker\.sock.*usermod -aG docker core/],
  [noTools(), /does not forward to the engine's socket \/var\/run\/docker\.sock.*AllowStreamLocalForwarding yes/],
  [acceptAndClose(), /closed the connection during the greeting.*MaxStartups/],
  [endlessBanner(), /is not an SSH 2 server; it says: Welcome to this machine/],
  [stalledHandshake('connected'), /does not say that it is an SSH server/],
  [stalledHandshake('greeted'), /stopped answering during the handshake/],
  [stalledHandshake('offered'), /stopped answering during the handshake/],
  [stalledHandshake('encrypted'), /stopped answering during the (login|handshake)/],
  [stalledHandshake('login'), /stopped answering during the login/],
  [silentChannel(), /The container engine did not answer GET \/version within 15 s/],
]
const HELPERS = ['docker', 'socat', 'nc'].flatMap((tool) =>
  [noStreamLocal(), unknownChannelType()].map((fault) => [`${fault.name}, but ${tool}`, fault, tool] as const),
)

let world: World
const cases = new Together()
beforeAll(async () => {
  world = await World.start()
  await world.startDaemon()
  const healthy = await world.addGuest({ name: 'healthy' })
  await world.untilMonitored(healthy)
  cases.start('healthy', () => followsAll(world, healthy, 25))
  for (const [fault, cause] of CASES) cases.start(fault.name, () => namedAndMended(fault, cause))
  for (const [name, fault, tool] of HELPERS) cases.start(name, () => reachedBy(fault, tool))
  cases.start('socket path', () => socketPathGiven())
})
afterAll(async () => {
  await cases.settled()
  await world.stop()
})

async function namedAndMended(fault: Behaviour, cause: RegExp): Promise<void> {
  const guest = await world.addGuest({ name: fault.name, behaviours: [fault] })
  await world.untilFailed(guest, cause, 45)
  expect(world.status(guest)).not.toMatch(/[^\x20-\x7e]/)
  expect(world.config(guest)['docker_ps']).toBeUndefined()
  await world.until('the administrator is told', () => world.messages(guest).length === 1)
}

async function reachedBy(fault: Behaviour, tool: string): Promise<void> {
  const guest = await world.addGuest({ name: `${fault.name}-${tool}`, behaviours: [fault], tools: [tool] })
  await world.untilMonitored(guest, 40)
  expect(guest.sim.commands.some((command) => command.includes(`exec ${tool} `))).toBe(true)
  guest.engine.run({ name: 'job' })
  await world.until('its events are heard', () => 'job' in world.containers(guest))
}

async function socketPathGiven(): Promise<void> {
  const sockets = [{ path: '/srv/engine.sock' }]
  const guest = await world.addGuest({ sockets, otherConfig: { 'xscontainer-socket': '/srv/engine.sock' } })
  await world.untilMonitored(guest, 40)
  await world.setKey(guest, 'xscontainer-socket', 'not/absolute')
  await world.untilFailed(guest, /xscontainer-socket of VM \S+ is not a path of a unix socket: not\/absolute/)
  await world.setKey(guest, 'xscontainer-socket', '/srv/engine.sock')
  await world.untilMonitored(guest, 45)
}

test.each(CASES.map(([fault]) => fault.name))('%s: the cause is named, and a cure', (name) => cases.done(name), 120_000)

test.each(HELPERS.map(([name]) => name))('%s in the guest: that is used', (name) => cases.done(name))

test("an administrator's socket path is the only one looked at", () => cases.done('socket path'))

test('meanwhile a healthy guest is followed as ever', () => cases.done('healthy'))
