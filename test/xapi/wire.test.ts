import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../src/base/errors.ts'
import { encodeMembers, readMembers } from '../../src/documents/members.ts'
import { isNotOffered, XapiFailure } from '../../src/xapi/errors.ts'
import { PipeLine } from '../../src/xapi/pipe-line.ts'
import { Double, send, type XapiParam } from '../../src/xapi/wire.ts'
import { settle } from '../fakes/fake-clock.ts'
import { parseXml } from '../sim/xapi/xml-tree.ts'
import { failure, http, ScriptedXapi, success } from './scripted-xapi.ts'

/** Sends one call to a server that answers with these bytes. */
async function answered(answer: string | undefined, params: readonly XapiParam[] = [], end = false) {
  const xapi = await ScriptedXapi.start((_, socket) => {
    if (!end || answer === undefined) return answer
    socket.end(answer)
    return undefined
  })
  const line = new PipeLine(xapi.path)
  const result = send(line, 'agent/1', 'VM.get_uuid', params, new AbortController().signal)
  const done = await result.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  line.close()
  return { ...done, asked: xapi.asked[0]! } as { value?: unknown; error?: Error; asked: (typeof xapi.asked)[0] }
}

/** The parameters as they stand in the request. */
async function sent(...params: XapiParam[]): Promise<string[]> {
  const { asked } = await answered(success(''), params)
  return [...asked.body.matchAll(/<param>(.*?)<\/param>/gs)].map(([, xml]) => xml!)
}

describe('the request', () => {
  test('names the method and the caller, and keeps the connection', async () => {
    const { asked } = await answered(success('x'))
    expect(asked.method).toBe('VM.get_uuid')
    expect(asked.head).toMatch(/^POST \/ HTTP\/1\.1\r\n/)
    expect(asked.head).toMatch(/^user-agent: agent\/1\r$/im)
    expect(asked.head).toMatch(/^connection: keep-alive\r$/im)
  })

  test.each<[string, XapiParam, string]>([
    ['text', 'OpaqueRef:1', '<value><string>OpaqueRef:1</string></value>'],
    ['an empty text', '', '<value><string></string></value>'],
    ['markup', '<a href="x">&amp;\'</a>', '<value><string>&lt;a href="x"&gt;&amp;amp;\'&lt;/a&gt;</string></value>'],
    ['several ends of CDATA', 'a]]>b]]>c', '<value><string>a]]&gt;b]]&gt;c</string></value>'],
    ['yes', true, '<value><boolean>1</boolean></value>'],
    ['no', false, '<value><boolean>0</boolean></value>'],
    ['a fraction', new Double(30.5), '<value><double>30.5</double></value>'],
    [
      'a date',
      new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
      '<value><dateTime.iso8601>20260102T03:04:05Z</dateTime.iso8601></value>',
    ],
    ['the first date', new Date(0), '<value><dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601></value>'],
    [
      'a list',
      ['a', ''],
      '<value><array><data><value><string>a</string></value><value><string></string></value></data></array></value>',
    ],
    [
      'a map',
      { k: 'v' },
      '<value><struct><member><name>k</name><value><string>v</string></value></member></struct></value>',
    ],
  ])('%s', async (_, param, xml) => {
    const [first] = await sent(param)
    expect(first!.replaceAll('<string/>', '<string></string>')).toBe(xml)
  })

  test.each([
    ['an engine’s name of nothing but ampersands', 65_536, { Name: '&'.repeat(65_300) }],
    [
      'a list of texts with markup',
      200_000,
      { Labels: Array.from({ length: 1000 }, () => '<<<<]]><<<<&&&&'.repeat(6)) },
    ],
  ])('a document that XAPI takes as it is fits into a request: %s', async (_, budget, info) => {
    const document = encodeMembers('docker_info', readMembers('docker_info', info, undefined, new Set()), budget)
    expect(document.length).toBeGreaterThan(budget / 2)
    const { asked } = await answered(success(''), ['OpaqueRef:vm', 'docker_info', document])
    expect(asked.body.length).toBeLessThan(300 * 1024)
    const [, , value] = [...asked.body.matchAll(/<param>(.*?)<\/param>/gs)].map(([, xml]) => parseXml(xml!))
    expect(value?.children[0]?.text === document).toBe(true)
  })

  test('a whole number never looks like an int', () => {
    expect(Number.isInteger(new Double(30).value)).toBe(false)
    expect(new Double(30.25).value).toBe(30.25)
  })

  test('any text that XML can carry arrives as it is', async () => {
    const texts = fc
      .sample(fc.string({ unit: 'grapheme', maxLength: 40 }), 60)
      .map((text) => text.replace(/\p{Cc}/gu, ' '))
    const hard = ['  two  blanks ', '\n\n', 'tab\there', '😀', ']]>', '<![CDATA[x]]>', '&#10;', '%', ...texts]
    for (const [i, xml] of (await sent(...hard)).entries()) {
      const value = parseXml(Buffer.from(xml, 'latin1').toString('utf8'))
      expect(value.children[0]?.text ?? value.text).toBe(hard[i])
    }
  })
})

