import { describe, expect, it } from 'vitest'
import { diagnosisOf, RefusedError } from '../../src/base/errors.ts'
import { argument, checkArgs, count, flag } from '../../src/operations/arguments.ts'
import { OPERATIONS, STREAM_OPERATIONS } from '../../src/operations/index.ts'

const operation = { name: 'start', args: ['vmuuid', 'container'] }

function thrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

describe('checkArgs', () => {
  it.each([
    [{}, 'vmuuid'],
    [{ vmuuid: '', container: 'a' }, 'vmuuid'],
    [{ vmuuid: 'u' }, 'container'],
    [{ vmuuid: 'u', container: '' }, 'container'],
    [Object.create({ vmuuid: 'u', container: 'a' }) as Record<string, string>, 'vmuuid'],
    [{ vmuuid: 'u', container: 7 } as unknown as Record<string, string>, 'container'],
  ])('names what is missing in %j', (args, name) => {
    const error = thrown(() => checkArgs(operation, args))
    expect(error).toBeInstanceOf(RefusedError)
    expect(diagnosisOf(error)).toEqual({
      kind: 'missing-argument',
      cause: `start was called without its argument ${name}`,
      cure: 'Give all of vmuuid, container',
    })
  })

  it('ignores what is not needed', () => {
    expect(
      thrown(() => checkArgs(operation, { vmuuid: 'u', container: 'a', more: '', __proto__: 'x' })),
    ).toBeUndefined()
  })
})

describe('single arguments', () => {
  it('are there or not', () => {
    expect([argument({ a: 'x' }, 'a'), argument({ a: '' }, 'a'), argument({}, 'toString')]).toEqual([
      'x',
      undefined,
      undefined,
    ])
  })

  it.each(['true', '1', 'yes', 'on', 'TRUE'])('%s says yes', (text) => expect(flag({ a: text }, 'a')).toBe(true))
  it.each(['false', '0', '', 'no', 'truely'])('%s says no', (text) => expect(flag({ a: text }, 'a')).toBe(false))

  it.each([
    ['1', 1],
    ['1000', 1000],
    ['', 100],
  ])('%s as a number', (text, number) => expect(count({ lines: text }, 'lines', 1000, 100)).toBe(number))

  it.each(['0', '1001', '-1', '1e3', '5.5', 'all', ' 5', '9'.repeat(500), 'a\x1B[2J'])('refuses %j', (text) => {
    const error = thrown(() => count({ lines: text }, 'lines', 1000, 100))
    expect(diagnosisOf(error).kind).toBe('bad-argument')
    expect(String(error)).toContain('The argument lines is "')
    expect(String(error)).not.toContain('\x1B')
  })
})

describe('the list of operations', () => {
  it('has what clients call, with the arguments that they send', () => {
    const all = [...OPERATIONS, ...STREAM_OPERATIONS].map(({ name, args }) => `${name}(${args.join(', ')})`)
    expect(all).toEqual(
      expect.arrayContaining([
        ...['register(vmuuid)', 'deregister(vmuuid)'],
        ...['start', 'stop', 'restart', 'pause', 'unpause'].map((name) => `${name}(vmuuid, container)`),
        ...['get_inspect', 'get_top', 'get_logs'].map((name) => `${name}(vmuuid, object)`),
        'get_stats(vmuuid)',
        'exec(vmuuid, container, command)',
        'console(vmuuid, container)',
        'follow_logs(vmuuid, object)',
      ]),
    )
  })

  it('has each name once', () => {
    const names = [...OPERATIONS, ...STREAM_OPERATIONS].map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
