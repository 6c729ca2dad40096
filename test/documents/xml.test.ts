import { XMLParser } from 'fast-xml-parser'
import fc from 'fast-check'
import sax from 'sax'
import { describe, expect, it } from 'vitest'
import { cleanXmlText } from '../../src/base/text.ts'
import { plainNumber, XmlPage } from '../../src/documents/xml.ts'
import { holds } from '../fuzz/holds.ts'

function write(value: unknown, budget = 1_000_000): string | undefined {
  const page = new XmlPage('doc', budget)
  const element = page.element('v', value)
  return element === undefined ? undefined : page.document([element])
}

const inside = (value: unknown) => write(value)?.replace(/^<doc>|<\/doc>$/g, '')

describe('XmlPage', () => {
  it.each([
    ['text', 'plain', '<v>plain</v>'],
    ['empty text', '', '<v/>'],
    ['null', null, '<v>None</v>'],
    ['what JSON has not', undefined, '<v>None</v>'],
    ['true', true, '<v>True</v>'],
    ['false', false, '<v>False</v>'],
    ['number', 42, '<v>42</v>'],
    ['empty object', {}, '<v/>'],
    ['empty list', [], '<v/>'],
    ['object', { a: 1, B: { c: 'd' } }, '<v><a>1</a><B><c>d</c></B></v>'],
    ['list', ['a', null, [1]], '<v><item>a</item><item>None</item><item><item>1</item></item></v>'],
    ['markup', 'a & b < c > d "e"', '<v>a &amp; b &lt; c > d "e"</v>'],
    ['end of CDATA', 'x]]>y', '<v>x]]&gt;y</v>'],
    ['much markup', '<<<<', '<v><![CDATA[<<<<]]></v>'],
    ['much markup with an end of CDATA', '<<<<]]>', '<v><![CDATA[<<<<]]]]><![CDATA[>]]></v>'],
    ['control characters', 'a\0b\x1Bc\r\nd', '<v>a\uFFFDb\uFFFDc\nd</v>'],
  ])('encodes %s', (_name, value, xml) => {
    expect(inside(value)).toBe(xml)
  })

  it.each([
    '1a',
    'a b',
    'a/b',
    'a=b',
    'a@b',
    'a:b',
    '',
    'xml',
    'XmLfoo',
    '-a',
    '.a',
    '\u00E9',
    '\uD83D',
    '<&">',
    'a\n',
  ])('encodes the member name %j as an attribute', (name) => {
    const element = inside({ [name]: 7 }) ?? ''
    expect(element).toMatch(/^<v><SPECIAL_XS_ENCODED_ELEMENT name="[^"<]*">7<\/SPECIAL_XS_ENCODED_ELEMENT><\/v>$/)
    expect(names(write({ [name]: 7 }))).toContain(cleanXmlText(name).replace('\n', ' '))
  })

  it.each(['a', 'A1', '_a', 'a-b', 'com.docker.compose.project', 'x', 'xm', '__proto__', 'constructor', 'entry'])(
    'takes the member name %j as it is',
    (name) => {
      expect(inside(JSON.parse(`{"${name}":1}`))).toBe(`<v><${name}>1</${name}></v>`)
    },
  )

  it('writes nothing that is deeper than 32 elements', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`)
    const xml = write(deep) ?? ''
    expect(xml.match(/<item>/g)).toHaveLength(31)
    expect(xml).toContain('<item>(deeper than can be shown)</item>')
    expect(() => void new XMLParser().parse(xml)).not.toThrow()
  })

  it('takes no room for an element that does not fit, and goes on with those that do', () => {
    const page = new XmlPage('doc', 200)
    expect(page.element('big', 'x'.repeat(200))).toBeUndefined()
    expect(page.element('small', 'x'.repeat(60))).toBeDefined()
    expect(page.element('second', 'x'.repeat(60))).toBeUndefined()
  })

  it('adds how much was left out', () => {
    const page = new XmlPage('doc', 200)
    expect(page.document([], 0)).toBe('<doc/>')
    expect(page.document([], 3)).toBe('<doc><truncated>3</truncated></doc>')
    expect(page.document(['<a/>'], 3)).toBe('<doc><a/><truncated>3</truncated></doc>')
  })

  it('looks at no more of a huge value than there is room for', () => {
    const huge = Array.from({ length: 100_000 }, () => ({
      get a(): string {
        return touch()
      },
    }))
    let touched = 0
    const touch = () => {
      touched += 1
      return 'x'
    }
    expect(write(huge, 2000)).toBeUndefined()
    expect(touched).toBeLessThan(200)
  })

  it.each([
    ['texts', Array.from({ length: 5000 }, () => 'a < b')],
    ['names', Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`<"&${index}`, 1]))],
    ['one text', '<&'.repeat(50_000)],
    ['one name', { ['<&"'.repeat(20_000)]: 1 }],
    ['ends of CDATA', Array.from({ length: 2000 }, () => ']]>')],
  ])('stays far under a thousand references with hostile %s', (_name, value) => {
    const xml = write(value) ?? ''
    expect(xml.length).toBeGreaterThan(1000)
    expect(references(xml)).toBeLessThanOrEqual(500)
    expect(() => void new XMLParser({ ignoreAttributes: false }).parse(xml)).not.toThrow()
    expect(() => names(xml)).not.toThrow()
  })
})

