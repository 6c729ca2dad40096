import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLog, fileStream, LOG_LEVELS, teeStream } from '../../src/base/log.ts'
import { RecordingLog } from '../fakes/recording-log.ts'

const REF = 'OpaqueRef:0a1b2c3d-0000-1111-2222-333344445555'
const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIsecretsecret\nmore\n-----END RSA PRIVATE KEY-----'

describe('secrets', () => {
  test.each([
    ['a session ref in a message', new Error(`call failed: SESSION_INVALID ${REF} again ${REF}`)],
    ['a key in a message', new Error(`cannot parse ${PEM}!`)],
    ['a key that was cut', new Error(`cannot parse ${PEM.slice(0, 50)}`)],
    ['in a cause', new Error('outer', { cause: new Error(`inner ${REF} ${PEM}`) })],
    ['in a cause that is no error', new Error('outer', { cause: `text ${REF} ${PEM}` })],
    ['thrown text', `text ${REF} ${PEM}`],
  ])('%s is blotted out', (_, err) => {
    const { log, text } = recorded((to) => to.warn({ err }, 'failed'))
    expect(log.lines).toHaveLength(1)
    expect(text).toContain('[hidden]')
    expect(text).not.toContain('0a1b2c3d')
    expect(text).not.toContain('MIIsecret')
  })

  test('the rest of the error stays: type, message, cause, stack', () => {
    const { log } = recorded((to) => to.warn({ err: new TypeError('odd', { cause: new Error('why') }) }, 'failed'))
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      msg: 'failed',
      err: {
        type: 'TypeError',
        message: 'odd',
        stack: expect.stringContaining('log.test.ts') as string,
        cause: { message: 'why' },
      },
    })
  })

  test('an error that is its own cause does not end the daemon', () => {
    const err = new Error('round')
    err.cause = err
    const { log } = recorded((to) => to.warn({ err }, 'failed'))
    expect(log.lines[0]).toMatchObject({ err: { message: 'round' } })
  })
})

test('what a guest has said in an error fills no disk: long texts are cut, with all that is escaped in them', () => {
  const said = '\x1b'.repeat(34_000)
  const { log, text } = recorded((to) => to.info({ err: new Error('lost', { cause: new Error(said) }) }, 'over'))
  expect(text.length).toBeLessThan(20_000)
  expect(JSON.stringify(log.lines[0])).toContain('log.test.ts')
})

test('nothing in a line steers the terminal on which somebody looks at the file', () => {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => lines.push(line) })
  const words = 'a\u009b31m\u202eb\u2028c\x7f'
  log.child({ name: words }).info({ err: new Error(words) }, words)
  expect(lines.join('')).not.toMatch(/[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ name: words, msg: words, err: { message: words } })
})

test.each(LOG_LEVELS)('level %s lets through what is at least as important', (level) => {
  const lines: { level: string }[] = []
  const log = createLog(level, { write: (line) => lines.push(JSON.parse(line) as { level: string }) })
  const names = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
  for (const name of names) log[name](name)
  const from = LOG_LEVELS.indexOf(level)
  expect(lines.map((line) => line.level)).toEqual(names.slice(from))
})

test('a line has an ISO time, and the members of its child log', () => {
  const { log } = recorded((to) => to.child({ vm: 'uuid-1' }).info({ extra: 2 }, 'hello'))
  expect(log.lines[0]).toMatchObject({ vm: 'uuid-1', extra: 2, msg: 'hello' })
  expect(log.lines[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('a log file is for its owner only, is appended to, and gets the same lines as the other stream', () => {
  const dir = mkdtempSync(join(tmpdir(), 'log-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'x.log')
  const other: string[] = []
  for (const word of ['one', 'two']) {
    createLog('info', teeStream([fileStream(path, () => undefined), { write: (line) => other.push(line) }])).info(word)
  }
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readFileSync(path, 'utf8')).toBe(other.join(''))
  expect(other).toHaveLength(2)
})

test('a log file that cannot be opened throws', () => {
  expect(() => fileStream('/proc/no/such/file', () => undefined)).toThrow('ENOENT')
})

test('a full disk is complained about once and never throws', async () => {
  const complaints: string[] = []
  const log = createLog(
    'info',
    fileStream('/dev/full', (error) => complaints.push(error.message)),
  )
  for (let i = 0; i < 3; i++) log.info('lost')
  await new Promise((resolve) => setImmediate(resolve))
  expect(complaints).toHaveLength(1)
  expect(complaints[0]).toContain('ENOSPC')
})

function recorded(act: (log: RecordingLog['log']) => void) {
  const log = new RecordingLog()
  act(log.log)
  return { log, text: log.text }
}
