import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { algorithmsFor } from '../../../src/transports/ssh/algorithms.ts'
import { fingerprint, HostKeyJudge, hostKeyType } from '../../../src/transports/ssh/host-key.ts'

const dir = mkdtempSync(join(tmpdir(), 'xsc-host-'))
afterAll(() => rmSync(dir, { recursive: true }))

function hostKey(type: string): { path: string; blob: string } {
  const path = join(dir, type)
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path])
  return { path, blob: readFileSync(`${path}.pub`, 'utf8').split(' ')[1] ?? '' }
}

const rsa = hostKey('rsa')
const ecdsa = hostKey('ecdsa')

test('the fingerprint is the one that ssh-keygen prints', () => {
  const printed = execFileSync('ssh-keygen', ['-l', '-f', rsa.path]).toString().split(' ')[1]
  expect(fingerprint(rsa.blob)).toBe(printed)
})

test.each([
  [rsa.blob, 'ssh-rsa'],
  [ecdsa.blob, 'ecdsa-sha2-nistp256'],
  ['', undefined],
  ['AAAA', undefined],
  ['/////w==', undefined],
  ['not base64 at all', undefined],
])('the type of %.20s.. is %s', (blob, type) => expect(hostKeyType(blob)).toBe(type))

describe('which host keys are asked for', () => {
  const asked = (pin: string | undefined) => algorithmsFor(pin).serverHostKey as string[]

  test('the pinned type first, and the others after it, so that a change is seen as one', () => {
    expect(asked(rsa.blob).slice(0, 3)).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519'])
    expect(asked(ecdsa.blob).slice(0, 2)).toEqual(['ecdsa-sha2-nistp256', 'ssh-ed25519'])
  })

  test.each([[undefined], [rsa.blob], [ecdsa.blob], ['garbage']])('each once, and never SHA-1 or DSA', (pin) => {
    const names = asked(pin)
    expect(new Set(names).size).toBe(6)
    expect(names).toHaveLength(6)
    expect(JSON.stringify(algorithmsFor(pin))).not.toMatch(/sha1|ssh-rsa|ssh-dss|cbc|chacha|md5/)
  })

  test('where it is allowed, SHA-1 comes last, and nothing worse with it', () => {
    const { kex, serverHostKey, hmac, ...same } = algorithmsFor(rsa.blob, true)
    expect([kex, serverHostKey, hmac].map((names) => (names as string[]).at(-1))).toEqual([
      'diffie-hellman-group14-sha1',
      'ssh-rsa',
      'hmac-sha1',
    ])
    const { kex: newKex, serverHostKey: newKeys, hmac: newHmac, ...newSame } = algorithmsFor(rsa.blob)
    expect([kex, serverHostKey, hmac].map((names) => (names as string[]).slice(0, -1))).toEqual([
      newKex,
      newKeys,
      newHmac,
    ])
    expect(same).toEqual(newSame)
  })
})

describe('judging', () => {
  const check = { vmUuid: 'vm', address: '10.0.0.1' }
  const bytes = (blob: string) => Buffer.from(blob, 'base64')

  test('without a pin the first key is taken, and a second one is not', () => {
    const judge = new HostKeyJudge({ ...check, pinned: undefined })
    expect(judge.accepts(bytes(rsa.blob))).toBe(true)
    expect(judge.accepts(bytes(rsa.blob))).toBe(true)
    expect(judge.accepts(bytes(ecdsa.blob))).toBe(false)
    expect(judge.accepted).toBe(rsa.blob)
    expect(judge.refusal?.diagnosis.kind).toBe('host-key-changed')
  })

  test('white space around a pin does no harm', () => {
    expect(new HostKeyJudge({ ...check, pinned: `${rsa.blob}\n` }).accepts(bytes(rsa.blob))).toBe(true)
  })

  test('a pin that is no key is a changed key', () => {
    const judge = new HostKeyJudge({ ...check, pinned: 'x' })
    expect(judge.accepts(bytes(rsa.blob))).toBe(false)
    expect(judge.accepted).toBeUndefined()
    expect(judge.refusal?.message).toContain(fingerprint(rsa.blob))
  })
})
