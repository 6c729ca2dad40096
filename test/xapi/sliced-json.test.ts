import { describe, expect, test } from 'vitest'
import { parseInSlices } from '../../src/xapi/sliced-json.ts'

const same = (event: unknown) => event
/** Whatever could be taken for the end of something. */
const TRICKY = ['"', '\\', '\\"', '\\\\"', ']', '}', '[{', ',"events":[', 'é', '\u{1F600}', '\n', '']

/** An event of some size that is like XAPI's. */
function event(i: number, kilobytes = 10) {
  const tricky = Array.from({ length: 5 }, (_, k) => TRICKY[(i + k) % TRICKY.length]!)
  return {
    class: 'vm',
    ref: `OpaqueRef:${i}`,
    snapshot: { tricky, [tricky.join('')]: null, deep: [[{ a: [] }], {}], on: true, none: null, n: -1.5e3 },
    text: 'x'.repeat(kilobytes * 1024),
  }
}

function answer(count: number, rest: object = {}) {
  const events = Array.from({ length: count }, (_, i) => event(i))
  return {
    jsonrpc: '2.0',
    result: { valid_ref_counts: { vm: count, events: 1 }, events, token: 'a,b', ...rest },
    id: 1,
  }
}

describe('parseInSlices', () => {
  test.each([0, 1, 60])('gives what JSON.parse gives: %i events, dense and with white space', async (count) => {
    for (const text of [JSON.stringify(answer(count)), JSON.stringify(answer(count), undefined, '\r\n\t ')]) {
      expect(await parseInSlices(Buffer.from(text), same)).toEqual(JSON.parse(text))
    }
  })

  test('puts what `each` makes of an event in its place, in a small answer and in a large one', async () => {
    for (const count of [2, 60]) {
      const parsed = await parseInSlices(
        Buffer.from(JSON.stringify(answer(count))),
        (one) => (one as { ref: string }).ref,
      )
      const refs = Array.from({ length: count }, (_, i) => `OpaqueRef:${i}`)
      expect((parsed as { result: { events: unknown } }).result.events).toEqual(refs)
    }
  })

  test('lets others have their turn in between', async () => {
    let turns = 0
    let over = false
    const takeTurns = () => {
      turns++
      if (!over) setImmediate(takeTurns)
    }
    setImmediate(takeTurns)
    await parseInSlices(Buffer.from(JSON.stringify(answer(300))), same)
    over = true
    expect(turns).toBeGreaterThanOrEqual(10)
  })

  test.each([
    { error: { code: 1, message: 'X' } },
    { result: 'events' },
    { result: { events: {} } },
    { result: [] },
    { result: null },
    [],
    'events',
    null,
  ])('leaves another answer as it is: %j', async (other) => {
    const padded =
      Array.isArray(other) || other === null || typeof other !== 'object'
        ? other
        : { ...other, pad: 'x'.repeat(400_000) }
    for (const value of [other, padded]) {
      expect(await parseInSlices(Buffer.from(JSON.stringify(value)), same)).toEqual(value)
    }
  })

  test.each([
    ['cut off', (text: string) => text.slice(0, -2000)],
    ['cut off within the rest', (text: string) => text.slice(0, -3)],
    ['without a comma', (text: string) => text.replace('},{', '} {')],
    ['with a comma too many', (text: string) => text.replace('},{', '},,{')],
    ['with something after its end', (text: string) => `${text}x`],
    ['with a list that ends as an object', (text: string) => text.replace('],"token"', '},"token"')],
  ])('refuses an answer %s', async (_what, spoil) => {
    const text = spoil(JSON.stringify(answer(60)))
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError)
    await expect(parseInSlices(Buffer.from(text), same)).rejects.toThrow(SyntaxError)
  })
})
