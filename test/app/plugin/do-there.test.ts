import { expect, test } from 'vitest'
import { PASSED_ON, passOn } from '../../../src/app/plugin/do-there.ts'
import type { MethodCall } from '../../../src/app/plugin/method-call.ts'
import { TransientError } from '../../../src/base/errors.ts'
import { XapiFailure } from '../../../src/xapi/errors.ts'

const signal = new AbortController().signal
const CALL: MethodCall = { fn: 'stop', session: 'OpaqueRef:s', args: { vmuuid: 'u', container: '' } }

/** XAPI that answers each method with this; what it was asked for. */
function xapi(answers: Readonly<Record<string, unknown>>) {
  const asked: unknown[][] = []
  return {
    asked,
    call(method: string, params: readonly unknown[]): Promise<unknown> {
      asked.push([method, ...params])
      const answer = answers[method]
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
  }
}

test('a call is passed on with all its args and the mark; the answer comes back as it is', async () => {
  const there = xapi({ 'host.call_plugin': 'True<x/>' })
  expect(await passOn(there, 'OpaqueRef:h', CALL, signal)).toEqual({ value: 'True<x/>' })
  const args = { vmuuid: 'u', container: '', [PASSED_ON]: 'True' }
  expect(there.asked).toEqual([['host.call_plugin', 'OpaqueRef:h', 'xscontainer', 'stop', args]])
})

test.each([
  [['XENAPI_PLUGIN_FAILURE', 'stop', 'RefusedError', 'It broke. Mend it']],
  [['UNKNOWN_XENAPI_PLUGIN_FUNCTION', 'stop']],
  [['HOST_OFFLINE', 'OpaqueRef:h']],
])('the failure %j comes back as it is', async (description) => {
  const there = xapi({ 'host.call_plugin': new XapiFailure('host.call_plugin', description) })
  expect(await passOn(there, 'OpaqueRef:h', CALL, signal)).toEqual({ failure: description })
})

test('a call that was passed on before is not passed on again', async () => {
  const there = xapi({})
  const again = { ...CALL, args: { ...CALL.args, [PASSED_ON]: 'True' } }
  await expect(passOn(there, 'OpaqueRef:h', again, signal)).rejects.toThrow(TransientError)
  expect(there.asked).toEqual([])
})

test('a host without the plugin is named', async () => {
  const missing = new XapiFailure('host.call_plugin', ['XENAPI_MISSING_PLUGIN', 'xscontainer'])
  const there = xapi({ 'host.call_plugin': missing, 'host.get_name_label': 'rack-7' })
  await expect(passOn(there, 'OpaqueRef:h', CALL, signal)).rejects.toThrow(/"rack-7".*does not have xscontainer/)
})

test('XAPI does not answer: that is no failure of the other host', async () => {
  const lost = new TransientError({ kind: 'xapi-unreachable', cause: 'XAPI is away', cure: 'Look' })
  await expect(passOn(xapi({ 'host.call_plugin': lost }), 'OpaqueRef:h', CALL, signal)).rejects.toBe(lost)
})
