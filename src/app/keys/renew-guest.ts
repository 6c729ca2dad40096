import { DiagnosedError, RefusedError, TransientError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import type { GuestShell, ShellResult } from '../../model/shell.ts'
import { keyLineFor, rootlessSockets } from '../../transports/ssh/key-line.ts'
import {
  addKeyCommand,
  checkKeyCommand,
  keyOutcome,
  removeKeyCommand,
  uidIn,
  UID_COMMAND,
  type KeyOutcome,
} from '../../transports/ssh/key-scripts.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'

/** What a guest is to come to. */
export interface GuestKeys {
  /** The key that it is to let in. */
  readonly wanted: SshKey
  /** Keys that it may let in now, the likeliest first, `wanted` among them. */
  readonly tried: readonly SshKey[]
  /** Keys that are to be taken away, once `wanted` is known to work. */
  readonly unwanted: readonly SshKey[]
  /** Whether a line that is added is to be a restricted one. A line that is restricted stays so. */
  readonly restrict: boolean
  /** The engine's socket that the administrator has set for this guest. */
  readonly socketPath?: string | undefined
}

/** A fresh login with one key alone. Rejects with a DiagnosedError; kind `auth-refused`: the guest does not take it. */
export type Login = (key: SshKey, signal: AbortSignal) => Promise<GuestShell>

/**
 * Brings one guest's authorized_keys to what is wanted. It lets in one key at least at every moment, whatever fails, and
 * a repeat does what is left. Rejects with a DiagnosedError.
 */
export async function renewGuest(keys: GuestKeys, login: Login, signal: AbortSignal): Promise<void> {
  const [shell, by] = await firstLogin(keys.tried, login, signal)
  try {
    const verified = by === keys.wanted ? shell : await addAndVerify(keys, by, shell, login, signal)
    try {
      for (const key of keys.unwanted) await remove(key, verified, login, signal)
    } finally {
      if (verified !== shell) verified.close()
    }
  } finally {
    shell.close()
  }
}

/** One login after the other; whichever key the guest takes. */
async function firstLogin(
  candidates: readonly SshKey[],
  login: Login,
  signal: AbortSignal,
): Promise<[GuestShell, SshKey]> {
  let refusal: unknown
  for (const key of candidates) {
    try {
      return [await login(key, signal), key]
    } catch (error) {
      if (!isRefused(error)) throw error
      refusal ??= error
    }
  }
  throw refusal
}

/** A login with the new key alone. What was added is taken back when the guest does not take it. */
async function addAndVerify(
  { wanted, restrict, socketPath }: GuestKeys,
  by: SshKey,
  shell: GuestShell,
  login: Login,
  signal: AbortSignal,
): Promise<GuestShell> {
  const line = restrict ? `${await restrictedLine(wanted, socketPath, shell, signal)}\n` : undefined
  const added = await shell.run(addKeyCommand(blobOf(by), blobOf(wanted), restrict), line, signal)
  const outcome = keyOutcome(added.stdout)
  // It may have been put where it belongs by hand.
  if (outcome === 'absent') return loginOr(login, wanted, notInFile(shell), signal)
  if (outcome !== 'done') throw notChanged(outcome, added, shell)
  try {
    return await verify(await login(wanted, signal), wanted, signal)
  } catch (error) {
    if (!isRefused(error)) throw error
    await shell.run(removeKeyCommand(blobOf(wanted)), undefined, signal).catch(() => undefined)
    throw notTaken(shell, restrict)
  }
}

async function restrictedLine(
  { publicLine }: SshKey,
  socketPath: string | undefined,
  shell: GuestShell,
  signal: AbortSignal,
): Promise<string> {
  const own = rootlessSockets(uidIn((await shell.run(UID_COMMAND, undefined, signal)).stdout))
  return keyLineFor(publicLine, true, [...(socketPath === undefined ? [] : [socketPath]), ...own])
}

/** The login can do what the next renewal will need. */
async function verify(shell: GuestShell, key: SshKey, signal: AbortSignal): Promise<GuestShell> {
  try {
    const result = await shell.run(checkKeyCommand(blobOf(key)), undefined, signal)
    if (keyOutcome(result.stdout) !== 'done') throw notChanged(keyOutcome(result.stdout), result, shell)
    return shell
  } catch (error) {
    shell.close()
    throw error
  }
}

async function remove(key: SshKey, shell: GuestShell, login: Login, signal: AbortSignal): Promise<void> {
  const result = await shell.run(removeKeyCommand(blobOf(key)), undefined, signal)
  const outcome = keyOutcome(result.stdout)
  if (outcome === 'failed') throw notChanged(outcome, result, shell)
  if (outcome !== 'foreign') return
  // A restricted key removes restricted lines only: an unrestricted one can remove itself.
  const own = await login(key, signal)
  try {
    const again = await own.run(removeKeyCommand(blobOf(key)), undefined, signal)
    const then = keyOutcome(again.stdout)
    if (then === 'failed' || then === 'foreign') throw notChanged(then, again, own)
  } finally {
    own.close()
  }
}

async function loginOr(login: Login, key: SshKey, otherwise: Error, signal: AbortSignal): Promise<GuestShell> {
  try {
    return await login(key, signal)
  } catch (error) {
    throw isRefused(error) ? otherwise : error
  }
}

/** The base64 of a public line. */
export function blobOf(key: Pick<SshKey, 'publicLine'>): string {
  return key.publicLine.split(' ')[1] ?? ''
}

function isRefused(error: unknown): boolean {
  return error instanceof DiagnosedError && error.diagnosis.kind === 'auth-refused'
}

function notInFile({ address }: GuestShell): RefusedError {
  return new RefusedError({
    kind: 'key-not-in-file',
    cause: `The guest at ${address} takes the key of this pool, but not from the user's ~/.ssh/authorized_keys`,
    cure: 'Put the new key (xscontainer key show --next) where the guest keeps the old one, then run xscontainer key rotate again',
  })
}

function notTaken({ address }: GuestShell, restricted: boolean): RefusedError {
  return new RefusedError({
    kind: 'new-key-refused',
    cause: `The guest at ${address} does not take the new key, although it stood in ~/.ssh/authorized_keys; it has been removed again`,
    cure: restricted
      ? 'Restricted keys need OpenSSH 7.8 or later in the guest: update it, or rotate without --restrict'
      : 'Check the log of sshd in the guest, and PubkeyAcceptedAlgorithms and RequiredRSASize in its sshd_config, then run xscontainer key rotate again',
  })
}

function notChanged(outcome: KeyOutcome, { stderr, exitCode }: ShellResult, { address }: GuestShell): TransientError {
  const said = cutText(cleanForTerminal(stderr).trim(), 200) || (exitCode === undefined ? '' : `exit code ${exitCode}`)
  return new TransientError({
    kind: outcome === 'foreign' ? 'key-line-foreign' : 'keys-not-written',
    cause: `~/.ssh/authorized_keys in the guest at ${address} could not be changed${said === '' ? '' : `: ${said}`}`,
    cure: 'Check that the disk of the guest has room and that the user may write to ~/.ssh, then run xscontainer key rotate again',
  })
}
