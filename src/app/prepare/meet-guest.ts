import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import type { Target } from '../../model/guest.ts'
import { UnreachableError, whereOf, type Where } from '../../transports/ssh/errors.ts'
import { openGuestShell, type GuestShellOptions, type ShellLogin } from '../../transports/ssh/guest-shell.ts'
import { fingerprint, hostKeyType } from '../../transports/ssh/host-key.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import type { PrepareContext } from './prepare-context.ts'

/** What the first contact with a guest has told. */
export interface Contact {
  readonly where: Where
  /** Base64 of the host key blob: every later contact must show the same. */
  readonly hostKey: string
  /** Whether it was pinned for this VM before. */
  readonly pinned: boolean
  /** The guest lets the user in with the pool's key. */
  readonly knowsKey: boolean
}

/** The guest says no to the proof that was tried, and may take another. */
const TAKES_OTHERS: ReadonlySet<string> = new Set(['auth-refused', 'auth-password', 'auth-no-password'])

/**
 * Dials the guest's addresses in their order until one answers, with the pool's key (undefined: with none), and shows
 * it nothing else. Rejects with a DiagnosedError when no later login with that key could work either.
 */
export async function meetGuest(
  context: PrepareContext,
  target: Target,
  key: SshKey | undefined,
  signal: AbortSignal,
): Promise<Contact> {
  const misses: UnreachableError[] = []
  for (const address of target.addresses) {
    try {
      return await meetAt(context, target, address, key, signal)
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error
      misses.push(error)
    }
  }
  const [first] = misses
  if (first === undefined || misses.length === 1) throw first ?? new Error('no address')
  throw new UnreachableError({ ...first.diagnosis, cause: misses.map(({ diagnosis }) => diagnosis.cause).join('; ') })
}

async function meetAt(
  context: PrepareContext,
  target: Target,
  address: string,
  key: SshKey | undefined,
  signal: AbortSignal,
): Promise<Contact> {
  const { config, clock } = context
  const { pinnedHostKey } = target
  const where = whereOf(target, address, config.guest.ssh_port)
  let hostKey = ''
  const login: ShellLogin = key === undefined ? { ask: () => Promise.resolve(undefined) } : { privateKey: key }
  const options: GuestShellOptions = {
    ...where,
    login,
    pinnedHostKey,
    connectTimeoutMs: config.guest.connect_timeout_s * 1000,
    onHostKey: (blob) => (hostKey = blob),
  }
  const contact = (knowsKey: boolean) => ({ where, hostKey, pinned: pinnedHostKey !== undefined, knowsKey })
  try {
    const shell = await openGuestShell(clock, options, signal)
    shell.close()
    return contact(key !== undefined)
  } catch (error) {
    if (error instanceof DiagnosedError && TAKES_OTHERS.has(error.diagnosis.kind)) return contact(false)
    throw error
  }
}

/** `SHA256:.. (type)` of a host key, as administrators know it from ssh. */
export function hostKeyText(blob: string): string {
  return `${fingerprint(blob)} (${hostKeyType(blob)?.replace(/[^\w@.-]/g, '?') ?? 'unknown type'})`
}

/** One error's words for a host key that is another than a moment ago: nothing is pinned yet that could be reset. */
export function sayIfSwapped(error: unknown, { where, hostKey, pinned }: Contact): unknown {
  if (pinned || !(error instanceof DiagnosedError) || error.diagnosis.kind !== 'host-key-changed') return error
  return new RefusedError({
    kind: 'host-key-changed',
    cause:
      `The guest at ${where.address} showed the SSH host key ${hostKeyText(hostKey)} first and then another one: ` +
      'the guest is being reinstalled, or several machines answer at this address',
    cure: 'Find out what answers there (another machine with this IP address, a load balancer, an attack), then try again',
  })
}
