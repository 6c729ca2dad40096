import fc from 'fast-check'
import { asError } from '../../src/base/errors.ts'

/** Pieces that have a meaning to some parser, or had one where none was meant. */
const PIECES = [
  ...[
    '<',
    '>',
    '&',
    '"',
    "'",
    ']]>',
    '<![CDATA[',
    '<!--',
    '-->',
    '</',
    '/>',
    '<?xml',
    '&amp;',
    '&lt',
    '&#0;',
    '&#x1F433;',
  ],
  ...['{', '}', '[', ']', ',', ':', '\\', '\\u0000', '\\ud83d', '1e999', '-0', '9007199254740993', 'null', 'true'],
  ...['__proto__', 'constructor', 'toString', 'entry', 'item', 'xml', 'OpaqueRef:NULL', 'True', 'False', 'None'],
  ...['\0', '\x1b[2J', '\x9b', '\u202e', '\ud83d', '\udc33', '\ufffe', '\ufeff', '\u2028', '\r', '\n', '\t', ' '],
  ...['/', '../', '%s', '%00', '$(id)', '`id`', ';', '|', "'; x", 'http://', ':99999', '::1', '127.0.0.1', '0x7f.1'],
]

/** Any text: of Unicode in general, of halves of characters, and of pieces that parsers trip over. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc
    .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })), { maxLength: 20 })
    .map((all) => all.join('')),
)

const NAMES = [
  'Id',
  'Names',
  'Status',
  'State',
  'Ports',
  'Type',
  'Action',
  'Actor',
  'ID',
  '__proto__',
  'constructor',
  'toString',
  '',
]

/** Any value that JSON can bring, with members that somebody looks for in it. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(anyText, fc.double(), fc.integer(), fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(fc.oneof(fc.constantFrom(...NAMES), anyText), tie('value')), { maxLength: 5 })
      .map((members): unknown => Object.fromEntries(members)),
  ),
})).value

/** An object, as what is not one is refused elsewhere. */
export const anyObject = fc.dictionary(fc.oneof(fc.constantFrom(...NAMES), anyText), anyJson, { maxKeys: 6 })

/** The value with up to four of its parts replaced by anything: near enough to what is expected to get far. */
export function bent(sample: unknown): fc.Arbitrary<unknown> {
  return fc
    .array(fc.tuple(fc.nat(), anyJson), { maxLength: 4 })
    .map((changes) => changes.reduce((value, [at, by]) => withPart(value, at % partsOf(value), by), sample))
}

function partsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum: number, part) => sum + partsOf(part), 1)
}

/** A copy with its part number `at` (0: all of it, then depth first) replaced. */
function withPart(value: unknown, at: number, by: unknown): unknown {
  if (at === 0 || typeof value !== 'object' || value === null) return by
  let left = at - 1
  const parts = Object.entries(value).map(([name, part]): [string, unknown] => {
    const size = partsOf(part)
    const here = left >= 0 && left < size
    const made: unknown = here ? withPart(part, left, by) : part
    left -= size
    return [name, made]
  })
  return Array.isArray(value) ? parts.map(([, part]) => part) : Object.fromEntries(parts)
}

/** The text with up to five pieces of it taken out, doubled, exchanged for something else, or cut off. */
export function damaged(sample: string): fc.Arbitrary<string> {
  const change = fc.tuple(fc.nat(sample.length), fc.nat(40), fc.constantFrom('drop', 'double', 'put', 'cut'), anyText)
  return fc.array(change, { maxLength: 5 }).map((changes) =>
    changes.reduce((text, [from, length, how, other]) => {
      const [before, part, after] = [text.slice(0, from), text.slice(from, from + length), text.slice(from + length)]
      if (how === 'cut') return before
      return before + (how === 'double' ? part + part : how === 'put' ? other : '') + after
    }, sample),
  )
}

/** The same of bytes, single ones changed too. */
export function damagedBytes(sample: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.tuple(
    fc.nat(sample.length),
    fc.nat(40),
    fc.constantFrom('drop', 'double', 'flip', 'cut'),
    fc.nat(255),
  )
  return fc.array(change, { maxLength: 5 }).map((changes) =>
    changes.reduce((bytes, [from, length, how, other]) => {
      const [before, part, after] = [0, from, from + length].map((start, i) =>
        bytes.subarray(start, [from, from + length, bytes.length][i]),
      ) as [Buffer, Buffer, Buffer]
      if (how === 'cut') return before
      if (how === 'flip') return Buffer.concat([before, Buffer.from([other]), part.subarray(1), after])
      return Buffer.concat(how === 'double' ? [before, part, part, after] : [before, after])
    }, sample),
  )
}

/** Where a stream of bytes is cut into chunks. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(fc.integer({ min: 1, max: 60 }), {
  minLength: 1,
  maxLength: 8,
})

/** The bytes in chunks of these sizes, over and over. */
export function chunked(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

/** What the work throws, or rejects with; undefined when it does not. */
export async function thrownBy(work: () => unknown): Promise<Error | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return asError(error)
  }
}
