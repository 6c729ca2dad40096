import sax from 'sax'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HOSTILE, hostileNames } from '../sim/guest/behaviours/hostile-names.ts'
import { hugeList } from '../sim/guest/behaviours/huge-list.ts'
import { hugeStrings } from '../sim/guest/behaviours/huge-strings.ts'
import { labelEntry } from '../sim/guest/behaviours/label-entry.ts'
import { namelessContainers } from '../sim/guest/behaviours/nameless-containers.ts'
import type { Behaviour } from '../sim/guest/faults.ts'
import { World, type WorldGuest } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
  await world.startDaemon()
})
afterAll(() => world.stop())

async function guestWith(...behaviours: Behaviour[]): Promise<WorldGuest> {
  const guest = await world.addGuest({ behaviours, engine: { containers: [{ name: 'web' }] } })
  await world.untilMonitored(guest, 45)
  await world.until('all documents are there', () => world.published(guest).length === 6, 45)
  return guest
}

/** How many elements of this name a strict parser finds anywhere; throws when the document is not well-formed. */
function countElements(xml: string, wanted: string): number {
  let found = 0
  const parser = sax.parser(true)
  parser.onopentag = ({ name }) => {
    if (name === wanted) found++
  }
  parser.onerror = (error) => {
    throw error
  }
  parser.write(xml).close()
  return found
}

/** Whole, well-formed, small, and with no more containers than there are. */
function expectSound(guest: WorldGuest, containers: number): void {
  for (const key of ['docker_ps', 'docker_info', 'docker_version', 'docker_top']) {
    const xml = world.config(guest)[key]!
    expect(xml.endsWith(`</${key}>`) || xml === `<${key}/>`, key).toBe(true)
    expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(65_536)
    expect(xml.match(/&(?:lt|gt|quot|apos|#\w+);/g)?.length ?? 0).toBeLessThan(1000)
    expect(countElements(xml, key)).toBe(1)
  }
  expect(countElements(world.config(guest)['docker_ps']!, 'entry')).toBe(containers)
}

test.concurrent('control characters, ]]>, quotes, emoji, half characters', async () => {
  const guest = await guestWith(hostileNames())
  expectSound(guest, HOSTILE.length + 1)
  const names = world.entries(guest).map((entry) => String(entry['names']))
  expect(names).toContain('whale 🐳 flag 🇩🇪 family 👨‍👩‍👧')
  expect(names).toContain(']]><entry><id>ghost</id></entry>')
  expect(names).toContain('nul\ufffdbyte')
  guest.engine.run({ name: 'after' })
  await world.until('the next change shows', () => 'after' in world.containers(guest))
})

test.concurrent('strings of 1 MB', async () => {
  const guest = await guestWith(hugeStrings())
  expectSound(guest, 2)
  guest.engine.run({ name: 'after' })
  await world.until('the next change shows', () => 'after' in world.containers(guest), 30)
})

test.concurrent('a label, a mount and a network called entry make no ghost container', async () => {
  const guest = await guestWith(labelEntry())
  expectSound(guest, 2)
  expect(Object.keys(world.containers(guest)).sort()).toEqual(['haunted', 'web'])
})

test.concurrent('containers without names, or with names of links', async () => {
  const guest = await guestWith(namelessContainers())
  expectSound(guest, 5)
  const byImage = new Map(world.entries(guest).map((entry) => [entry['image'], entry['names']]))
  expect(byImage.get('link-first')).toBe('cache')
  for (const name of byImage.values()) expect(typeof name).toBe('string')
})

test.concurrent('100,000 containers', async () => {
  const guest = await world.addGuest({ behaviours: [hugeList()] })
  // Too large an answer is refused, or the list cut: never a broken document, and never an end of monitoring others.
  const other = await world.addGuest()
  await world.untilMonitored(other, 40)
  await world.until('it is dealt with', () => /^(monitored|failed) since/.test(world.status(guest)), 60)
  if (world.status(guest).startsWith('failed'))
    expect(world.status(guest)).toMatch(/with more than \d+ bytes|did not answer/)
})
