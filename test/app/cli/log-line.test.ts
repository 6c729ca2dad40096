import { describe, expect, test } from 'vitest'
import { logLine } from '../../../src/app/cli/log-line.ts'

const TIME = '2026-11-23T10:20:30.123Z'

describe('a line of the log, for people', () => {
  test.each([
    [
      { level: 'warn', time: TIME, vm: 'web-01', err: { type: 'TransientError', message: 'no route' }, msg: 'lost' },
      '2026-11-23 10:20:30.123 WARN  lost: no route vm=web-01',
    ],
    [{ level: 'info', time: TIME, msg: 'stopped' }, '2026-11-23 10:20:30.123 INFO  stopped'],
    [{ level: 'info', time: TIME, msg: 'two', n: 2, of: ['a'] }, '2026-11-23 10:20:30.123 INFO  two n=2 of=["a"]'],
  ])('%j', (entry, shown) => {
    expect(logLine(JSON.stringify(entry), 'info')).toBe(shown)
  })

  test('what is below the level is left out, what is at it is not', () => {
    const line = JSON.stringify({ level: 'info', time: TIME, msg: 'x' })
    expect([logLine(line, 'warn'), typeof logLine(line, 'info')]).toEqual([undefined, 'string'])
  })

  test("the predecessor's lines come as they are, empty ones do not", () => {
    expect(logLine('Jan 1 00:00:00 xscontainer: Processing VM', 'error')).toBe(
      'Jan 1 00:00:00 xscontainer: Processing VM',
    )
    expect(logLine('', 'trace')).toBeUndefined()
    expect(logLine('42', 'trace')).toBe('42')
  })

  test('what a guest brought into it steers no terminal', () => {
    const line = JSON.stringify({ level: 'info', time: TIME, msg: 'evil \u001B[2J\nname' })
    expect(logLine(line, 'info')).not.toMatch(/[\u001B\n]/)
  })
})
