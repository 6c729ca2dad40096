import { setMaxListeners } from 'node:events'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ProcessSlots } from '../../../src/app/operations/process-slots.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { Late } from '../../fakes/late.ts'

const { signal } = new AbortController()
setMaxListeners(0, signal)
let top: string
let dir: string

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'xsc-slots-'))
  dir = join(top, 'dialling')
})
afterEach(() => rmSync(top, { recursive: true, force: true }))

/** As of another process: nothing is shared but the directory. */
const slots = () => new ProcessSlots({ clock: systemClock, random: () => 0 }, dir, 4)

test('four dial one guest at a time, all get their turn, and nothing is left', async () => {
  let inside = 0
  let most = 0
  const dial = async (n: number) => {
    most = Math.max(most, ++inside)
    await systemClock.sleep(40, signal)
    inside--
    return n
  }
  const all = Array.from({ length: 30 }, (_, n) => slots().pass('vm', 20_000, signal, () => dial(n)))
  expect(await Promise.all(all)).toEqual(Array.from({ length: 30 }, (_, n) => n))
  expect(most).toBe(4)
  expect(readdirSync(dir)).toEqual([])
})

test('guests do not wait for each other', async () => {
  const hold = new Late<void>()
  const held = Array.from({ length: 4 }, () => slots().pass('vm-a', 20_000, signal, () => hold.promise))
  expect(await slots().pass('vm-b', 20_000, signal, async () => 'b')).toBe('b')
  hold.resolve()
  await Promise.all(held)
})

test('a slot is free again after a failed dial', async () => {
  for (let i = 0; i < 5; i++) {
    await expect(slots().pass('vm', 20_000, signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  }
  expect(readdirSync(dir)).toEqual([])
})

describe('slots that nobody uses any more', () => {
  /** All four, as this process wrote them, or another one. */
  function occupy(pid: number, ageS = 0): void {
    mkdirSync(dir, { recursive: true })
    for (let i = 0; i < 4; i++) {
      const path = join(dir, `vm.${i}`)
      writeFileSync(path, String(pid))
      const at = Date.now() / 1000 - ageS
      utimesSync(path, at, at)
    }
  }
  const taken = () => slots().pass('vm', 300, signal, async () => readdirSync(dir).length)
  const dead = () => spawnSync(process.execPath, ['-e', '0']).pid

  test('are taken over when their process has ended', async () => {
    occupy(dead())
    await slots().pass('vm', 20_000, signal, async () => {
      const owners = readdirSync(dir).map((name) => readFileSync(join(dir, name), 'utf8'))
      expect(owners).toContain(String(process.pid))
    })
  })

  test('are taken over when they are very old, whoever has that process number now', async () => {
    occupy(process.pid, 61)
    await slots().pass('vm', 20_000, signal, async () => {
      expect(readdirSync(dir).length).toBeLessThan(4)
    })
  })

  test('stay when their process runs; who has no patience left dials without', async () => {
    occupy(process.pid)
    expect(await taken()).toBe(4)
    expect(readdirSync(dir)).toHaveLength(4)
  })
})

test('where no files can be made nobody waits', async () => {
  writeFileSync(join(top, 'file'), '')
  const nowhere = new ProcessSlots({ clock: systemClock, random: () => 0 }, join(top, 'file', 'dialling'), 4)
  expect(await nowhere.pass('vm', 20_000, signal, async () => 'done')).toBe('done')
  expect(existsSync(dir)).toBe(false)
})
