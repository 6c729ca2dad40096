import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalAddress } from '../../src/model/pool.ts'
import { chooseAddresses, refusal } from '../../src/monitor/addresses.ts'
import { parseAnswer } from '../../src/xapi/events.ts'
import { RefusedError } from '../../src/base/errors.ts'
import { sendJson } from '../../src/xapi/json-rpc.ts'
import { XapiMessages } from '../../src/xapi/messages.ts'
import { readPoolNetwork } from '../../src/xapi/pool-network.ts'
import type { PipeLine } from '../../src/xapi/pipe-line.ts'
import { ResponseParser } from '../../src/xapi/response-parser.ts'
import { parseNetworks, parseVm } from '../../src/xapi/vm-record.ts'
import { send } from '../../src/xapi/wire.ts'
import { corpus } from './corpus.ts'
import { holds } from './holds.ts'
import { anyJson, anyText, bent, chunked, cuts, damaged, damagedBytes, thrownBy } from './inputs.ts'

const SIGNAL = new AbortController().signal
const VM = {
  uuid: '4f2a0c1e-6a9b-4c1d-8e2f-0123456789ab',
  name_label: 'web',
  power_state: 'Running',
  resident_on: 'OpaqueRef:1',
  ...{ is_control_domain: false, is_a_template: false, is_a_snapshot: false, guest_metrics: 'OpaqueRef:2' },
  other_config: { 'xscontainer-monitor': 'True', folder: '/x', docker_ps: '<docker_ps/>' },
}

describe('the wire', () => {
  const struct = (value: string) =>
    `<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Success` +
    `</value></member><member><name>Value</name><value>${value}</value></member></struct></value></param></params></methodResponse>`
  const answers = [
    struct('plain &amp; text'),
    struct('<struct><member><name>a</name><value>b</value></member></struct>'),
    struct('<array><data><value><i4>1</i4></value><value><boolean>1</boolean></value></data></array>'),
    struct('Success').replace('Success', 'Failure').replace('Value', 'ErrorDescription'),
  ]
  const body = fc.oneof(
    fc.constantFrom(...answers).chain((xml) => damaged(xml)),
    anyText,
  )

  test('whatever XML comes: every question is answered, with a value or an error', async () => {
    await holds(
      fc.asyncProperty(body, async (xml) => {
        const outcome = await soon(send(answering(xml), 'agent', 'VM.get_uuid', [], SIGNAL))
        expect(outcome).not.toBe('nothing')
      }),
      { numRuns: 300, examples: corpus.xapiAnswers.map((xml): [string] => [xml]) },
    )
  })

  test('whatever JSON comes: every question is answered, with a value or an error', async () => {
    const reply = bent({ jsonrpc: '2.0', id: 1, result: 'x', error: { message: 'SESSION_INVALID', data: ['x'] } })
    await holds(
      fc.asyncProperty(
        fc.oneof(
          reply.map((json) => JSON.stringify(json) ?? ''),
          anyText,
        ),
        async (json) => {
          expect(await soon(sendJson(answering(json), 'agent', 'VM.get_uuid', [], SIGNAL))).not.toBe('nothing')
        },
      ),
      { numRuns: 70 },
    )
  })

  test('whatever bytes come, and however they are cut: the same responses and the same end', () => {
    const good = Buffer.from(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '3\r\nabc\r\n0\r\nX: y\r\n\r\nHTTP/1.0 500 No\r\n\r\n<html>',
    )
    holds(
      fc.property(
        fc.oneof(
          damagedBytes(good),
          fc.uint8Array().map((noise) => Buffer.from(noise)),
        ),
        cuts,
        (bytes, sizes) => {
          expect(responses(chunked(bytes, sizes))).toEqual(responses([bytes]))
        },
      ),
      { numRuns: 100 },
    )
  })
})

/** Stands for a connection on which this comes back. */
function answering(text: string): PipeLine {
  const answer = { status: 200, body: Buffer.from(text) }
  return { post: () => Promise.resolve(answer) } as unknown as PipeLine
}

/** What became of the work; `nothing` when nothing does. */
async function soon(work: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const never = new Promise((resolve) => (timer = setTimeout(() => resolve('nothing'), 5000)))
  const outcome = await Promise.race([work.then(() => 'value').catch((error: unknown) => error), never])
  clearTimeout(timer)
  return outcome
}