describe('the answer', () => {
  test.each([
    ['bare text', success('plain'), 'plain'],
    ['a string', success('<string>text</string>'), 'text'],
    ['nothing', success(''), ''],
    ['an empty string', success('<string></string>'), ''],
    ['entities', success('&lt;&amp;&#x1F600;&gt;'), '<&😀>'],
    ['blanks and line ends', success(' a \n b '), ' a \n b '],
    ['a boolean', success('<boolean>1</boolean>'), true],
    ['an int', success('<i4>42</i4>'), 42],
    ['a list', success('<array><data><value>a</value><value></value></data></array>'), ['a', '']],
    ['an empty list', success('<array><data></data></array>'), []],
    ['an empty struct', success('<struct></struct>'), {}],
    ['CDATA', success('<![CDATA[<docker_ps/>]]>'), '<docker_ps/>'],
  ])('%s', async (_, answer, value) => {
    expect(await answered(answer)).toMatchObject({ value })
  })

  test('a map keeps each key, whatever it is called', async () => {
    const member = (name: string) => `<member><name>${name}</name><value>v ${name}</value></member>`
    const names = ['a&amp;b', 'XenCenter.CustomFields.x', '', 'constructor', 'toString']
    const { value } = await answered(success(`<struct>${names.map(member).join('')}</struct>`))
    const expected = names.map((name) => name.replace('&amp;', '&'))
    expect(Object.keys(value as object)).toEqual(expected)
    for (const name of expected) expect((value as Record<string, string>)[name]).toBe(`v ${name}`)
  })

  test('a failure has its code and parameters', async () => {
    const { error } = await answered(failure('HANDLE_INVALID', 'VM', 'OpaqueRef:0000'))
    expect(error).toBeInstanceOf(XapiFailure)
    expect(error).toMatchObject({ code: 'HANDLE_INVALID', params: ['VM', 'OpaqueRef:0000'] })
  })

  test('an XML-RPC fault is a failure too: what answers does not offer the method', async () => {
    const member = (name: string, value: string) => `<member><name>${name}</name><value>${value}</value></member>`
    const { error } = await answered(
      http(
        `<?xml version="1.0"?><methodResponse><fault><value><struct>${member('faultCode', '<int>1</int>')}` +
          `${member('faultString', '<string>no such method</string>')}</struct></value></fault></methodResponse>`,
      ),
    )
    expect(isNotOffered(error)).toBe(true)
    expect(error?.message).toContain('no such method')
  })

  test.each([
    [
      'no struct',
      http('<?xml version="1.0"?><methodResponse><params><param><value>x</value></param></params></methodResponse>'),
    ],
    [
      'a failure without description',
      http(
        '<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Failure</value></member></struct></value></param></params></methodResponse>',
      ),
    ],
  ])('%s is refused', async (_, answer) => {
    const { error } = await answered(answer)
    expect(error).toBeInstanceOf(RefusedError)
    expect(error?.message).toContain('VM.get_uuid')
  })

  const html = '<html><body><h1>HTTP 500 internal server error</h1></body></html>'
  const whole = success('text')
  test.each<[string, string, boolean]>([
    ['HTTP 500 with HTML', http(html, '500 Internal Server Error'), false],
    ['HTTP 500 with HTML, closed', http(html, '500 Internal Server Error', 'connection: close\r\n'), true],
    ['HTTP 500 with nothing', http('', '500 Internal Server Error'), false],
    ['HTTP 404', http('not here', '404 Not Found'), false],
    ['HTML with 200', http(html), false],
    ['no XML at all', http('hello'), false],
    ['an empty body', http(''), false],
    ['XML that ends in the middle', http(/\r\n\r\n(.*)$/s.exec(whole)![1]!.slice(0, 120)), false],
    [
      'XML that ends before its last tag',
      http(/\r\n\r\n(.*)$/s.exec(whole)![1]!.replace('</methodResponse>', '')),
      false,
    ],
    ['an answer cut by the connection', whole.slice(0, -30), true],
    ['an answer that is no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', true],
  ])('%s is an error, not silence', async (_, answer, end) => {
    const { error } = await answered(answer, [], end)
    expect(error).toBeInstanceOf(Error)
  })
})

test('an abort ends the exchange at once', async () => {
  const xapi = await ScriptedXapi.start(() => undefined)
  const line = new PipeLine(xapi.path)
  const controller = new AbortController()
  const call = send(line, 'agent', 'VM.x', [], controller.signal)
  controller.abort(new Error('no longer'))
  await expect(call).rejects.toThrow('no longer')
  await settle()
  expect(line.busy).toBe(false)
})
