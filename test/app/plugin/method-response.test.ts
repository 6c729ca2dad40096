import fc from 'fast-check'
import { expect, test } from 'vitest'
import { methodResponse } from '../../../src/app/plugin/method-response.ts'
import { cleanXmlText } from '../../../src/base/text.ts'
import { pluginResult } from '../../sim/xapi/plugin-protocol.ts'
import { XapiError } from '../../sim/xapi/xapi-error.ts'
import { holds } from '../../fuzz/holds.ts'

const taken = (value: string) => pluginResult(Buffer.from(methodResponse({ value })))

test('XAPI reads the text that was meant', () => {
  expect(taken('True<docker_top a="1">&amp; ]]></docker_top>')).toBe('True<docker_top a="1">&amp; ]]></docker_top>')
  holds(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(taken(`True${text}`)).toBe(`True${cleanXmlText(text)}`)
    }),
  )
})

test('what XAPI cannot carry is replaced; nothing but ASCII is printed', () => {
  expect(taken('True\u0001\u001b[31m \ufffe \ud83d')).toBe('True\ufffd\ufffd[31m \ufffd \ufffd')
  expect(methodResponse({ value: 'Tür \u{1F433}' })).toMatch(/^[\n\x20-\x7e]+$/)
})

test('a failure is its code and parameters, exactly', () => {
  const failure = ['XENAPI_PLUGIN_FAILURE', 'start', 'RefusedError', 'no "such" <container> & more\u0007', '']
  let thrown: unknown
  try {
    pluginResult(Buffer.from(methodResponse({ failure })))
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(XapiError)
  expect((thrown as XapiError).description).toEqual([...failure.slice(0, 3), 'no "such" <container> & more\ufffd', ''])
})
