import { describe, expect, test } from 'vitest'
import { DeadlineError, StoppedError, TransientError } from '../../src/base/errors.ts'
import { isFailure, translateWireError, XapiFailure } from '../../src/xapi/errors.ts'

const REF = 'OpaqueRef:0a1b2c3d-0000-1111-2222-333344445555'

describe('XapiFailure', () => {
  test('names the method, the code and what can be read', () => {
    const error = new XapiFailure('VM.add_to_other_config', [
      'MAP_DUPLICATE_KEY',
      'VM',
      'other_config',
      REF,
      'docker_ps',
    ])
    expect(error.message).toContain('VM.add_to_other_config: MAP_DUPLICATE_KEY VM other_config docker_ps.')
    expect(error).toBeInstanceOf(TransientError)
  })

  test.each([
    ['SESSION_INVALID', REF],
    ['INTERNAL_ERROR', `Db_exn.Read_missing_uuid("session", "", "${REF}")`],
    ['INTERNAL_ERROR', `session=${REF};${REF}`],
    [`ODD ${REF}`, ''],
  ])('never shows a reference: %s %s', (...description) => {
    expect(new XapiFailure('VM.get_all', description).message).not.toContain('0a1b2c3d')
  })

  test('has a code even if XAPI names none', () => {
    expect(new XapiFailure('VM.get_all', []).code).toBe('UNKNOWN')
  })
})

test('isFailure knows its codes, and nothing but XAPI’s failures', () => {
  const error = new XapiFailure('x', ['HANDLE_INVALID'])
  expect(isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID')).toBe(true)
  expect(isFailure(error, 'UUID_INVALID')).toBe(false)
  expect(isFailure(Object.assign(new Error(), { code: 'HANDLE_INVALID' }), 'HANDLE_INVALID')).toBe(false)
  expect(isFailure(undefined, 'HANDLE_INVALID')).toBe(false)
})

describe('translateWireError', () => {
  test('says which socket and which call, and what the administrator can do', () => {
    const error = translateWireError('VM.get_all', '/var/lib/xcp/xapi', new Error('connect ECONNREFUSED'))
    expect(error).toBeInstanceOf(TransientError)
    expect(error.message).toBe(
      'XAPI at /var/lib/xcp/xapi did not answer VM.get_all: connect ECONNREFUSED. ' +
        'Check that the toolstack runs (systemctl status xapi); this is tried again by itself',
    )
  })

  test('cuts what a server wrote', () => {
    expect(translateWireError('x', '/s', new Error('y'.repeat(100_000))).message.length).toBeLessThan(400)
    expect(translateWireError('x', '/s', 'only text').message).toContain('only text')
  })

  test.each([new XapiFailure('x', ['Y']), new StoppedError(), new DeadlineError({ kind: 'k', cause: 'c', cure: 'd' })])(
    'leaves $name as it is',
    (error) => {
      expect(translateWireError('x', '/s', error)).toBe(error)
    },
  )
})
