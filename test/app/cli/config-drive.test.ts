import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli } from '../../../src/app/cli/cli.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { useTestPool } from '../../sim/xapi/test-pool.ts'
import { FakeTerminal } from './fixtures.ts'

const sim = useTestPool()
const dir = mkdtempSync(join(tmpdir(), 'cli-'))
const config = join(dir, 'x.toml')

beforeAll(() => {
  const { socketPath, inventoryPath } = sim.coordinator
  writeFileSync(
    config,
    `[xapi]\nsocket = "${socketPath}"\ninventory = "${inventoryPath}"\n` +
      `[control]\nsocket = "${join(dir, 'nobody.sock')}"\n[config_drive]\ntemplate = "${join(dir, 'own.template')}"\n`,
  )
  sim.pool.createVm({ name: 'wrong', powerState: 'Halted' })
})
afterAll(() => rmSync(dir, { recursive: true }))

async function run(words: readonly string[]) {
  let out = ''
  let err = ''
  const terminal = new FakeTerminal(false)
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), terminal }
  const env = { XSCONTAINER_CONFIG: config }
  const code = await runCli(words, { env, io, clock: systemClock, signal: new AbortController().signal })
  return { code, out, err }
}

test.each<[string, string[], RegExp, number?]>([
  ['nothing', ['config-drive'], /config-drive create VM --sr SR/],
  ['another word', ['config-drive', 'format', 'x'], /takes create VM, show VM or default/],
  ['create without a VM', ['config-drive', 'create'], /create takes a VM/],
  ['create without storage', ['config-drive', 'create', 'wrong'], /needs --sr/],
  [
    'storage that is not there',
    ['config-drive', 'create', 'wrong', '--sr', 'attic'],
    /no storage repository.*"attic"/,
    1,
  ],
  ['a VM that is not there', ['config-drive', 'create', 'nobody', '--sr', 'Shared storage'], /"nobody"/],
  [
    'a VM without a drive',
    ['config-drive', 'show', 'wrong'],
    /has no config drive.*xscontainer config-drive create/s,
    1,
  ],
  [
    'a file that is not there',
    ['config-drive', 'create', 'wrong', '--sr', 'Shared storage', '--file', '/nonexistent'],
    /\/nonexistent cannot be used.*ENOENT/s,
    1,
  ],
  ['template: another word', ['template', 'make'], /takes install, remove or status/],
])('wrong words: %s', async (_, words, message, status = 2) => {
  const { code, out, err } = await run(words)
  expect({ code, out }).toEqual({ code: status, out: '' })
  expect(err).toMatch(message)
})

test('a template file of the administrator that is broken: file and line', async () => {
  writeFileSync(join(dir, 'own.template'), '#cloud-config\na: [\n')
  expect(await run(['config-drive', 'default'])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/own\.template: .*line \d/) as string,
  })
  rmSync(join(dir, 'own.template'))
  expect(await run(['config-drive', 'default'])).toMatchObject({ code: 0, err: '' })
})

test('template: status, install, install again, remove, remove again', async () => {
  for (const row of [...sim.pool.db.rows('VM')]) if (row.get('name_label') === 'CoreOS') sim.pool.db.remove(row)
  const none = expect.stringContaining('the pool has no template "CoreOS"') as string
  expect(await run(['template', 'status'])).toMatchObject({ code: 1, out: none })
  const { code, out } = await run(['template', 'install'])
  expect(code).toBe(0)
  const [, uuid] = /^installed ([0-9a-f-]{36}) CoreOS \(UEFI, made by xscontainer\)\n$/.exec(out) ?? []
  const one = `${uuid} CoreOS (UEFI, made by xscontainer)\n`
  expect(await run(['template', 'install'])).toMatchObject({
    code: 0,
    out: `there is one already, left as it is: ${one}`,
  })
  expect(await run(['template', 'status'])).toMatchObject({ code: 0, out: one })
  expect(await run(['template', 'remove'])).toMatchObject({ code: 0, out: `removed ${one}` })
  expect(await run(['template', 'remove'])).toMatchObject({ code: 0, out: 'there was none to remove\n' })
})

test("template remove names the vendor's, which stays", async () => {
  sim.pool.createVm({ name: 'CoreOS', template: true, powerState: 'Halted' })
  const { code, out } = await run(['template', 'remove'])
  expect(code).toBe(0)
  expect(out).toMatch(/^left as it is, since xscontainer has not made it: .*\nthere was none to remove\n$/)
})
