import fc from 'fast-check'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseConfig, type Config } from '../../src/app/config.ts'
import { glanceAtConfig } from '../../src/app/plugin/config-glance.ts'
import { RefusedError } from '../../src/base/errors.ts'
import { hostUuidFrom } from '../../src/xapi/inventory.ts'
import { corpus } from './corpus.ts'
import { holds } from './holds.ts'
import { anyText, damaged, thrownBy } from './inputs.ts'

const dir = mkdtempSync(join(tmpdir(), 'xsc-fuzz-'))
afterAll(() => rmSync(dir, { recursive: true }))

const SAMPLE = readFileSync(new URL('../../rpm/xscontainer.toml', import.meta.url), 'utf8')
/** The sample with its settings in effect: it ships with all of them as comments. */
const SETTINGS = SAMPLE.replace(/^# ?(?=\w+ = )/gm, '').replace(/^#.*\n/gm, '')

test('whatever is in the file: a whole configuration, or a refusal that names a line', async () => {
  const { xapi, control } = parseConfig(SETTINGS, '/x.toml')
  expect([xapi.socket, control.socket]).toEqual(['/var/lib/xcp/xapi', '/run/xscontainer/control.sock'])
  await holds(
    fc.asyncProperty(fc.oneof(damaged(SETTINGS), damaged('[log]\nlevel = "info"\n'), anyText), async (text) => {
      const error = await thrownBy(() => {
        const config = parseConfig(text, '/x.toml')
        expect(Object.keys(config).sort()).toEqual(['config_drive', 'control', 'guest', 'log', 'monitor', 'xapi'])
        for (const value of Object.values(config).flatMap((section: object): unknown[] => Object.values(section)))
          expect(['string', 'number', 'boolean']).toContain(typeof value)
      })
      if (error === undefined) return
      expect(error).toBeInstanceOf(RefusedError)
      expect(String(error)).toMatch(/\/x\.toml, line \d+: /)
    }),
    { numRuns: 150, examples: corpus.configs.map((text): [string] => [text]) },
  )
})

test('the plugin, which looks for paths only, finds those that the daemon finds', async () => {
  const path = join(dir, 'x.toml')
  const text = fc.oneof(
    damaged(SETTINGS),
    damaged('[control]\nsocket = "/x"\n[xapi]\nsocket = "/y"\ninventory = "/z"\n'),
  )
  await holds(
    fc.asyncProperty(text, async (toml) => {
      writeFileSync(path, toml)
      let config: Config | undefined
      if ((await thrownBy(() => (config = parseConfig(readFileSync(path, 'utf8'), path)))) !== undefined) return
      const { control, xapi } = config!
      const glance = { controlSocket: control.socket, xapiSocket: xapi.socket, inventory: xapi.inventory }
      expect(await glanceAtConfig(path)).toEqual(glance)
    }),
    { numRuns: 100 },
  )
})

test('whatever is in the inventory: a uuid, or a refusal', async () => {
  const good =
    "PRODUCT_BRAND='XCP-ng'\nINSTALLATION_UUID='4f2a0c1e-6a9b-4c1d-8e2f-0123456789ab'\nMANAGEMENT_INTERFACE=''\n"
  await holds(
    fc.asyncProperty(fc.oneof(damaged(good), anyText), async (text) => {
      const error = await thrownBy(() => expect(hostUuidFrom(text, '/etc/x')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-/))
      if (error !== undefined) expect(error).toBeInstanceOf(RefusedError)
    }),
    { numRuns: 100 },
  )
})
