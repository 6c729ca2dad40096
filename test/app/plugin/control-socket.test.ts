import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DEFAULT_CONFIG_PATH, parseConfig } from '../../../src/app/config.ts'
import { configPlace } from '../../../src/app/plugin/config-place.ts'
import { controlSocket } from '../../../src/app/plugin/control-socket.ts'

const dir = mkdtempSync(join(tmpdir(), 'xsc-plugin-'))
const file = join(dir, 'xscontainer.toml')
afterAll(() => rmSync(dir, { recursive: true }))

const DEFAULT = parseConfig('', file).control.socket

test.each([
  ['nothing', '', DEFAULT],
  ['comments', '[control]\n#socket = "/a"\n', DEFAULT],
  ['another socket', '[xapi]\nsocket = "/x"\n', DEFAULT],
  ['a section', '[control]\nsocket = "/a"\n', '/a'],
  ['a section after another', '[xapi]\nsocket = "/x"\n[control] # ours\n  socket= \'/a\' # here\n', '/a'],
  ['a dotted key', 'control.socket = "/a"\n', '/a'],
  ['an inline table', 'control = { "socket" = "/a" }\n', '/a'],
])('the file has %s', async (_, text, socket) => {
  writeFileSync(file, text)
  expect(await controlSocket(file, true)).toBe(socket)
  expect(parseConfig(text.replace('control = {', 'control={'), file).control.socket).toBe(socket)
})

test('no file: the default, unless somebody named the file', async () => {
  expect(await controlSocket(join(dir, 'none'), false)).toBe(DEFAULT)
  expect(await controlSocket(join(dir, 'none'), true)).toBeUndefined()
})

test.each([
  ['not TOML', '[control\nsocket = "/a"'],
  ['a socket that is no text', '[control]\nsocket = 5'],
])('a file with %s: unknown', async (_, text) => {
  writeFileSync(file, text)
  expect(await controlSocket(file, true)).toBeUndefined()
})

test('the file is the one that the daemon reads, or the one that somebody named', () => {
  expect(configPlace({})).toEqual({ path: DEFAULT_CONFIG_PATH, mustExist: false })
  expect(configPlace({ XSCONTAINER_CONFIG: '/a' })).toEqual({ path: '/a', mustExist: true })
})
