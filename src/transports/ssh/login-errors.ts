import { RefusedError } from '../../base/errors.ts'
import { orAllowOld, printable, type DialState, type Where } from './errors.ts'

/** How the pool's key is called in texts. */
export const POOL_KEY = 'the key of this pool'

/** The guest did not take a key; `called`: which one, in the texts. */
export function keyRefused({ offered, partial }: DialState, where: Where, called = POOL_KEY): RefusedError {
  const user = printable(where.username)
  const guest = `the guest at ${where.address}`
  if (offered === undefined) {
    return new RefusedError({
      kind: 'no-common-algorithm',
      cause: `The SSH server of ${guest} takes no signature that ${called} can give`,
      cure: `Update OpenSSH in the guest (7.2 or later), or allow rsa-sha2-256 and rsa-sha2-512 in PubkeyAcceptedAlgorithms of its sshd_config${orAllowOld(where)}`,
    })
  }
  if (partial) {
    return new RefusedError({
      kind: 'auth-second-factor',
      cause: `${capital(called)} is accepted for user ${user} by ${guest}, but it wants a second proof as well (${printable(offered.join(', '))})`,
      cure: `Exempt user ${user} from AuthenticationMethods in the guest's sshd_config (a Match block)`,
    })
  }
  if (!offered.includes('publickey')) {
    return new RefusedError({
      kind: 'auth-no-publickey',
      cause: `The SSH server of ${guest} takes no public keys from user ${user}`,
      cure: "Set PubkeyAuthentication yes in the guest's sshd_config",
    })
  }
  return new RefusedError({
    kind: 'auth-refused',
    cause: `The SSH server of ${guest} refused ${called} for user ${user}`,
    cure:
      `Put the pool's public key into ~${user}/.ssh/authorized_keys in the guest (no write permission for others on it, ` +
      `.ssh and the home directory; with SELinux: restorecon -R ~${user}/.ssh), or set the VM's other-config key ` +
      `xscontainer-username to the user that has it`,
  })
}

/** The guest did not take a password, or none of the answers that were given. */
export function passwordRefused({ offered = [], partial }: DialState, where: Where): RefusedError {
  const user = printable(where.username)
  const guest = `the guest at ${where.address}`
  if (partial) {
    return new RefusedError({
      kind: 'auth-second-factor',
      cause: `The password of user ${user} is accepted by ${guest}, but it wants a second proof as well (${printable(offered.join(', '))})`,
      cure: `Exempt user ${user} from AuthenticationMethods in the guest's sshd_config (a Match block), or paste the line of xscontainer prepare-vm --print into the guest`,
    })
  }
  if (!offered.some((method) => PASSWORD_METHODS.includes(method))) {
    return new RefusedError({
      kind: 'auth-no-password',
      cause: `The SSH server of ${guest} takes no passwords from user ${user} (it takes: ${printable(offered.join(', ')) || 'nothing'})`,
      cure: "Log in with a key that the guest knows (--identity FILE), set PasswordAuthentication yes in the guest's sshd_config for the moment, or paste the line of xscontainer prepare-vm --print into the guest",
    })
  }
  return new RefusedError({
    kind: 'auth-password',
    cause: `The SSH server of ${guest} did not let user ${user} in with this password: it is wrong, or there is no such user in the guest (SSH servers do not tell which)`,
    cure:
      user === 'root'
        ? 'Check the password; OpenSSH lets root in with a key only unless PermitRootLogin is yes, so that another user may be needed (--username)'
        : "Check the password and the user's name (--username), and that AllowUsers, DenyUsers and the like in the guest's sshd_config let the user in",
  })
}

/** Methods of SSH by which a password can be told. */
const PASSWORD_METHODS: readonly string[] = ['password', 'keyboard-interactive']

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
