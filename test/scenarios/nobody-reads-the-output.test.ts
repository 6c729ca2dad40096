import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { World } from './world.ts'

const EXECUTABLE = fileURLToPath(new URL('../../dist/bin/xscontainer-monitor', import.meta.url))

test('a daemon whose standard output nobody reads any more goes on, logs to its file, and stops as told', async () => {
  await World.during({}, async (world) => {
    const guest = await world.addGuest()
    const log = join(world.dir, 'unread.log')
    const child = spawn(EXECUTABLE, ['--config', world.configFile(world.pool.hosts[0], log)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    child.stdout.once('data', () => child.stdout.destroy())
    try {
      await world.untilMonitored(guest)
      child.kill('SIGTERM')
      expect(await Promise.race([ended, sleep(12_000, 'still running', { ref: false })])).toEqual([0, null])
    } finally {
      child.kill('SIGKILL')
    }
    expect(world.published(guest)).toEqual([])
    const lines = readFileSync(log, 'utf8')
    expect(lines).not.toContain('defect')
    expect(lines).toContain('stopped')
  })
}, 60_000)
