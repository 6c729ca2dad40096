import type {
  Algorithms,
  AnyAuthMethod,
  AuthHandlerMiddleware,
  KexAlgorithm,
  MacAlgorithm,
  ParsedKey,
  ServerHostKeyAlgorithm,
} from 'ssh2'
import { hostKeyType } from './host-key.ts'

const HOST_KEYS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
]

/** Comes last where it is allowed: what OpenSSH 5.3 to 7.1 has. No CBC and no DSA there either, and no 1024-bit group. */
const OLD: { kex: KexAlgorithm; serverHostKey: ServerHostKeyAlgorithm; hmac: MacAlgorithm } = {
  kex: 'diffie-hellman-group14-sha1',
  serverHostKey: 'ssh-rsa',
  hmac: 'hmac-sha1',
}

/**
 * What we offer a guest's sshd: nothing with SHA-1, CBC or DSA, yet OpenSSH 7.4 (CentOS 7) has all of it. AES-GCM comes
 * first because Node does it in native code; ssh2's chacha20-poly1305 without its native addon is JavaScript and wasm.
 * Group exchange is left out: there the server chooses the prime, and with it our CPU time.
 *
 * The Terrapin attack (CVE-2023-48795) is answered by strict key exchange, which ssh2 has since 1.15: it appends
 * `kex-strict-c-v00@openssh.com` to every client offer (node_modules/ssh2/lib/protocol/Protocol.js, `offer.kex.concat`),
 * and drops a peer whose KEXINIT is not the first packet (kex.js, `_strictMode`). Peers without strict mode are not
 * exposed either, as neither chacha20-poly1305 nor CBC with encrypt-then-MAC is on offer.
 *
 * With a pinned key its type is asked for first, so that a guest with several host keys shows the pinned one. With `old`
 * SHA-1 is offered last, for guests of which the administrator says so; Terrapin has no hold on AES-CTR with that either.
 */
export function algorithmsFor(pinnedHostKey: string | undefined, old = false): Algorithms {
  const type = pinnedHostKey === undefined ? undefined : hostKeyType(pinnedHostKey)
  const first = HOST_KEYS.filter((name) => name === type || (type === 'ssh-rsa' && name.startsWith('rsa-')))
  return {
    kex: [
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group14-sha256',
      'diffie-hellman-group16-sha512',
      ...(old ? [OLD.kex] : []),
    ],
    serverHostKey: [
      ...first,
      ...HOST_KEYS.filter((name) => !first.includes(name)),
      ...(old ? [OLD.serverHostKey] : []),
    ],
    cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
    hmac: [
      'hmac-sha2-256-etm@openssh.com',
      'hmac-sha2-512-etm@openssh.com',
      'hmac-sha2-256',
      'hmac-sha2-512',
      ...(old ? [OLD.hmac] : []),
    ],
    compress: ['none'],
  }
}

/**
 * The same login, but an RSA key refuses to sign with SHA-1, which ssh2 takes for a server that does not name rsa-sha2-256
 * or rsa-sha2-512 (RFC 8308, server-sig-algs; node_modules/ssh2/lib/client.js, `getKeyAlgos`).
 */
export function signaturesWithoutSha1(handler: AuthHandlerMiddleware): AuthHandlerMiddleware {
  return (offered, partial, next) => {
    const method = handler(offered, partial, next) as AnyAuthMethod | false | undefined
    if (typeof method !== 'object' || method.type !== 'publickey') return method
    return { ...method, key: withoutSha1(method.key as ParsedKey) }
  }
}

function withoutSha1(key: ParsedKey): ParsedKey {
  const sign: ParsedKey['sign'] = (data, algorithm) =>
    // ssh2 wants errors as values here; its types do not say so.
    algorithm === 'sha1' ? (new Error('SHA-1 is not allowed at this guest') as never) : key.sign(data, algorithm)
  return Object.create(key, { sign: { value: sign } }) as ParsedKey
}
