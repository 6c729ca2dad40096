import { DiagnosedError } from '../../base/errors.ts'
import { ensurePoolKey } from '../../provision/pool-key.ts'
import { readPoolKeys } from '../../provision/rotation.ts'
import { generatePoolKey } from '../../provision/ssh-key.ts'
import { fingerprint } from '../../transports/ssh/host-key.ts'
import { parsePrivateKey, type SshKey } from '../../transports/ssh/ssh-key.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import type { XapiSession } from '../../xapi/session.ts'
import { readPoolKey } from '../doctor/pool-key.ts'

type Calls = Pick<XapiSession, 'call'>

/** The pool's key, made where there is none yet. Rejects with a DiagnosedError. */
export async function obtainPoolKey(session: Calls, signal: AbortSignal): Promise<SshKey> {
  const tools = { generate: generatePoolKey, publicLineOf: (pem: string) => parsePrivateKey(pem).publicLine }
  return parsePrivateKey(await ensurePoolKey(new XapiSecrets(session), tools, signal))
}

/** The pool's key as it is; undefined when there is none. */
export async function findPoolKey(session: Calls, signal: AbortSignal): Promise<SshKey | undefined> {
  try {
    return await readPoolKey(new XapiSecrets(session), signal)
  } catch (error) {
    if (error instanceof DiagnosedError && error.diagnosis.kind === 'no-pool-key') return undefined
    throw error
  }
}

/** All keys of the pool that a guest may let in: the present one first, those of a change that is under way after it. */
export async function allPoolKeys(session: Calls, signal: AbortSignal): Promise<readonly SshKey[]> {
  const keys = await readPoolKeys(new XapiSecrets(session), signal)
  return [keys?.current, keys?.next, keys?.previous].flatMap((pem) => (pem === undefined ? [] : [parsePrivateKey(pem)]))
}

/** `SHA256:..` of a public key line, as ssh-keygen -l prints it. */
export function keyText({ publicLine }: SshKey): string {
  return fingerprint(publicLine.split(' ')[1] ?? '')
}