function responses(pieces: readonly Buffer[]): unknown[] {
  const parser = new ResponseParser()
  const seen: unknown[] = []
  try {
    for (const piece of pieces) {
      for (let rest = piece; rest.length > 0;) {
        const found = parser.feed(rest)
        if (found.answer !== undefined) seen.push([found.answer.status, found.answer.body.toString('latin1')])
        rest = found.rest
      }
    }
    const last = parser.close()
    return [...seen, last && [last.status, last.body.toString('latin1')]]
  } catch (error) {
    return [...seen, String(error)]
  }
}

describe('what XAPI tells', () => {
  test('of a VM: a record of checked members with keys of ours only, or none', () => {
    holds(
      fc.property(bent(VM), anyText, (any, ref) => {
        const part = parseVm(ref, any)
        if (part === undefined) return
        const { record } = part
        expect([typeof record.uuid, typeof record.name, record.ref]).toEqual(['string', 'string', ref])
        expect(['Halted', 'Paused', 'Running', 'Suspended']).toContain(record.powerState)
        for (const [key, value] of Object.entries(record.otherConfig)) {
          expect(key).toMatch(/^(xscontainer-|docker_)/)
          expect(typeof value).toBe('string')
        }
      }),
      { numRuns: 120 },
    )
  })

  test('of a guest: few networks, and of what they name nothing is dialled that must not be', () => {
    const key = fc.oneof(fc.constantFrom('0/ip', '1/ipv4/0', '0/ipv6/1', '__proto__', 'x'), anyText)
    const value = fc.oneof(
      anyText,
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4Extended(),
      fc.constantFrom('10.0.0.1', '::ffff:10.0.0.1'),
    )
    const rules = {
      ...{ allowLoopback: false, preferHostInternal: false, hostInternalDevices: new Set(['1']) },
      hostAddresses: new Set(['10.0.0.1']),
    }
    holds(
      fc.property(fc.dictionary(key, fc.oneof(value, anyJson), { maxKeys: 80 }), fc.option(value), (networks, set) => {
        const known = parseNetworks({ networks })
        expect(Object.keys(known).length).toBeLessThanOrEqual(64)
        const { addresses, problem } = chooseAddresses(known, set ?? undefined, rules)
        expect(addresses.length > 0).toBe(problem === undefined)
        for (const address of addresses) {
          expect(refusal(address, rules, true)).toBeUndefined()
          expect(canonicalAddress(address)).not.toMatch(
            /^(127\.|10\.0\.0\.1$|0\.|22[4-9]\.|::1$|::$|ff..:|fe[89ab].:|::ffff:)/,
          )
        }
      }),
      { numRuns: 100 },
    )
  })

  test('of events: checked ones, or a refusal', async () => {
    const events = [{ class: 'VM', operation: 'mod', ref: 'OpaqueRef:1', snapshot: VM, id: '1', timestamp: 1 }]
    await holds(
      fc.asyncProperty(bent({ events, token: '00000,00000', valid_ref_counts: { vm: 1 } }), async (any) => {
        const error = await thrownBy(() => {
          const answer = parseAnswer(any)
          for (const event of answer.events)
            expect([typeof event.class, typeof event.operation, typeof event.ref]).toEqual([
              'string',
              'string',
              'string',
            ])
          for (const count of Object.values(answer.counts)) expect(Number.isFinite(count)).toBe(true)
        })
        if (error !== undefined) expect(error).toBeInstanceOf(RefusedError)
      }),
      { numRuns: 300, examples: corpus.eventAnswers.map((any): [unknown] => [any]) },
    )
  })

  test('of hosts, networks and messages: what is none is left out', async () => {
    const record = { address: '10.0.0.1', IP: '10.0.0.2', IPv6: ['fd00::1/64'], VM: 'OpaqueRef:1', device: '0' }
    const other_config = { is_host_internal_management_network: 'true' }
    const answer = bent({ 'OpaqueRef:a': { ...record, other_config, name: 't', obj_uuid: 'u' }, 'OpaqueRef:b': record })
    await holds(
      fc.asyncProperty(answer, async (any) => {
        const session = { call: () => Promise.resolve(any) }
        const { hostAddresses, hostInternalDevices } = await readPoolNetwork(session, SIGNAL)
        for (const address of hostAddresses) expect(typeof address).toBe('string')
        for (const devices of hostInternalDevices.values())
          for (const device of devices) expect(typeof device).toBe('string')
        for (const ref of await new XapiMessages(session).find('u', 't', SIGNAL)) expect(typeof ref).toBe('string')
      }),
      { numRuns: 70 },
    )
  })
})
