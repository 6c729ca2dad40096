import { keyLogin, type Login } from './login.ts'
import type { SshKey } from './ssh-key.ts'

/**
 * With the first of these keys that the guest takes, all within one connection: to sshd that is one login that
 * succeeded, and no attempt to hold against us. Without a second key it is the same as `keyLogin`.
 */
export function keysLogin(first: SshKey, second: SshKey | undefined): Login {
  const login = keyLogin(first)
  if (second === undefined) return login
  return {
    refused: login.refused,
    handler(username, state) {
      const left = [first, second]
      return (offered, partial) => {
        const key = left.shift()
        // What counts against us when both are refused is the last answer; a guest that takes no keys is asked once.
        const useless = offered !== null && !offered.includes('publickey')
        if (key !== undefined && !useless && partial !== true) return { type: 'publickey', username, key: key.parsed }
        Object.assign(state, { offered: offered ?? undefined, partial: partial === true })
        return false
      }
    },
  }
}
