import { setTimeout as sleep } from 'node:timers/promises'
import type { WorldGuest } from './world.ts'

/** The engine's list changes every 60 to 180 ms. */
export async function churn(guest: WorldGuest, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000
  for (let i = 0; performance.now() < end; i++) {
    if (i % 2 === 0) guest.engine.run({ name: 'job' })
    else guest.engine.remove('job')
    await sleep(60 + Math.random() * 120)
  }
}
