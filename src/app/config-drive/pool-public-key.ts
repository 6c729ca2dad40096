import { RefusedError } from '../../base/errors.ts'
import { ensurePoolKey } from '../../provision/pool-key.ts'
import { generatePoolKey } from '../../provision/ssh-key.ts'
import { parsePrivateKey } from '../../transports/ssh/ssh-key.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import type { XapiSession } from '../../xapi/session.ts'

/** The base64 part of the pool's public RSA key; the key is made where the pool has none. Rejects with a DiagnosedError. */
export async function poolPublicKey(session: Pick<XapiSession, 'call'>, signal: AbortSignal): Promise<string> {
  const tools = { generate: generatePoolKey, publicLineOf: (pem: string) => parsePrivateKey(pem).publicLine }
  const { publicLine } = parsePrivateKey(await ensurePoolKey(new XapiSecrets(session), tools, signal))
  const [type = '', base64 = ''] = publicLine.split(' ')
  if (type === 'ssh-rsa') return base64
  throw new RefusedError({
    kind: 'pool-key-type',
    cause: `The pool's SSH key is of type ${type}, but templates of config drives say ssh-rsa`,
    cure: 'Make a new one (xscontainer key rotate), or write the key line by hand: xscontainer key show',
  })
}
