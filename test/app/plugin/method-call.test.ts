import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMethodCall } from '../../../src/app/plugin/method-call.ts'
import { RefusedError } from '../../../src/base/errors.ts'
import { pluginArgument } from '../../sim/xapi/plugin-protocol.ts'
import { holds } from '../../fuzz/holds.ts'

const SESSION = 'OpaqueRef:6a9b6b8c-0000-4000-8000-00000000abcd'

function call(args: string, fn = 'get_top', session = `<value>${SESSION}</value>`): string {
  return `<methodCall><methodName>${fn}</methodName><params><param>${session}</param><param><value>${args}</value></param></params></methodCall>`
}
const one = (value: string) => call(`<struct><member><name>a</name>${value}</member></struct>`)

test('what XAPI sends: function, session and texts; extra and empty ones too', () => {
  const sent = pluginArgument('get_top', SESSION, [
    ['vmuuid', '7f2a'],
    ['container', ''],
    ['a<b', '1 & 2 > "3" \'4\''],
  ])
  expect(parseMethodCall(sent)).toEqual({
    fn: 'get_top',
    session: SESSION,
    args: { vmuuid: '7f2a', container: '', 'a<b': '1 & 2 > "3" \'4\'' },
  })
})

test('any text comes through XAPI and back', () => {
  const legal = fc.string({ unit: 'binary' }).filter((text) => !/[\0-\x1f\ufffe\uffff]/.test(text))
  holds(
    fc.property(fc.dictionary(legal, legal, { maxKeys: 5 }), legal, (args, fn) => {
      const parsed = parseMethodCall(pluginArgument(fn, SESSION, Object.entries(args)))
      expect(Object.entries(parsed.args)).toEqual(Object.entries(args))
      expect(parsed.fn).toBe(fn)
    }),
  )
})

test.each([
  ['untyped', '<value>x</value>', 'x'],
  ['typed', '<value><string>x</string></value>', 'x'],
  ['typed, with white space around', '<value>\n  <string> x </string>\n</value>', ' x '],
  ['white space alone', '<value> \n</value>', ' \n'],
  ['empty', '<value/>', ''],
  ['empty, long', '<value></value>', ''],
  ['empty, with a space', '<value />', ''],
  ['typed, empty', '<value><string/></value>', ''],
  ['typed, empty, long', '<value><string></string></value>', ''],
  ['entities', '<value>&lt;&gt;&amp;&apos;&quot;&#65;&#x1F433;&#13;</value>', '<>&\'"A\u{1F433}\r'],
  ['an entity that an entity makes', '<value>&amp;lt;</value>', '&lt;'],
  ['CDATA', '<value>a<![CDATA[<b>&amp;]]>c</value>', 'a<b>&amp;c'],
  ['comments', '<value>a<!-- <b> & -->c</value>', 'ac'],
  ['line ends', '<value>a\r\nb\rc\n</value>', 'a\nb\nc\n'],
])('a text: %s', (_, xml, text) => {
  expect(parseMethodCall(one(xml)).args).toEqual({ a: text })
})

test('no args, an XML declaration, white space and comments between elements', () => {
  expect(parseMethodCall(call('<struct/>')).args).toEqual({})
  expect(parseMethodCall(call('<struct></struct>')).args).toEqual({})
  const airy = one('<value>x</value>').replaceAll('><', '> <!-- - --> <')
  expect(parseMethodCall(`<?xml version="1.0"?>\n${airy}\n`).args).toEqual({ a: 'x' })
})

test('names that JavaScript has a meaning for are names like others', () => {
  const { args } = parseMethodCall(pluginArgument('x', SESSION, [['__proto__', 'evil']]))
  expect(Object.entries(args)).toEqual([['__proto__', 'evil']])
  expect(Object.getPrototypeOf(args)).toBe(Object.prototype)
})

describe('what is broken is refused, and the session is not in the error', () => {
  const good = one('<value>x</value>')
  test.each([
    ['nothing', ''],
    ['no XML', 'get_top'],
    ['half of it', good.slice(0, good.length / 2)],
    ['all but the end', good.slice(0, -1)],
    ['something behind it', `${good}x`],
    ['another document', '<methodResponse/>'],
    ['a longer name', good.replace('<methodCall>', '<methodCallX>')],
    ['no params', '<methodCall><methodName>x</methodName></methodCall>'],
    ['no args', good.replace(/<param><value><struct>.*<\/param>/, '')],
    ['one param more', good.replace('</params>', '<param><value>x</value></param></params>')],
    ['a number', one('<value><int>1</int></value>')],
    ['a struct in a struct', one('<value><struct/></value>')],
    ['text around a string', one('<value>x<string>y</string></value>')],
    ['a text for the args', call('x')],
    ['a document type', `<!DOCTYPE x [<!ENTITY a "b">]>${good}`],
    ['an entity of its own', one('<value>&a;</value>')],
    ['an entity without end', one('<value>&lt</value>')],
    ['a bare ampersand', one('<value>a & b</value>')],
    ['a character that is none', one('<value>&#0;</value>')],
    ['half a surrogate pair', one('<value>&#xD83D;</value>')],
    ['a character beyond Unicode', one('<value>&#x110000;</value>')],
    ['a comment without end', `<!-- ${good}`],
    ['CDATA without end', one('<value><![CDATA[x</value>')],
    ['more than Linux would pass', one(`<value>${'x'.repeat(128 * 1024)}</value>`)],
  ])('%s', (_, xml) => {
    let thrown: unknown
    try {
      parseMethodCall(xml)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(RefusedError)
    expect((thrown as RefusedError).message).not.toContain(SESSION)
    expect((thrown as RefusedError).diagnosis.kind).toBe('broken-call')
  })
})

test('as much as Linux passes, of what is hardest to read, is read', () => {
  const hard = '&amp;<!-- - -->'.repeat(8000)
  expect(parseMethodCall(one(`<value>${hard}</value>`)).args['a']).toBe('&'.repeat(8000))
  expect(() => parseMethodCall(one(`<value>${'<!-'.repeat(40_000)}</value>`))).toThrow(RefusedError)
  expect(() => parseMethodCall('<!--'.repeat(30_000))).toThrow(RefusedError)
})
