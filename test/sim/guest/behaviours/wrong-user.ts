import type { Behaviour } from '../faults.ts'

/** OpenSSH answers as it does to a wrong key, so that nobody learns which users exist. */
export function wrongUser(): Behaviour {
  return {
    name: 'wrong-user',
    summary: 'The user is unknown in the guest: the login is refused as with a wrong key.',
    begin(guest) {
      const { users } = guest
      guest.users = {}
      return { end: () => void (guest.users = users) }
    },
  }
}
