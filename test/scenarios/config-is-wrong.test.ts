import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { World } from './world.ts'

const MONITOR = fileURLToPath(new URL('../../dist/bin/xscontainer-monitor', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'xsc-config-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function run(args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(MONITOR, [...args], { env: { PATH: process.env['PATH'], ...env }, timeout: 20_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    )
  })
}

test.each([
  ['unknown section', '[xapi]\n\n[gest]\n', /line 3: gest is not a section/],
  ['unknown key', '[guest]\nssh_prt = 22\n', /line 2: guest\.ssh_prt is not a known key \(known: ssh_port/],
  ['wrong type', '[guest]\n\nssh_port = "22"\n', /line 3: guest\.ssh_port must be a number/],
  ['out of range', '[monitor]\ngrace_s = 4\n', /line 2: monitor\.grace_s must be a whole number from 5/],
  ['not whole', '[monitor]\nresync_s = 5.5\n', /line 2: monitor\.resync_s must be a whole number/],
  ['bad schedule', '[monitor]\ntop_schedule = "* * *"\n', /line 2: monitor\.top_schedule must be "off" or a schedule/],
  ['bad level', '[log]\nlevel = "loud"\n', /line 2: log\.level must be one of trace, debug/],
  ['relative log file', '[log]\nfile = "log"\n', /line 2: log\.file must be an absolute path/],
  ['no TOML', '[guest\n', /line 1: /],
])('%s: it exits 2 and names the line, the key and what is wrong', async (_name, text, message) => {
  const file = join(dir, `${_name.replaceAll(' ', '-')}.toml`)
  writeFileSync(file, text)
  const { code, err } = await run(['--config', file])
  expect(code).toBe(2)
  expect(err).toMatch(message)
  expect(err).toContain(file)
  expect(err.trim().split('\n')).toHaveLength(1)
})

test('a file that was asked for by name is not there, or cannot be read', async () => {
  const child = spawn(MONITOR, [], { env: { PATH: process.env['PATH'], XSCONTAINER_CONFIG: '/nowhere/x.toml' } })
  // With its defaults it logs there.
  const wasThere = existsSync('/var/log/xscontainer.log')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await once(child, 'close')
    if (!wasThere) rmSync('/var/log/xscontainer.log', { force: true })
  })
  const [said] = (await once(child.stderr, 'data')) as [Buffer]
  expect(String(said)).toContain('there is no /nowhere/x.toml: all settings have their defaults')
  expect(await run(['--config', dir])).toMatchObject({
    code: 2,
    err: expect.stringContaining(`Cannot read ${dir}`) as string,
  })
})

test('wrong options', async () => {
  const { code, err } = await run(['--confg', 'x'])
  expect([code, err]).toEqual([2, expect.stringMatching(/--confg.*See xscontainer-monitor --help$/m)])
})

test('version and help', async () => {
  expect((await run(['--version'])).out).toMatch(/^xscontainer-monitor \d+\.\d+\.\d+/)
  expect((await run(['--help'])).out).toContain('EXIT STATUS')
})

test('an inventory that is malformed, or names no host of this pool: the cause is named, and it goes on when it is put right', () =>
  World.during({}, async (world) => {
    const [host] = world.pool.hosts
    const good = `INSTALLATION_UUID='${host!.uuid}'\n`
    writeFileSync(host!.inventoryPath, "PRODUCT_BRAND='XCP-ng'\n")
    const guest = await world.addGuest()
    const daemon = await world.startDaemon()
    await world.until('the cause is named', () => /has no line INSTALLATION_UUID/.test(daemon.log() + daemon.stderr()))
    writeFileSync(host!.inventoryPath, "INSTALLATION_UUID='not a uuid'\n")
    await world.until('the cause is named', () => /is not a uuid/.test(daemon.log() + daemon.stderr()), 40)
    writeFileSync(host!.inventoryPath, "INSTALLATION_UUID='11111111-2222-3333-4444-555555555555'\n")
    await world.until('the cause is named', () => /UUID_INVALID host/.test(daemon.log()), 40)
    writeFileSync(host!.inventoryPath, good)
    await world.untilMonitored(guest, 40)
  }))
