import fc from 'fast-check'
import { expect, test } from 'vitest'

import { parsePlainXml } from './xml-plain.ts'
import { parseXml } from './xml-tree.ts'
import { holds } from '../../fuzz/holds.ts'

test.each([
  ['<a/>', { name: 'a', text: '', children: [] }],
  [
    '<?xml version="1.0"?>\n<a> x&lt;&#65;&#x1F600;&amp;lt; </a>\n',
    { name: 'a', text: ' x<A\u{1f600}&lt; ', children: [] },
  ],
  ['<a>1<b >2</b >3</a>', { name: 'a', text: '13', children: [{ name: 'b', text: '2', children: [] }] }],
])('%s', (text, tree) => {
  expect(parsePlainXml(text)).toEqual(tree)
})

test.each([
  '',
  'x',
  '<a>',
  '</a>',
  '<a></b>',
  '<a/><b/>',
  '<a/>x',
  'x<a/>',
  '<a',
  '<a>&</a>',
  '<a>&x;</a>',
  '<a>&#0;</a>',
  '<a>&#1;</a>',
  '<a>&lt</a>',
  '<a>]]></a>',
  '<a b="c"/>',
  '<a><![CDATA[x]]></a>',
  '<!-- --><a/>',
  '</a/>',
  '<1/>',
  '<a>&#x110000;</a>',
  '<a>&#65534;</a>',
])('%j is left to the full parser', (text) => {
  expect(parsePlainXml(text)).toBeUndefined()
})

test('what it reads, the full parser reads in the same way', () => {
  const piece = fc.constantFrom(
    '<a>',
    '</a>',
    '<b>',
    '</b>',
    '<c/>',
    'x',
    ' ',
    '\n',
    '&amp;',
    '&#66;',
    '&',
    '<',
    ']]>',
    '<d e="f"/>',
  )
  let read = 0
  const check = (pieces: string[]) => {
    const text = `<r>${pieces.join('')}</r>`
    const plain = parsePlainXml(text)
    if (plain === undefined) return
    read++
    // A comment makes the full parser do it.
    expect(parseXml(`<!-- -->${text}`)).toEqual(plain)
  }
  holds(fc.property(fc.array(piece, { maxLength: 6 }), check), { numRuns: 2000 })
  expect(read).toBeGreaterThan(50)
})
