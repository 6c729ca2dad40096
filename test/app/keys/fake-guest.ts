import { generateKeyPairSync } from 'node:crypto'
import { RefusedError } from '../../../src/base/errors.ts'
import type { GuestShell } from '../../../src/model/shell.ts'
import { blobOf, type Login } from '../../../src/app/keys/renew-guest.ts'
import { parsePrivateKey, type SshKey } from '../../../src/transports/ssh/ssh-key.ts'

export interface FakeKey extends SshKey {
  readonly pem: string
}

/** A short key: quick to make. */
export function fakeKey(): FakeKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const pem = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString()
  return { ...parsePrivateKey(pem), pem }
}

/** A guest's authorized_keys, and what logins and key commands make of it. */
export class FakeGuest {
  /** Lines as in the file; one that begins with `restrict` is a restricted one. */
  lines: string[]
  /** Keys that sshd does not take although they are there. */
  readonly rejected = new Set<string>()
  /** What was asked of it, in order: `login`, `add`, `remove`, `check`. */
  readonly asked: string[] = []
  /** May fail in the guest's stead, before or after it has done it. */
  before: (what: string) => void = () => undefined
  after: (what: string) => void = () => undefined
  /** Standard error of every edit, which then fails. */
  readOnly: string | undefined
  open = 0

  constructor(...lines: string[]) {
    this.lines = lines
  }

  readonly login: Login = async (key) => {
    this.#ask('login')
    const line = this.lines.find((each) => each.includes(blobOf(key)))
    if (line === undefined || this.rejected.has(blobOf(key))) throw refused()
    this.after('login')
    this.open++
    return this.#shell(line.startsWith('restrict'))
  }

  has(key: SshKey): boolean {
    return this.lines.some((line) => line.includes(blobOf(key)))
  }

  #shell(restricted: boolean): GuestShell {
    return {
      address: '192.0.2.9',
      hostKey: 'k',
      run: async (command, input) => {
        const [action = '', ...words] = (/xsc:key:([^;]*);/.exec(command)?.[1] ?? '').split(' ')
        this.#ask(action)
        const word = this.#edit(action, words, input, restricted)
        this.after(action)
        const stderr = word === 'failed' ? (this.readOnly ?? '') : ''
        return { exitCode: 0, stdout: `Welcome\nxsc:key:${word}\n`, stderr }
      },
      close: () => this.open--,
    }
  }

  #edit(action: string, [key = '', other = '', given]: string[], input: string | undefined, restricted: boolean) {
    const found = this.lines.find((line) => line.includes(key))
    if (found === undefined) return 'absent'
    if (restricted && !found.startsWith('restrict')) return 'foreign'
    if (action !== 'check' && this.readOnly !== undefined) return 'failed'
    const copy = found.replace(key, other)
    const added = given === 'given' && !restricted ? (input ?? '').trimEnd() : copy
    if (action === 'add' && !this.lines.some((line) => line.includes(other))) this.lines = [...this.lines, added]
    if (action === 'remove') this.lines = this.lines.filter((line) => line !== found)
    return 'done'
  }

  #ask(what: string): void {
    this.asked.push(what)
    this.before(what)
  }
}

function refused(): RefusedError {
  return new RefusedError({ kind: 'auth-refused', cause: 'The guest refused the key', cure: 'Install it' })
}
