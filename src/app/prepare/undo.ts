import { asError, DiagnosedError, RefusedError } from '../../base/errors.ts'
import { KEY } from '../../model/fields.ts'
import type { Target } from '../../model/guest.ts'
import type { GuestShell } from '../../model/shell.ts'
import { readEdit } from '../../provision/authorized-keys-answer.ts'
import { removeKeyScript } from '../../provision/authorized-keys.ts'
import { keyOutcome, removeKeyCommand } from '../../transports/ssh/key-scripts.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import { logIn, shellByKey } from './log-in.ts'
import { meetGuest, type Contact } from './meet-guest.ts'
import { allPoolKeys, keyText } from './pool-key.ts'
import type { PrepareContext, PrepareWish } from './prepare-context.ts'
import { setKeys } from './settings.ts'
import { targetOf, usernameFor } from './target-of.ts'

/**
 * Takes back what preparing a VM over SSH has done: its registration and what was published, the pool's key in the
 * guest, and the user and the host key in other_config. What can be taken back is, whatever else fails; rejects with the
 * first failure. Fine where there is nothing to take back.
 */
export async function undoSsh(context: PrepareContext, wish: PrepareWish, signal: AbortSignal): Promise<void> {
  const { steps, registration, facts } = context
  if (wish.dryRun) return sayOnly(context, wish)
  await steps.step('deregister the VM', async (note) => {
    await registration.deregister(signal)
    note('nobody monitors it, and nothing of it is published')
  })
  const failure = await removeKey(context, wish, signal).catch((error: unknown) => asError(error))
  signal.throwIfAborted()
  await steps.step("remove the VM's settings", async (note) => {
    const keys = [KEY.username, KEY.mode, KEY.hostKey, KEY.hostKeyOwner, KEY.keyRenewal]
    const removed = await setKeys(context, Object.fromEntries(keys.map((key) => [key, undefined])), signal)
    note(removed.length === 0 ? 'there are none' : removed.join(', '))
  })
  if (failure === undefined) return
  if (!(failure instanceof DiagnosedError)) throw failure
  const username = usernameFor(facts, wish.username)
  throw new RefusedError({
    kind: failure.diagnosis.kind,
    cause: `The pool's key may still be in ~${username}/.ssh/authorized_keys of the guest; all else was taken back. ${failure.diagnosis.cause}`,
    cure: `${failure.diagnosis.cure}; then: xscontainer prepare-vm ${facts.vm.uuid} --undo --username ${username}`,
  })
}

async function sayOnly({ steps, facts }: PrepareContext, wish: PrepareWish): Promise<void> {
  const username = usernameFor(facts, wish.username)
  steps.say('Would deregister the VM and take away what is published of it.')
  steps.say(`Would remove the pool's key from ~${username}/.ssh/authorized_keys of the guest.`)
  steps.say(
    `Would remove ${KEY.username}, ${KEY.mode} and the pinned host key from its other-config. Nothing was changed.`,
  )
  return Promise.resolve()
}

async function removeKey(context: PrepareContext, wish: PrepareWish, signal: AbortSignal): Promise<undefined> {
  const { steps, session, facts } = context
  const username = usernameFor(facts, wish.username)
  const title = "remove the pool's key from the guest"
  const keys = await allPoolKeys(session, signal)
  if (keys.length === 0) return void steps.skip(title, 'the pool has none')
  const target = targetOf(facts, 'ssh', username)
  const met = await steps.step(`reach the guest as user ${username}`, () => meetWithAny(context, target, keys, signal))
  const { contact, known } = met
  const { identity, password } = wish.credentials
  if (known === undefined && identity === undefined && password === undefined) {
    return void steps.skip(title, `the guest does not let user ${username} in with it`)
  }
  await steps.step(title, async (note) => {
    const login = known ? shellByKey(context, contact, known, signal) : byOther(context, contact, wish, signal)
    const shell = await login
    try {
      // The one that lets us in goes last.
      for (const key of [...keys.filter((each) => each !== known), ...(known ? [known] : [])]) {
        await removeOne(contact, shell, key, note, signal)
      }
    } finally {
      shell.close()
    }
    if (known === undefined) return
    const after = await meetGuest(context, { ...target, pinnedHostKey: contact.hostKey }, known, signal)
    if (after.knowsKey) throw stillThere(contact)
  })
}

/** With the first of these keys that the guest knows: each that it refuses counts against this host. */
async function meetWithAny(
  context: PrepareContext,
  target: Target,
  keys: readonly SshKey[],
  signal: AbortSignal,
): Promise<{ readonly contact: Contact; readonly known: SshKey | undefined }> {
  let contact: Contact | undefined
  for (const key of keys) {
    contact = await meetGuest(
      context,
      { ...target, pinnedHostKey: contact?.hostKey ?? target.pinnedHostKey },
      key,
      signal,
    )
    if (contact.knowsKey) return { contact, known: key }
  }
  return { contact: contact!, known: undefined }
}

async function byOther(
  context: PrepareContext,
  contact: Contact,
  wish: PrepareWish,
  signal: AbortSignal,
): Promise<GuestShell> {
  return (await logIn(context, contact, wish.credentials, signal)).shell
}

/** By the command that a key for monitoring only allows, and where that finds nothing by the script that finds all. */
async function removeOne(
  { where }: Contact,
  shell: GuestShell,
  key: SshKey,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const blob = key.publicLine.split(' ')[1] ?? ''
  const outcome = keyOutcome((await shell.run(removeKeyCommand(blob), undefined, signal)).stdout)
  if (outcome === 'done') return note(`${keyText(key)} is gone; all other lines there are as before`)
  if (outcome === 'absent') return
  const { command, input } = removeKeyScript(key.publicLine)
  const { removed, path } = readEdit(await shell.run(command, input, signal), where)
  if (removed) note(`${keyText(key)} is gone; all other lines in ${path} are as before`)
}

function stillThere({ where: { address, username } }: Contact): RefusedError {
  return new RefusedError({
    kind: 'key-elsewhere',
    cause: `The key was removed from ~${username}/.ssh/authorized_keys, but the guest at ${address} still lets user ${username} in with it: it is in another place too`,
    cure: "Look at AuthorizedKeysFile and AuthorizedKeysCommand in the guest's sshd_config, and remove it there",
  })
}
