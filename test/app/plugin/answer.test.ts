import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answer } from '../../../src/app/plugin/answer.ts'
import { FUNCTIONS } from '../../../src/app/plugin/functions.ts'
import type { MethodCall } from '../../../src/app/plugin/method-call.ts'
import type { Outcome } from '../../../src/app/plugin/outcome.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { encodeFrame, FRAME, LIMIT, readFrames, readJson } from '../../../src/control/frame.ts'
import { PROTOCOL, VM_ELSEWHERE, type ControlReply } from '../../../src/control/message.ts'
import { ALL_OPERATIONS } from '../../../src/app/operations/all-operations.ts'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { pluginArgument } from '../../sim/xapi/plugin-protocol.ts'

const SESSION = 'OpaqueRef:6a9b6b8c-0000-4000-8000-00000000abcd'

let dir: string
let daemon: Server | undefined
/** What the daemon was asked for. */
let asked: Readonly<Record<string, unknown>>[]
/** Which slow ways were taken. */
let slow: [way: string, call: MethodCall][]
/** What they answer, in this order. */
let outcomes: (Outcome | undefined)[]

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xsc-plugin-'))
  asked = []
  slow = []
  outcomes = []
})
afterEach(() => {
  daemon?.close()
  rmSync(dir, { recursive: true })
})

/** A daemon that greets, and answers each request with this. */
async function listen(reply: ControlReply): Promise<void> {
  daemon = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(encodeFrame(FRAME.hello, JSON.stringify({ protocol: PROTOCOL, version: '1' })))
    void (async () => {
      for await (const { data } of readFrames(socket as AsyncIterable<Buffer>, LIMIT.request)) {
        asked.push(readJson(data))
        socket.end(encodeFrame(FRAME.reply, JSON.stringify(reply)))
      }
    })()
  })
  await new Promise<void>((resolve) => daemon?.listen(join(dir, 'control.sock'), resolve))
}

function ask(argument: string): Promise<Outcome> {
  const path = join(dir, 'xscontainer.toml')
  writeFileSync(path, `[control]\nsocket = "${join(dir, 'control.sock')}"\n`)
  const way = (name: string) => (call: MethodCall) => {
    slow.push([name, call])
    return Promise.resolve(outcomes.shift())
  }
  return answer(argument, {
    clock: systemClock,
    configPath: path,
    loadHere: () => Promise.resolve({ doHere: way('here') }),
    loadThere: () => Promise.resolve({ doThere: way('there') }),
  })
}

const call = (fn: string, args: Readonly<Record<string, string>> = {}) =>
  pluginArgument(fn, SESSION, Object.entries(args))

function failed(type: string, kind: string): ControlReply {
  return { ok: false, error: { type, transient: false, diagnosis: { kind, cause: 'It broke', cure: 'Mend it' } } }
}

test('the daemon answers: its payload behind True; it does not get the session', async () => {
  await listen({ ok: true, payload: '<docker_top/>' })
  expect(await ask(call('get_top', { vmuuid: 'u', object: 'web', empty: '' }))).toEqual({ value: 'True<docker_top/>' })
  expect(asked).toEqual([{ protocol: PROTOCOL, operation: 'get_top', args: { vmuuid: 'u', object: 'web', empty: '' } }])
  expect(slow).toEqual([])
})

test('the daemon refuses: class, cause and cure', async () => {
  await listen(failed('RefusedError', 'no-such-container'))
  expect(await ask(call('start', { vmuuid: 'u' }))).toEqual({
    failure: ['XENAPI_PLUGIN_FAILURE', 'start', 'RefusedError', 'It broke. Mend it'],
  })
  expect(slow).toEqual([])
})

describe('what the daemon does not do is done here or there, with the session', () => {
  const wanted = { fn: 'start', session: SESSION, args: { vmuuid: 'u' } }
  const answerOf = (...given: (Outcome | undefined)[]) => {
    outcomes = given
    return ask(call('start', { vmuuid: 'u' }))
  }
  const elsewhere = () => listen(failed('RefusedError', VM_ELSEWHERE))

  test('no daemon: here', async () => {
    expect(await answerOf({ value: 'Truehere' })).toEqual({ value: 'Truehere' })
    expect(slow).toEqual([['here', wanted]])
  })

  test('no daemon, and it is asked what runs here: answered at once, nothing else is loaded', async () => {
    const outcome = await ask(call('version'))
    const text = 'value' in outcome ? outcome.value : ''
    expect(JSON.parse(text.replace(/^True/, ''))).toMatchObject({ protocol: PROTOCOL, daemon: false, pid: null })
    expect(slow).toEqual([])
  })

  test('no daemon, and another host has the VM: there', async () => {
    expect(await answerOf(undefined, { failure: ['ODD'] })).toEqual({ failure: ['ODD'] })
    expect(slow.map(([way]) => way)).toEqual(['here', 'there'])
  })

  test('the daemon says that another host has the VM: there', async () => {
    await elsewhere()
    expect(await answerOf({ value: 'Truethere' })).toEqual({ value: 'Truethere' })
    expect(slow).toEqual([['there', wanted]])
  })

  test('the daemon says so, but XAPI does not: here', async () => {
    await elsewhere()
    expect(await answerOf(undefined, { value: 'Truehere' })).toEqual({ value: 'Truehere' })
    expect(slow.map(([way]) => way)).toEqual(['there', 'here'])
  })

  test('everybody says that it is elsewhere: it is moving, and nobody looks for it for ever', async () => {
    await elsewhere()
    expect(await answerOf(undefined, undefined)).toEqual({
      failure: ['XENAPI_PLUGIN_FAILURE', 'start', 'TransientError', expect.stringMatching(/u is moving .*\. .+/)],
    })
    expect(slow.map(([way]) => way)).toEqual(['there', 'here'])
  })
})

test.each(['frobnicate', '', 'toString', 'exec', 'start ', 'START'])('unknown function "%s"', async (fn) => {
  await listen({ ok: true, payload: '' })
  expect(await ask(call(fn))).toEqual({ failure: ['UNKNOWN_XENAPI_PLUGIN_FUNCTION', fn] })
  expect([asked, slow]).toEqual([[], []])
})

test.each(['', 'hello', '<methodCall/>', call('start').slice(0, -1)])('broken XML: %s', async (argument) => {
  const outcome = await ask(argument)
  expect(outcome).toEqual({
    failure: [
      'XENAPI_PLUGIN_FAILURE',
      expect.any(String),
      'RefusedError',
      expect.stringMatching(/not the XML .*\. .+/),
    ],
  })
})

test('every operation is a function of the plugin', () => {
  const monitorOnly = ['refresh', 'spend']
  const hostLevel = ALL_OPERATIONS.ofHosts.map(({ name }) => name).filter((name) => !monitorOnly.includes(name))
  const names = [...new Set([...OPERATIONS.map(({ name }) => name), ...hostLevel])]
  expect([...FUNCTIONS].sort()).toEqual(names.sort())
})
