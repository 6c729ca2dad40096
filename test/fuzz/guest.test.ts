import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../src/base/errors.ts'
import { markedLines, readEdit } from '../../src/provision/authorized-keys-answer.ts'
import { cleanLines, logText } from '../../src/operations/log-text.ts'
import { moment } from '../../src/operations/moment.ts'
import { readMaterial } from '../../src/transports/tls/material.ts'
import { parseReport } from '../../src/transports/ssh/diagnose.ts'
import { fingerprint, HostKeyJudge, hostKeyType } from '../../src/transports/ssh/host-key.ts'
import { parsePrivateKey } from '../../src/transports/ssh/ssh-key.ts'
import { loginOf } from '../sim/guest/peers.ts'
import { holds } from './holds.ts'
import { anyText, damaged, thrownBy } from './inputs.ts'

/** What steers a terminal or turns text around: in nothing that people are shown. */
const STEERING = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/

describe('what a guest says', () => {
  test('of its sockets: absolute paths, and tools that are known', () => {
    const good =
      'xsc:user:core\nxsc:socket:ok:yes:/run/docker.sock\nxsc:socket:denied:unknown:/x\nxsc:tool:nc\nxsc:end:\n'
    holds(
      fc.property(fc.oneof(damaged(good), anyText), (output) => {
        const { user, sockets, tools } = parseReport(output)
        expect(user.length).toBeLessThanOrEqual(64)
        for (const path of sockets.keys()) expect(path).toMatch(/^\//)
        for (const tool of tools) expect(['docker', 'socat', 'ncat', 'nc']).toContain(tool)
      }),
      { numRuns: 100 },
    )
  })

  test('of its keys file: a report, or a refusal; neither steers a terminal', async () => {
    const good = 'motd\nxsc:note:created:/home/core/.ssh\nxsc:did:added:/home/core/.ssh/authorized_keys\nxsc:end:\n'
    const bad = 'xsc:said:sh: cannot create\nxsc:fail:write:/home/core/.ssh\n'
    const whose = { username: 'core', address: '10.0.0.1' }
    await holds(
      fc.asyncProperty(fc.oneof(damaged(good), damaged(bad), anyText), anyText, async (stdout, stderr) => {
        for (const { words, text } of markedLines(stdout)) expect(`${words}${text}`).not.toMatch(STEERING)
        const error = await thrownBy(() => {
          const { notes, path } = readEdit({ exitCode: 0, stdout, stderr }, whose)
          expect([path, ...notes].join('')).not.toMatch(STEERING)
        })
        if (error === undefined) return
        expect(error).toBeInstanceOf(RefusedError)
        expect(String(error)).not.toMatch(STEERING)
      }),
      { numRuns: 100 },
    )
  })

  test('by its host key: any bytes are one key, and no other bytes are the same', () => {
    const blob = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes))
    holds(
      fc.property(blob, blob, anyText, (one, other, pinned) => {
        const type = hostKeyType(one.toString('base64'))
        if (type !== undefined) expect(type.length).toBeLessThanOrEqual(64)
        expect(fingerprint(one.toString('base64'))).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
        const judge = new HostKeyJudge({ vmUuid: 'u', address: 'a', pinned: undefined })
        expect(judge.accepts(one)).toBe(true)
        expect(judge.accepts(other)).toBe(one.equals(other))
        const strict = new HostKeyJudge({ vmUuid: 'u', address: 'a', pinned })
        expect(strict.accepts(one)).toBe(pinned.trim() === one.toString('base64'))
        if (strict.refusal !== undefined) expect(strict.refusal.message).not.toMatch(STEERING)
      }),
      { numRuns: 100 },
    )
  })

  test('in its logs: no more lines and bytes than asked for, none of which steers a terminal', () => {
    const pieces = fc.array(fc.oneof(anyText, fc.constantFrom('\n', '\r', '\x1b]0;t\x07', '\x1b[1;31m')), {
      maxLength: 12,
    })
    holds(
      fc.property(
        pieces,
        fc.boolean(),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 4, max: 60 }),
        (all, cut, lines, most) => {
          const bytes = Buffer.from(all.join(''))
          const text = logText({ bytes, cut }, lines, most)
          expect(text).not.toMatch(STEERING)
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(most)
          expect(text.replace(/\n$/, '').split('\n').length).toBeLessThanOrEqual(lines)
          expect(cleanLines(cleanLines(bytes.toString()))).toBe(cleanLines(bytes.toString()))
        },
      ),
      { numRuns: 120 },
    )
  })
})

describe('what an administrator gives', () => {
  const { privateKey } = loginOf('ed25519')

  test('as a private key: a key, or a refusal that has nothing of it', async () => {
    await holds(
      fc.asyncProperty(fc.oneof(damaged(privateKey), anyText), async (text) => {
        const error = await thrownBy(() =>
          expect(parsePrivateKey(text).publicLine).toMatch(/^(ssh|ecdsa)-\S+ \S+ xscontainer$/),
        )
        if (error === undefined) return
        expect(error).toBeInstanceOf(RefusedError)
        for (const line of contentOf(text)) expect(String(error)).not.toContain(line)
      }),
      { numRuns: 100 },
    )
  })

  test('as TLS material: a refusal that has nothing of it', async () => {
    const from = { ca: 'secret 1', certificate: 'secret 2', key: 'secret 3' }
    const pem = '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUdGVzdA==\n-----END CERTIFICATE-----\n'
    const part = fc.oneof(damaged(pem), damaged(privateKey), anyText)
    await holds(
      fc.asyncProperty(part, part, part, async (ca, certificate, key) => {
        const error = await thrownBy(() => readMaterial({ ca, certificate, key }, from, 0))
        expect(error).toBeInstanceOf(RefusedError)
        for (const line of contentOf(key)) expect(String(error)).not.toContain(line)
      }),
      { numRuns: 70 },
    )
  })

  test('as a moment: whole seconds, or a refusal', async () => {
    const text = fc.oneof(anyText, fc.stringMatching(/^[0-9smhdTZ:.+-]{1,24}$/))
    await holds(
      fc.asyncProperty(text, async (any) => {
        const error = await thrownBy(() => expect(Number.isSafeInteger(moment('since', any, 1.7e12))).toBe(true))
        if (error !== undefined) expect(error).toBeInstanceOf(RefusedError)
      }),
      { numRuns: 100 },
    )
  })
})

/** What may not be said again: the lines of a PEM text that are not about what it is. */
function contentOf(pem: string): string[] {
  const lines = pem.split('\n').map((line) => line.trim())
  return lines.filter((line) => line.length > 12 && !line.includes('--'))
}
