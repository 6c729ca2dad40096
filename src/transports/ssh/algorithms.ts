import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2'
import { hostKeyType } from './host-key.ts'

const HOST_KEYS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
]

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
 * With a pinned key its type is asked for first, so that a guest with several host keys shows the pinned one.
 */
export function algorithmsFor(pinnedHostKey: string | undefined): Algorithms {
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
    ],
    serverHostKey: [...first, ...HOST_KEYS.filter((name) => !first.includes(name))],
    cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
    hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
    compress: ['none'],
  }
}
