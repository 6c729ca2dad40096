import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from '../../../src/app/cli/cli.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { KEY } from '../../../src/model/fields.ts'
import { useTestPool } from '../../sim/xapi/test-pool.ts'
import { FakeTerminal, PS } from './fixtures.ts'

const sim = useTestPool()
const dir = mkdtempSync(join(tmpdir(), 'cli-'))
const config = join(dir, 'x.toml')

beforeAll(() => {
  const { socketPath, inventoryPath } = sim.coordinator
  const control = `[control]\nsocket = "${join(dir, 'nobody.sock')}"\n`
  writeFileSync(config, `[xapi]\nsocket = "${socketPath}"\ninventory = "${inventoryPath}"\n${control}`)
  sim.pool.createVm({ name: 'web', otherConfig: { [KEY.monitor]: 'True', [KEY.ps]: PS } })
})
afterAll(() => rmSync(dir, { recursive: true }))

async function run(words: readonly string[], env: Record<string, string> = {}) {
  let out = ''
  let err = ''
  const terminal = new FakeTerminal(false)
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), terminal }
  const code = await runCli(words, { env, io, clock: systemClock, signal: new AbortController().signal })
  return { code, out, err }
}

describe('what works', () => {
  test('status and ps, with the configuration by option or environment; the session is ended', async () => {
    expect(await run(['status', '--config', config])).toMatchObject({ code: 0 })
    const { code, out } = await run(['ps', 'web', '-a', '--json'], { XSCONTAINER_CONFIG: config })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toHaveLength(2)
    expect(sim.pool.openSessions()['xscontainer'] ?? 0).toBe(0)
  })

  test('the option wins over the environment', async () => {
    expect(await run(['status', '--config', config], { XSCONTAINER_CONFIG: '/nonexistent' })).toMatchObject({ code: 0 })
  })

  test.each([['--help'], ['-h'], ['ps', '--help'], ['help'], ['help', 'exec'], ['exec', '-h']])(
    '%s %s',
    async (...words) => {
      const { code, out, err } = await run(words)
      expect([code, err]).toEqual([0, ''])
      expect(out).toContain('USAGE')
    },
  )

  test('--version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, out: 'xscontainer unbuilt\n', err: '' })
  })
})

describe('what does not', () => {
  test.each<[string[], number, string]>([
    [['status', 'web'], 2, 'one word too many, "web"'],
    [['ps', 'web', 'db'], 2, 'one word too many, "db"'],
    [[], 2, 'a command is missing. See xscontainer --help'],
    [['stets'], 2, 'there is no command "stets". See xscontainer --help'],
    [['help', 'stets'], 2, 'there is no command "stets"'],
    [['stats'], 2, 'something is missing: xscontainer stats VM [CONTAINER]'],
    [['stop', 'web'], 2, 'something is missing: xscontainer stop VM CONTAINER...'],
    [['exec', 'web', 'x'], 2, 'the command to run is missing'],
    [['logs', 'web', 'x', '-n', '0'], 2, '--tail takes a whole number from 1 to 1000, not "0"'],
    [['constructor'], 2, 'there is no command "constructor"'],
    [['ps', '--loud'], 2, "Unknown option '--loud'"],
    [['ps', '--config'], 2, '--config'],
    [['ps', '--config', '/nonexistent.toml'], 2, 'Cannot read /nonexistent.toml: ENOENT'],
  ])('%j', async (words, code, why) => {
    const result = await run(words)
    expect(result).toMatchObject({ code, out: '' })
    expect(result.err).toContain(`xscontainer: `)
    expect(result.err).toContain(why)
  })

  test('no such VM', async () => {
    const result = await run(['ps', 'nobody', '--config', config])
    expect(result).toMatchObject({ code: 2, out: '' })
    expect(result.err).toContain('"nobody"')
  })

  test('XAPI away', async () => {
    writeFileSync(
      join(dir, 'away.toml'),
      `[xapi]\nsocket = "/nonexistent"\ninventory = "${sim.coordinator.inventoryPath}"\n`,
    )
    const result = await run(['status', '--config', join(dir, 'away.toml')])
    expect(result).toMatchObject({ code: 1, out: '' })
    expect(result.err).toContain('XAPI at /nonexistent did not answer')
  })
})
