import { beforeEach, describe, expect, test } from 'vitest'
import type { CertificateEnd, Target, Transport } from '../../../src/model/guest.ts'
import { CertificateWarnings, expiryWarning } from '../../../src/app/tls/certificate-warnings.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { FakeLink, TARGET } from '../../monitor/fixtures.ts'

const NOW = Date.parse('2026-11-23T10:00:00Z')
const DAY_MS = 86_400_000
const ends = (...days: number[]): CertificateEnd[] =>
  days.map((day, i) => ({ what: ['client certificate', "engine's certificate"][i]!, endsMs: NOW + day * DAY_MS }))

describe('when it is time to warn', () => {
  test.each<[string, CertificateEnd[] | undefined, string | undefined]>([
    ['no certificates', undefined, undefined],
    ['a month and a day', ends(31, 400), undefined],
    ['a month', ends(30, 400), 'the client certificate expires on 2026-12-23'],
    ['the first one counts', ends(29, 3), "the engine's certificate expires on 2026-11-26"],
    ['it is over', ends(400, -1), "the engine's certificate has expired on 2026-11-22"],
  ])('%s', (_, certificates, words) => expect(expiryWarning(certificates, NOW)).toBe(words))
})

describe('messages', () => {
  let clock: FakeClock
  let calls: string[]
  let certificates: CertificateEnd[] | undefined
  let warnings: CertificateWarnings
  let transport: Transport
  const target = (vmUuid = 'vm'): Target => ({ ...TARGET, vmUuid })
  const connect = () => transport.connect(target(), new AbortController().signal)

  beforeEach(() => {
    clock = new FakeClock(NOW)
    calls = []
    certificates = ends(100)
    warnings = new CertificateWarnings(clock, {
      mayExist: (uuid) => void calls.push(`look ${uuid}`),
      want: (uuid, body) => void calls.push(`${uuid}: ${body ?? 'none'}`),
      forget: (uuid) => void calls.push(`forget ${uuid}`),
    })
    transport = warnings.over({
      name: 'fake',
      connect: () => Promise.resolve(new FakeLink(certificates === undefined ? {} : { certificates })),
    })
  })

  test('a good certificate takes a message back, of an earlier time too, which is looked for once', async () => {
    await connect()
    await connect()
    expect(calls).toEqual(['look vm', 'vm: none', 'vm: none'])
  })

  test('one that comes close to its end is told of while the link stays, with its cure', async () => {
    await connect()
    await clock.advance(71 * DAY_MS)
    warnings.look()
    expect(calls.at(-1)).toBe(
      'vm: The client certificate expires on 2027-03-03; the VM cannot be monitored then. Renew it before: xscontainer tls renew vm',
    )
    certificates = ends(800)
    await connect()
    expect(calls.at(-1)).toBe('vm: none')
  })

  test('a VM that goes over to SSH, or is monitored no more, has none; one that moved keeps its message', async () => {
    certificates = undefined
    await connect()
    expect(calls).toEqual([])
    certificates = ends(3)
    await connect()
    certificates = undefined
    await connect()
    expect(calls.at(-1)).toBe('vm: none')
    certificates = ends(3)
    await connect()
    warnings.gone('vm')
    expect(calls.at(-1)).toBe('vm: none')
    warnings.forget('vm')
    expect(calls.at(-1)).toBe('forget vm')
    const count = calls.length
    warnings.look()
    expect(calls).toHaveLength(count)
  })
})
