import { expect, test } from 'vitest'
import { describeReal } from '../real/describe-real.ts'
import { waitUntil } from '../real/wait-until.ts'
import { Arena } from './arena.ts'
import { inject, REAL_FAULT_NAMES, type RealFaultName } from './faults.ts'

/** A monitor has time to notice: it asks a silent connection every 5 s here, and gives it up at the third silence. */
const BITES: readonly (readonly [fault: RealFaultName, forMs: number])[] = [
  ['real: sshd is killed', 4000],
  ['real: dockerd is killed', 4000],
  ['real: the network is cut', 20_000],
]

describeReal('real guests among faults', ['sshd', 'dockerd'], () => {
  test('what befalls them is noticed, and all is right when it is over', { timeout: 240_000 }, async () => {
    const arena = await Arena.start(3, BITES.length)
    const { world } = arena
    try {
      const hit = BITES.map(async ([fault, forMs], whom) => {
        const { vm } = arena.real[whom]!
        const over = inject(arena, { fault, whom, forMs, atMs: 0, extent: 0 })
        await world.until(`${fault} is noticed`, () => !world.status(vm).startsWith('monitored since'), 60)
        expect(await over).toBe(true)
      })
      await Promise.all(hit)
      await waitUntil('all is right again', async () => (await problemsOf(arena)).length === 0, 90_000)
    } finally {
      await arena.stop()
    }
  })

  test('each is over by itself', { timeout: 240_000 }, async () => {
    const arena = await Arena.start(3, 1)
    try {
      for (const fault of REAL_FAULT_NAMES) {
        expect([fault, await inject(arena, { fault, whom: 0, forMs: 300, atMs: 0, extent: 0 })]).toEqual([fault, true])
      }
      await waitUntil('all is right again', async () => (await problemsOf(arena)).length === 0, 90_000)
    } finally {
      await arena.stop()
    }
  })
})

async function problemsOf(arena: Arena): Promise<string[]> {
  return (await Promise.all(arena.real.map((guest) => guest.problems()))).flat()
}
