import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const EXECUTABLE = fileURLToPath(new URL('../../dist/bin/xscontainer-monitor', import.meta.url))

test('whoever reads standard output goes away: the daemon goes on, and ends when it is told to', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'xsc-'))
  const file = (name: string) => join(dir, name)
  writeFileSync(file('inventory'), "INSTALLATION_UUID='11111111-2222-3333-4444-555555555555'\n")
  const settings = `[xapi]\nsocket = "${file('none')}"\ninventory = "${file('inventory')}"\n[log]\nlevel = "debug"\nfile = "${file('log')}"\n`
  writeFileSync(file('config.toml'), settings)
  const daemon = spawn(EXECUTABLE, ['--config', file('config.toml')], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(daemon, 'exit')
  try {
    await once(daemon.stdout, 'data')
    daemon.stdout.destroy()
    await sleep(3000)
    const lines = readFileSync(file('log'), 'utf8').split('\n')
    expect(lines.filter((line) => line.includes('defect'))).toEqual([])
    expect(lines.length).toBeLessThan(50)
    daemon.kill('SIGTERM')
    expect(await Promise.race([ended, sleep(8000, 'still running')])).toEqual([0, null])
  } finally {
    daemon.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
})
