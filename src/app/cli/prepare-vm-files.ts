import { readFile, stat } from 'node:fs/promises'
import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import { parsePrivateKey } from '../../transports/ssh/ssh-key.ts'
import type { Credentials } from '../prepare/prepare-context.ts'

const MOST_BYTES = 64 * 1024
const MOST_PASSWORD = 1024

/** The first line of the file. `warn`: told when others may read it too. Rejects with a RefusedError. */
export async function readPasswordFile(path: string, warn: (text: string) => void): Promise<string> {
  const text = await readSmall(path)
  const mode = (await stat(path)).mode
  if ((mode & 0o170000) === 0o100000 && (mode & 0o004) !== 0) {
    warn(`Everybody on this host can read the password in ${path}: chmod 600 ${path}`)
  }
  const password = text.split(/\r?\n/, 1)[0] ?? ''
  if (password !== '' && password.length <= MOST_PASSWORD && !password.includes('\0')) return password
  throw new RefusedError({
    kind: 'password-file',
    cause: `There is no password in the first line of ${shown(path)}`,
    cure: 'Write the password alone into its first line',
  })
}

/** A private key that the guest knows. Rejects with a RefusedError that never quotes the file. */
export async function readIdentity(path: string): Promise<NonNullable<Credentials['identity']>> {
  const text = await readSmall(path)
  try {
    return { key: parsePrivateKey(text), file: shown(path) }
  } catch (error) {
    // The texts are about the pool's key.
    const kind = error instanceof DiagnosedError ? error.diagnosis.kind : 'key-unreadable'
    throw new RefusedError({
      kind,
      cause:
        kind === 'key-encrypted'
          ? `The key in ${shown(path)} is protected by a passphrase`
          : `${shown(path)} holds no private key of type RSA, ECDSA or Ed25519, in PEM or OpenSSH form`,
      cure:
        kind === 'key-encrypted'
          ? 'Take the passphrase off a copy of it (ssh-keygen -p -f COPY), or log in with a password'
          : 'Name the private half of a key that the guest knows (not the .pub file)',
    })
  }
}

async function readSmall(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8')
    if (text.length <= MOST_BYTES) return text
  } catch (error) {
    throw new RefusedError({
      kind: 'unreadable-file',
      cause: `Cannot read ${shown(path)}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      cure: 'Check its name and permissions',
    })
  }
  throw new RefusedError({
    kind: 'unreadable-file',
    cause: `${shown(path)} is larger than ${MOST_BYTES / 1024} KB`,
    cure: 'Check its name',
  })
}

function shown(path: string): string {
  return cutText(cleanForTerminal(path), 200)
}
