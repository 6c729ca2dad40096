import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, test } from 'vitest'
import { keyNotInstalled } from '../sim/guest/behaviours/key-not-installed.ts'
import { noDocker } from '../sim/guest/behaviours/no-docker.ts'
import { silentEngine } from '../sim/guest/behaviours/silent-engine.ts'
import { stalledHandshake } from '../sim/guest/behaviours/stalled-handshake.ts'
import { Together } from './together.ts'
import { World, type WorldGuest } from './world.ts'

interface Trouble {
  readonly begin: (guest: WorldGuest) => void
  readonly end: (guest: WorldGuest) => void | Promise<void>
}

/** What can befall a guest that was well, and how that ends. All is right 45 s later at the latest. */
const TROUBLES: Readonly<Record<string, Trouble>> = {
  'sshd is stopped': {
    begin({ sim }) {
      sim.refuse()
      sim.dropConnections()
    },
    end: ({ sim }) => sim.admit(),
  },
  'the guest is frozen': { begin: ({ sim }) => sim.freeze(), end: ({ sim }) => sim.thaw() },
  'the engine is stopped': { begin: ({ engine }) => engine.stopEngine(), end: ({ engine }) => engine.startEngine() },
  'the engine is removed': misbehaving(noDocker),
  'the engine hangs': misbehaving(silentEngine, false),
  'the network is gone': {
    // The way that is taken when packets vanish: nothing comes back, not even a refusal.
    begin({ sim }) {
      sim.freeze()
      sim.dropConnections()
    },
    end: ({ sim }) => sim.thaw(),
  },
  'the key is removed': misbehaving(keyNotInstalled),
  'handshakes stall': misbehaving(() => stalledHandshake('offered')),
}

function misbehaving(fault: () => ReturnType<typeof keyNotInstalled>, cut = true): Trouble {
  let end: () => void = () => undefined
  return {
    begin({ sim, engine }) {
      end = sim.behave(fault())
      if (cut) {
        sim.dropConnections()
        engine.restartEngine()
      }
    },
    end: () => end(),
  }
}

let world: World
const cases = new Together()
beforeAll(async () => {
  // A resync so rare that only what the guest says, or no longer says, can tell.
  world = await World.start({ settings: { monitor: { resync_s: 300 } } })
  await world.startDaemon()
  for (const [name, trouble] of Object.entries(TROUBLES)) cases.start(name, () => endures(name, trouble))
})
afterAll(async () => {
  await cases.settled()
  await world.stop()
})

async function endures(name: string, { begin, end }: Trouble): Promise<void> {
  const guest = await world.addGuest({ name, engine: { containers: [{ name: 'web' }] } })
  await world.untilMonitored(guest, 40)
  await sleep(1000)
  begin(guest)
  await world.until('it is given up', () => world.messages(guest).length === 1, 60)
  await world.until('its list is gone', () => world.config(guest)['docker_ps'] === undefined)
  await world.untilFailed(guest, /: .+\. .+/)
  await sleep(5000)
  await end(guest)
  await world.untilMonitored(guest, 45)
  await world.until('the message is taken back', () => world.messages(guest).length === 0)
  guest.engine.run({ name: 'after' })
  await world.until('it is followed', () => 'after' in world.containers(guest))
}

test.each(Object.keys(TROUBLES))('%s, and no longer', (name) => cases.done(name), 150_000)
