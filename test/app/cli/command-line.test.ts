import { describe, expect, test } from 'vitest'
import { numberOption, parseCommandLine, textOption, type Grammar } from '../../../src/app/cli/command-line.ts'
import { verbNamed } from '../../../src/app/cli/verbs.ts'

const parse = (...words: string[]) => parseCommandLine(words, verbNamed)

describe('parseCommandLine', () => {
  test('verb, words, and options before and after the verb', () => {
    expect(parse('--config', 'x.toml', 'ps', 'web', '-a', '--json')).toEqual({
      verb: 'ps',
      args: ['web'],
      command: [],
      options: { config: 'x.toml', all: true, json: true },
    })
    expect(parse('ps', '--config', 'x.toml')).toMatchObject({ verb: 'ps', options: { config: 'x.toml' } })
  })

  test.each<[string, string[], string[], Record<string, unknown>]>([
    ['options of the command are its own', ['exec', 'vm', 'c', 'ls', '-la', '--json'], ['ls', '-la', '--json'], {}],
    ['options of ours before it', ['exec', '-it', 'vm', 'c', 'sh'], ['sh'], { interactive: true, tty: true }],
    ['and between VM and container', ['exec', 'vm', '-i', 'c', 'sh', '-i'], ['sh', '-i'], { interactive: true }],
    ['an option with a value', ['exec', '-u', 'root', 'vm', 'c', 'id', '-u'], ['id', '-u'], { user: 'root' }],
    ['one -- belongs to us', ['exec', 'vm', 'c', '--', 'ls', '--', '-x'], ['ls', '--', '-x'], {}],
    ['--help of the command is its own', ['exec', 'vm', 'c', 'tar', '--help'], ['tar', '--help'], {}],
    ['nothing to run', ['exec', 'vm', 'c'], [], {}],
  ])('exec: %s', (_, words, command, options) => {
    expect(parse(...words)).toEqual({ verb: 'exec', args: ['vm', 'c'], command, options })
  })

  test('names that begin with a dash come after --', () => {
    expect(parse('ps', '--', '-odd-')).toMatchObject({ args: ['-odd-'] })
  })

  test.each<[string[], string]>([
    [['ps', '--loud'], "Unknown option '--loud'"],
    [['ps', '-f'], "Unknown option '-f'"],
    [['-a', 'ps'], "Unknown option '-a'"],
    [['logs', 'vm', 'c', '-n'], '-n'],
  ])('%j is refused', (words, why) => {
    expect(() => parse(...words)).toThrow(why)
  })

  test('an unknown verb comes back alone', () => {
    expect(parse('frob', '--x')).toEqual({ verb: 'frob', args: [], command: [], options: {} })
    expect(parse()).toEqual({ verb: '', args: [], command: [], options: {} })
    expect(parse('__proto__')).toMatchObject({ verb: '__proto__', args: [] })
  })
})

describe('options with values', () => {
  const grammar: Grammar = { options: { lines: { type: 'string', short: 'n' } } }
  const line = (...words: string[]) => parseCommandLine(['x', ...words], () => grammar)

  test.each([
    [['-n', '1'], 1],
    [['--lines', '1000'], 1000],
    [['--lines=20'], 20],
    [[], undefined],
  ])('%j is %j', (words, value) => {
    expect(numberOption(line(...words), 'lines', 1, 1000)).toBe(value)
  })

  test.each(['0', '1001', '-1', '1.5', 'all', '', '0x10', '1e2'])('%j is refused', (text) => {
    expect(() => numberOption(line(`--lines=${text}`), 'lines', 1, 1000)).toThrow('from 1 to 1000')
  })

  test('a text, where one was given', () => {
    expect(textOption(line('-n', 'x'), 'lines')).toBe('x')
    expect(textOption(line(), 'lines')).toBeUndefined()
  })
})
