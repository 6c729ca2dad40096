import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { RefusedError } from '../../../src/base/errors.ts'
import { parsePrivateKey } from '../../../src/transports/ssh/ssh-key.ts'

/** As ssh-keygen makes it: private text, and type and base64 of the public half. */
function sshKeygen(...args: string[]): { text: string; line: string } {
  const dir = mkdtempSync(join(tmpdir(), 'xsc-key-'))
  const path = join(dir, 'key')
  execFileSync('ssh-keygen', ['-q', '-C', 'comment', '-f', path, ...args])
  const pair = { text: readFileSync(path, 'utf8'), line: readFileSync(`${path}.pub`, 'utf8').trim() }
  rmSync(dir, { recursive: true })
  return { ...pair, line: pair.line.split(' ').slice(0, 2).join(' ') }
}

const NONE = ['-N', '']

test.each([
  ['PKCS#1 PEM', ['-t', 'rsa', '-b', '2048', '-m', 'PEM', ...NONE]],
  ['PKCS#8 PEM', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8', ...NONE]],
  ['OpenSSH RSA', ['-t', 'rsa', '-b', '2048', ...NONE]],
  ['OpenSSH Ed25519', ['-t', 'ed25519', ...NONE]],
  ['OpenSSH ECDSA', ['-t', 'ecdsa', ...NONE]],
  ['SEC1 PEM ECDSA', ['-t', 'ecdsa', '-m', 'PEM', ...NONE]],
])('reads %s, whatever its line ends', (_, args) => {
  const { text, line } = sshKeygen(...args)
  expect(parsePrivateKey(text).publicLine).toBe(`${line} xscontainer`)
  expect(parsePrivateKey(`\n${text.replaceAll('\n', '\r\n')}  `).publicLine).toBe(`${line} xscontainer`)
})

test.each(['sha256', 'sha512'])('signs with RSA and %s so that the public half verifies it', (hash) => {
  const { parsed } = parsePrivateKey(sshKeygen('-t', 'rsa', '-b', '2048', ...NONE).text)
  const data = Buffer.from('session')
  expect(parsed.verify(data, parsed.sign(data, hash), hash)).toBe(true)
  expect(parsed.verify(Buffer.from('other'), parsed.sign(data, hash), hash)).toBe(false)
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const cipher = { cipher: 'aes-128-cbc', passphrase: 'secret' }

test.each([
  ['OpenSSH', sshKeygen('-t', 'ed25519', '-N', 'secret').text],
  ['PKCS#1', rsa.export({ format: 'pem', type: 'pkcs1', ...cipher }).toString()],
  ['PKCS#8', rsa.export({ format: 'pem', type: 'pkcs8', ...cipher }).toString()],
])('a passphrase on %s is named as what is wrong', (_, text) => {
  expect(refusal(text).diagnosis.kind).toBe('key-encrypted')
})

const good = rsa.export({ format: 'pem', type: 'pkcs1' }).toString()
const opensshGood = sshKeygen('-t', 'ed25519', ...NONE).text

test.each([
  ['nothing', ''],
  ['words', 'not a key'],
  ['a public key', sshKeygen('-t', 'ed25519', ...NONE).line],
  ['a PEM key cut short', `${good.slice(0, 400)}\n-----END RSA PRIVATE KEY-----`],
  ['a PEM key without end', good.slice(0, 400)],
  ['an OpenSSH key cut short', `${opensshGood.slice(0, 150)}\n-----END OPENSSH PRIVATE KEY-----`],
  [
    'a DSA key',
    generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 })
      .privateKey.export({ format: 'pem', type: 'pkcs8' })
      .toString(),
  ],
])('%s is refused, and never quoted', (_, text) => {
  const error = refusal(text)
  expect(error.diagnosis.kind).toBe('key-unreadable')
  expect(error.cause).toBeUndefined()
  for (const line of text.split('\n').filter((part) => part.length > 20)) expect(error.message).not.toContain(line)
})

function refusal(text: string): RefusedError {
  try {
    parsePrivateKey(text)
  } catch (error) {
    if (error instanceof RefusedError) return error
    throw error
  }
  throw new Error('it was read')
}
