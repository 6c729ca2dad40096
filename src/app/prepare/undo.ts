import { asError, DiagnosedError, RefusedError } from '../../base/errors.ts'
import { KEY } from '../../model/fields.ts'
import type { GuestShell } from '../../model/shell.ts'
import { readEdit } from '../../provision/authorized-keys-answer.ts'
import { removeKeyScript } from '../../provision/authorized-keys.ts'
import { keyOutcome, removeKeyCommand } from '../../transports/ssh/key-scripts.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import { logIn, shellByKey } from './log-in.ts'
import { meetGuest, type Contact } from './meet-guest.ts'
import { findPoolKey } from './pool-key.ts'
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
    const keys = [KEY.username, KEY.mode, KEY.hostKey, KEY.hostKeyOwner]
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
  const key = await findPoolKey(session, signal)
  if (key === undefined) return void steps.skip("remove the pool's key from the guest", 'the pool has none')
  const target = targetOf(facts, 'ssh', username)
  const contact = await steps.step(`reach the guest as user ${username}`, () => meetGuest(context, target, key, signal))
  if (!contact.knowsKey && wish.credentials.identity === undefined && wish.credentials.password === undefined) {
    return void steps.skip("remove the pool's key from the guest", `the guest does not let user ${username} in with it`)
  }
  await steps.step("remove the pool's key from the guest", async (note) => {
    note(
      contact.knowsKey
        ? await byItself(context, contact, key, signal)
        : await byOther(context, wish, contact, key, signal),
    )
    const after = await meetGuest(context, { ...target, pinnedHostKey: contact.hostKey }, key, signal)
    if (after.knowsKey) throw stillThere(contact)
  })
}

/** With the key that is to go, which may be restricted to what monitoring needs, this among it. */
async function byItself(context: PrepareContext, contact: Contact, key: SshKey, signal: AbortSignal): Promise<string> {
  const shell = await shellByKey(context, contact, key, signal)
  try {
    const blob = key.publicLine.split(' ')[1] ?? ''
    const outcome = keyOutcome((await shell.run(removeKeyCommand(blob), undefined, signal)).stdout)
    if (outcome === 'done') return 'all other lines there are as before'
    return await byScript(contact, shell, key, signal)
  } finally {
    shell.close()
  }
}

async function byOther(
  context: PrepareContext,
  wish: PrepareWish,
  contact: Contact,
  key: SshKey,
  signal: AbortSignal,
): Promise<string> {
  const { shell } = await logIn(context, contact, wish.credentials, signal)
  try {
    return await byScript(contact, shell, key, signal)
  } finally {
    shell.close()
  }
}

async function byScript({ where }: Contact, shell: GuestShell, key: SshKey, signal: AbortSignal): Promise<string> {
  const { command, input } = removeKeyScript(key.publicLine)
  const { removed, path } = readEdit(await shell.run(command, input, signal), where)
  return removed ? `all other lines in ${path} are as before` : `it is not in ${path}`
}

function stillThere({ where: { address, username } }: Contact): RefusedError {
  return new RefusedError({
    kind: 'key-elsewhere',
    cause: `The key was removed from ~${username}/.ssh/authorized_keys, but the guest at ${address} still lets user ${username} in with it: it is in another place too`,
    cure: "Look at AuthorizedKeysFile and AuthorizedKeysCommand in the guest's sshd_config, and remove it there",
  })
}
