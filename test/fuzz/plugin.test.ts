import fc from 'fast-check'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import Deserializer from 'xmlrpc/lib/deserializer.js'
import { parseMethodCall } from '../../src/app/plugin/method-call.ts'
import { methodResponse } from '../../src/app/plugin/method-response.ts'
import { cleanXmlText } from '../../src/base/text.ts'
import { asError, RefusedError } from '../../src/base/errors.ts'
import { pluginArgument } from '../sim/xapi/plugin-protocol.ts'
import { parseXml } from '../sim/xapi/xml-tree.ts'
import { corpus } from './corpus.ts'
import { holds } from './holds.ts'
import { anyText, damaged, thrownBy } from './inputs.ts'

const SESSION = 'OpaqueRef:6a9b6b8c-0000-4000-8000-00000000abcd'
const GOOD = pluginArgument('get_top', SESSION, [
  ['vmuuid', '7f2a'],
  ['object', 'a & b <c>'],
  ['empty', ''],
])

test('whatever is called: a call, or a refusal without the session in it', async () => {
  const argument = fc.oneof(damaged(GOOD), damaged(GOOD.replaceAll('><', '> <!-- x --> <')), anyText)
  await holds(
    fc.asyncProperty(argument, async (xml) => {
      const error = await thrownBy(() => {
        const { args, fn } = parseMethodCall(xml)
        expect(Object.values({ ...args, fn }).every((text) => typeof text === 'string')).toBe(true)
      })
      if (error === undefined) return
      expect(error).toBeInstanceOf(RefusedError)
      expect(String(error)).not.toContain(SESSION.slice(10, 30))
    }),
    { numRuns: 300, examples: corpus.methodCalls.map((xml): [string] => [xml]) },
  )
})

test('what is taken for a call, another XML parser reads in the same way', () => {
  holds(
    fc.property(damaged(GOOD), (xml) => {
      const call = quietly(() => parseMethodCall(xml))
      fc.pre(call !== undefined)
      const tree = quietly(() => parseXml(xml))
      // XML's own rules of which characters there are, and of two hyphens in a comment, are XAPI's part.
      fc.pre(tree !== undefined)
      const [name, params] = tree.children
      const members = params?.children[1]?.children[0]?.children[0]?.children ?? []
      const read = members.map(({ children: [key, value] }) => [key?.text, value?.children[0]?.text ?? value?.text])
      expect([name?.text, Object.fromEntries(read)]).toEqual([call.fn, call.args])
    }),
    { numRuns: 100 },
  )
})

function quietly<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

test('what is answered, another XML-RPC parser reads in the same way', async () => {
  await holds(
    fc.asyncProperty(anyText, async (text) => {
      const answer = await deserialized(methodResponse({ value: `True${text}` }))
      expect(answer).toEqual({ Status: 'Success', Value: `True${cleanXmlText(text)}` })
    }),
  )
  await holds(
    fc.asyncProperty(fc.array(anyText, { minLength: 1, maxLength: 4 }), async (failure) => {
      const answer = await deserialized(methodResponse({ failure }))
      expect(answer).toEqual({ Status: 'Failure', ErrorDescription: failure.map(cleanXmlText) })
    }),
  )
})

function deserialized(xml: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    new Deserializer('utf8').deserializeMethodResponse(Readable.from([xml], { objectMode: false }), (error, answer) =>
      error === null || error === undefined ? resolve(answer) : reject(asError(error)),
    )
  })
}
