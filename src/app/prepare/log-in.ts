import { RefusedError } from '../../base/errors.ts'
import type { GuestShell } from '../../model/shell.ts'
import { openGuestShell, type ShellLogin } from '../../transports/ssh/guest-shell.ts'
import type { Asker } from '../../transports/ssh/login.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import { sayIfSwapped, type Contact } from './meet-guest.ts'
import type { Credentials, PrepareContext } from './prepare-context.ts'

/** A login that can install the pool's key. */
export interface FirstLogin {
  readonly shell: GuestShell
  /** The password that was taken, for sudo. Never print it. */
  readonly password: string | undefined
}

/** As many as sshd lets one connection try, by half (MaxAuthTries 6). */
const MOST_TRIES = 3

/** Logs in with what was given, or what the person types: each password is tried once. Rejects with a DiagnosedError. */
export async function logIn(
  context: PrepareContext,
  contact: Contact,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<FirstLogin> {
  const typed: { last: string | undefined } = { last: credentials.password }
  const login = loginWith(context, contact, credentials, typed, signal)
  const connectTimeoutMs = context.config.guest.connect_timeout_s * 1000
  const options = { ...contact.where, login, pinnedHostKey: contact.hostKey, connectTimeoutMs }
  try {
    const shell = await openGuestShell(context.clock, options, signal)
    return { shell, password: typed.last }
  } catch (error) {
    throw sayIfSwapped(error, contact)
  }
}

/** With the pool's key, where the guest knows it. */
export function shellByKey(
  { clock, config }: PrepareContext,
  { where, hostKey }: Contact,
  key: SshKey,
  signal: AbortSignal,
): Promise<GuestShell> {
  const connectTimeoutMs = config.guest.connect_timeout_s * 1000
  const options = { ...where, pinnedHostKey: hostKey, connectTimeoutMs, login: { privateKey: key } }
  return openGuestShell(clock, options, signal)
}

function loginWith(
  { person, steps }: PrepareContext,
  { where }: Contact,
  { identity, password }: Credentials,
  typed: { last: string | undefined },
  signal: AbortSignal,
): ShellLogin {
  if (identity !== undefined) return { privateKey: identity.key, called: `the key in ${identity.file}` }
  if (password !== undefined) return { password }
  if (person === undefined) throw nobodyToAsk(where.username)
  let tries = 0
  const ask: Asker = async (prompts) => {
    if (prompts.length === 0) return []
    const isPassword = prompts.length === 1 && prompts[0]?.echo === false
    if (isPassword && ++tries > MOST_TRIES) return undefined
    if (isPassword && tries > 1) steps.say('It was refused. Once more:')
    steps.interrupt()
    const shown = prompts.map(({ text, echo }) => ({ text: `${where.username}@${where.address} ${text}`, echo }))
    const answers = await person.answer(shown, signal)
    typed.last = isPassword ? answers?.[0] : undefined
    return answers
  }
  return { ask }
}

function nobodyToAsk(username: string): RefusedError {
  return new RefusedError({
    kind: 'no-credentials',
    cause: `The guest does not know the pool's key yet, and there is no terminal to ask for the password of user ${username}`,
    cure: 'Give it by --password-file FILE, give a key that the guest knows by --identity FILE, or paste the line of xscontainer prepare-vm --print into the guest',
  })
}
