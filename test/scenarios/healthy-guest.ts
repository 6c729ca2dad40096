import { setTimeout as sleep } from 'node:timers/promises'
import type { World, WorldGuest } from './world.ts'

/** What happens in a guest that is well must show within this, whatever other guests do. Seconds; machines are noisy. */
const IN_TIME = 8
/** So far apart that each change is the first after a quiet time. */
const PAUSE_MS = 3000

/** Changes the list of a guest that is well for so long, and rejects when a change does not show in time (seconds). */
export async function followsAll(world: World, guest: WorldGuest, seconds: number, inTime = IN_TIME): Promise<void> {
  const end = performance.now() + seconds * 1000
  for (let i = 0; performance.now() < end; i++) {
    await sleep(PAUSE_MS)
    guest.engine.run({ name: `change-${i}` })
    await world.until('the healthy guest is followed', () => `change-${i}` in world.containers(guest), inTime)
  }
}
