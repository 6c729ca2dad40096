import ssh2, { type AuthContext, type Connection, type PublicKeyAuthContext } from 'ssh2'

export interface GuestUser {
  /** Lines as in authorized_keys. */
  readonly authorizedKeys: readonly string[]
  /** Groups that decide which sockets it may open; user `root` may open all. */
  readonly groups?: readonly string[]
}

const METHODS = ['publickey' as const]
const MAX_TRIES = 6

/** Whether this attempt proves the right to log in as the user: a listed key and, where there is one, its signature. */
export function mayLogIn(user: GuestUser | undefined, context: AuthContext): 'yes' | 'no' | 'show-signature' {
  if (!user || context.method !== 'publickey') return 'no'
  const { key, signature, blob, hashAlgo } = context
  const listed = user.authorizedKeys.map(authorizedBlob).find((blob) => blob?.equals(key.data))
  if (!listed || isSha1(context)) return 'no'
  if (!signature || !blob) return 'show-signature'
  const parsed = ssh2.utils.parseKey(listedLine(key.algo, listed))
  if (parsed instanceof Error) return 'no'
  return parsed.verify(blob, signature, hashAlgo) === true ? 'yes' : 'no'
}

/** OpenSSH ends a connection after six refused logins. Says whether this one was the last. */
export function refuseLogin(client: Connection, context: AuthContext, tries: number): boolean {
  context.reject([...METHODS])
  if (tries < MAX_TRIES) return false
  client.end()
  return true
}

/** OpenSSH >= 8.8 takes RSA keys with SHA-2 signatures only. */
function isSha1(context: PublicKeyAuthContext): boolean {
  return context.key.algo === 'ssh-rsa' && context.hashAlgo === undefined
}

function authorizedBlob(line: string): Buffer | undefined {
  const base64 = /(?:^|\s)(?:ssh-|ecdsa-|sk-)\S+\s+([A-Za-z0-9+/]+=*)/.exec(line)?.[1]
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64')
}

function listedLine(type: string, blob: Buffer): string {
  return `${type} ${blob.toString('base64')}`
}
