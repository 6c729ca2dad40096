import { describe, expect, test } from 'vitest'
import { LineReader } from '../../../src/app/cli/line-reader.ts'
import { TerminalPerson } from '../../../src/app/cli/terminal-person.ts'
import { FakeTerminal, STEERING } from './fixtures.ts'

const NEVER = new AbortController().signal

function reader(isTerminal = true) {
  const terminal = new FakeTerminal(isTerminal)
  const shown: string[] = []
  const io = { out: () => undefined, err: (text: string) => void shown.push(text), terminal }
  return { terminal, shown, reader: new LineReader(io) }
}

describe('lines', () => {
  test('one for each question, however they come', async () => {
    const { terminal, reader: lines } = reader()
    terminal.typed.write('one\r\ntw')
    expect(await lines.ask('? ', true, NEVER)).toBe('one')
    const second = lines.ask('? ', true, NEVER)
    terminal.typed.write('o\nthree\nlast')
    expect(await second).toBe('two')
    expect(await lines.ask('? ', true, NEVER)).toBe('three')
    terminal.typed.end()
    expect(await lines.ask('? ', true, NEVER)).toBe('last')
    expect(await lines.ask('? ', true, NEVER)).toBeUndefined()
  })

  test('a secret is not shown, and the terminal is as before whatever comes', async () => {
    const { terminal, shown, reader: lines } = reader()
    terminal.typed.write('secret\n')
    expect(await lines.ask('Password: ', false, NEVER)).toBe('secret')
    expect(terminal.modes).toEqual(['hidden', 'as before'])
    expect(shown).toEqual(['Password: ', '\n'])
    const stop = new AbortController()
    const pending = lines.ask('Password: ', false, stop.signal)
    stop.abort(new Error('Ctrl-C'))
    await expect(pending).rejects.toThrow('Ctrl-C')
    expect(terminal.modes.at(-1)).toBe('as before')
  })

  test('a terminal that cannot hide what is typed is not asked for a secret', async () => {
    const { terminal, reader: lines } = reader()
    terminal.hidden = () => undefined
    await expect(lines.ask('Password: ', false, NEVER)).rejects.toThrow(/--password-file/)
  })

  test('a line without end is none', async () => {
    const { terminal, reader: lines } = reader(false)
    terminal.typed.write('x'.repeat(10_000))
    expect(await lines.ask('? ', true, NEVER)).toBeUndefined()
  })
})

describe('the person at the terminal', () => {
  test.each([
    ['y', true],
    [' YES ', true],
    ['n', false],
    ['', false],
    ['yesterday', false],
  ])('%j to going on is %s', async (answer, expected) => {
    const { terminal, reader: lines } = reader()
    terminal.typed.write(`${answer}\n`)
    expect(await new TerminalPerson(lines, false).confirm('Go on?', NEVER)).toBe(expected)
  })

  test('--yes goes on, but takes nothing else for granted', async () => {
    const person = new TerminalPerson(reader().reader, true)
    expect(await person.confirm('Go on?', NEVER)).toBe(true)
    expect(await person.consent('Run it?', NEVER)).toBe(false)
  })

  test('nobody there is no yes', async () => {
    const { terminal, reader: lines } = reader(false)
    terminal.typed.end()
    const person = new TerminalPerson(lines, false)
    await expect(person.confirm('Go on?', NEVER)).rejects.toThrow(/whether to go on.*--yes/)
    await expect(person.answer([{ text: 'Password: ', echo: false }], NEVER)).rejects.toThrow(/--password-file/)
  })

  test('what a guest asks cannot steer the terminal', async () => {
    const { terminal, shown, reader: lines } = reader()
    terminal.typed.write('a\nb\n')
    const prompts = [
      { text: 'Code\u001B[2J\u202E: ', echo: true },
      { text: 'Password\r\n: ', echo: false },
    ]
    expect(await new TerminalPerson(lines, false).answer(prompts, NEVER)).toEqual(['a', 'b'])
    expect(shown.join('').replaceAll('\n', '')).not.toMatch(STEERING)
    expect(terminal.modes).toEqual(['hidden', 'as before'])
  })
})
