import { RefusedError, TransientError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import type { XapiSession } from '../../xapi/session.ts'

type Calls = Pick<XapiSession, 'call'>

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const LONGEST = 1024

/**
 * Gives the password in a secret to `work`, and destroys the secret whatever comes of it, unless `keep` says of the
 * error that somebody else will use it. What is no password, a key or a certificate for example, is neither shown to
 * anybody nor destroyed.
 */
export async function withPasswordSecret<T>(
  session: Calls,
  uuid: string,
  signal: AbortSignal,
  keep: (error: unknown) => boolean,
  work: (password: string) => Promise<T>,
): Promise<T> {
  const password = await readPassword(session, uuid, signal)
  let kept = false
  try {
    return await work(password)
  } catch (error) {
    kept = keep(error)
    throw error
  } finally {
    if (!kept) await destroyPassword(session, uuid)
  }
}

/** Destroys the secret if there is one and it may be a password. Also when whoever asked wants no more. */
export async function destroyPassword(session: Calls, uuid: string): Promise<void> {
  const signal = new AbortController().signal
  const secrets = new XapiSecrets(session)
  try {
    const value = UUID.test(uuid) ? await secrets.read(uuid, signal) : undefined
    if (value !== undefined && mayBePassword(value)) await secrets.destroy(uuid, signal)
  } catch (error) {
    throw new TransientError(
      {
        kind: 'secret-stays',
        cause: `The secret ${uuid} with the password could not be destroyed`,
        cure: `Do it by hand: xe secret-destroy uuid=${uuid}`,
      },
      { cause: error },
    )
  }
}

async function readPassword(session: Calls, uuid: string, signal: AbortSignal): Promise<string> {
  const value = UUID.test(uuid) ? await new XapiSecrets(session).read(uuid, signal) : undefined
  if (value === undefined) {
    throw new RefusedError({
      kind: 'no-secret',
      cause: `There is no secret "${cutText(cleanForTerminal(uuid), 60)}" (argument password-secret)`,
      cure: 'Make one and give its uuid: xe secret-create value=PASSWORD; each is good for one call',
    })
  }
  if (mayBePassword(value)) return value
  throw new RefusedError({
    kind: 'not-a-password',
    cause: `The secret ${uuid} (argument password-secret) holds no password: it is empty, or a key or a certificate`,
    cure: 'Make one for the password: xe secret-create value=PASSWORD',
  })
}

function mayBePassword(value: string): boolean {
  return value !== '' && value.length <= LONGEST && !/[\0\r\n]|^-----BEGIN|^(?:ssh|ecdsa)-\S+ AAAA/.test(value)
}