describe('plainNumber', () => {
  it.each([
    [0, '0'],
    [-0, '0'],
    [-1.5, '-1.5'],
    [0.1, '0.1'],
    [1e21, '1000000000000000000000'],
    [-1e21, '-1000000000000000000000'],
    [123456789012345680000, '123456789012345680000'],
    [2 ** 53 + 2, '9007199254740994'],
    [1e-7, '0.0000001'],
    [-1.25e-9, '-0.00000000125'],
    [Infinity, 'None'],
    [NaN, 'None'],
  ])('%d is %s', (value, text) => {
    expect(plainNumber(value)).toBe(text)
  })

  it('always is plain digits that mean the same number', () => {
    holds(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
        expect(plainNumber(value)).toMatch(/^-?\d+(\.\d+)?$/)
        expect(Number(plainNumber(value)) + 0).toBe(value + 0)
      }),
    )
  })
})

describe('any JSON value', () => {
  const key = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('entry', 'item', '__proto__', 'xml', '1', 'a b'))
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('<', '&', ']', '>', 'x', '\r', '\n', '"', '\0') }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  )
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 5 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map((members): unknown => Object.fromEntries(members)),
    ),
  }))

  it('comes back through sax, strictly, as it went in', () => {
    holds(
      fc.property(value, (input) => {
        expect(read(write(input) ?? '')).toEqual({ name: 'doc', children: [expected('v', input)] })
      }),
      { numRuns: 500 },
    )
  })

  it('comes back through the parser of Xen Orchestra', () => {
    const parser = new XMLParser({
      preserveOrder: true,
      ignoreAttributes: false,
      parseTagValue: false,
      trimValues: false,
    })
    holds(
      fc.property(value, (input) => {
        const [doc] = parser.parse(write(input) ?? '') as Ordered[]
        expect(fromOrdered(doc ?? {})).toEqual({ name: 'doc', children: [expected('v', input)] })
      }),
      { numRuns: 500 },
    )
  })

  it('fits its budget or is left out', () => {
    holds(
      fc.property(value, fc.integer({ min: 100, max: 400 }), (input, budget) => {
        const page = new XmlPage('doc', budget)
        const elements = [page.element('a', input), page.element('b', input)].filter((xml) => xml !== undefined)
        expect(Buffer.byteLength(page.document(elements, 2 ** 31))).toBeLessThanOrEqual(budget)
      }),
    )
  })
})

interface Node {
  name: string
  children: (Node | string)[]
}

/** What the contract says that a value looks like as elements. */
function expected(rawName: string, value: unknown): Node {
  const name = cleanXmlText(rawName).replace(/[\t\n]/g, ' ')
  if (Array.isArray(value)) return { name, children: value.map((item) => expected('item', item)) }
  if (typeof value === 'object' && value !== null) {
    return { name, children: Object.entries(value).map(([key, member]) => expected(key, member)) }
  }
  const text = scalar(value)
  return { name, children: text === '' ? [] : [text] }
}

function scalar(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return plainNumber(value)
  return typeof value === 'string' ? cleanXmlText(value) : 'None'
}

function read(xml: string): Node {
  const parser = sax.parser(true)
  const root: Node = { name: '', children: [] }
  const stack = [root]
  const text = (piece: string) => {
    const { children } = stack.at(-1) ?? root
    const last = children.at(-1)
    if (typeof last === 'string') children[children.length - 1] = last + piece
    else children.push(piece)
  }
  parser.onerror = (error) => {
    throw error
  }
  parser.onopentag = ({ name, attributes }: sax.Tag | sax.QualifiedTag) => {
    const encoded = attributes.name
    const node: Node = { name: typeof encoded === 'string' ? encoded : name, children: [] }
    stack.at(-1)?.children.push(node)
    stack.push(node)
  }
  parser.onclosetag = () => void stack.pop()
  parser.ontext = text
  parser.oncdata = text
  parser.write(xml).close()
  const [doc] = root.children
  if (typeof doc !== 'object') throw new Error('no document')
  return doc
}

function names(xml = ''): string[] {
  const found: string[] = []
  const walk = (node: Node) => {
    found.push(node.name)
    for (const child of node.children) if (typeof child === 'object') walk(child)
  }
  walk(read(xml))
  return found
}

type Ordered = Record<string, unknown>

function fromOrdered(node: Ordered): Node {
  const attributes = node[':@'] as Record<string, string> | undefined
  const [tag] = Object.keys(node).filter((key) => key !== ':@')
  const name = tag === 'SPECIAL_XS_ENCODED_ELEMENT' ? String(attributes?.['@_name']) : String(tag).replace('#__', '__')
  const children: (Node | string)[] = []
  for (const child of node[tag ?? ''] as Ordered[]) {
    const text = child['#text']
    const last = children.at(-1)
    if (typeof text !== 'string') children.push(fromOrdered(child))
    else if (typeof last === 'string') children[children.length - 1] = last + text
    else children.push(text)
  }
  return { name, children: children.filter((child) => child !== '') }
}

function references(xml: string): number {
  return xml.match(/&[a-z#0-9]+;/gi)?.length ?? 0
}
