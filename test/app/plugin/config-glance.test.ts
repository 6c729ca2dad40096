import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DEFAULT_CONFIG_PATH, parseConfig } from '../../../src/app/config.ts'
import { configPath, glanceAtConfig } from '../../../src/app/plugin/config-glance.ts'

const dir = mkdtempSync(join(tmpdir(), 'xsc-plugin-'))
const file = join(dir, 'xscontainer.toml')
afterAll(() => rmSync(dir, { recursive: true }))

/** What the daemon makes of this text. */
function daemons(text: string) {
  const { control, xapi } = parseConfig(text, file)
  return { controlSocket: control.socket, xapiSocket: xapi.socket, inventory: xapi.inventory }
}

test.each([
  ['nothing', ''],
  ['comments', '[control]\n#socket = "/a"\n'],
  ['a section', '[control]\nsocket = "/a"\n'],
  ['all sections', '[xapi]\nsocket = "/x"\ninventory="/i"\n[control] # ours\n  socket= \'/a\' # here\n'],
  ['the inventory alone', '[xapi]\ninventory = "/i"\n'],
  ['a dotted key', 'control.socket = "/a"\n'],
  ['an inline table', 'control = { "socket" = "/a" }\n'],
])('the file has %s: the same as the daemon reads', async (_, text) => {
  writeFileSync(file, text)
  expect(await glanceAtConfig(file)).toEqual(daemons(text))
})

test('no file: the defaults, unless somebody named the file', async () => {
  const installed = existsSync(DEFAULT_CONFIG_PATH) ? readFileSync(DEFAULT_CONFIG_PATH, 'utf8') : ''
  expect(await glanceAtConfig(DEFAULT_CONFIG_PATH)).toEqual(daemons(installed))
  expect(await glanceAtConfig(join(dir, 'none'))).toBeUndefined()
  expect(await glanceAtConfig(dir)).toBeUndefined()
})

test.each([
  ['not TOML', '[control\nsocket = "/a"'],
  ['a socket that is no text', '[control]\nsocket = 5'],
  ['an inventory that is no text', '[xapi]\ninventory = []'],
])('a file with %s: unknown', async (_, text) => {
  writeFileSync(file, text)
  expect(await glanceAtConfig(file)).toBeUndefined()
})

test('the file is the one that the daemon reads, or the one that somebody named', () => {
  expect(configPath({})).toBe(DEFAULT_CONFIG_PATH)
  expect(configPath({ XSCONTAINER_CONFIG: '' })).toBe(DEFAULT_CONFIG_PATH)
  expect(configPath({ XSCONTAINER_CONFIG: '/a' })).toBe('/a')
})
