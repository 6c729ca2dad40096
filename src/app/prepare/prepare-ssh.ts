import { DiagnosedError, StoppedError } from '../../base/errors.ts'
import { KEY } from '../../model/fields.ts'
import type { Target } from '../../model/guest.ts'
import { keyLineFor } from '../../transports/ssh/key-line.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import { installKey } from './install-key.ts'
import { logIn, shellByKey, type FirstLogin } from './log-in.ts'
import { hostKeyText, meetGuest, type Contact } from './meet-guest.ts'
import { openSocket } from './open-socket.ts'
import { findPoolKey, keyText, obtainPoolKey } from './pool-key.ts'
import type { PrepareContext, PrepareWish } from './prepare-context.ts'
import { proveLogin } from './prove-login.ts'
import { registerVm, storeSettings, untilListed } from './settings.ts'
import { DEFAULT_USERNAME, targetOf, usernameFor } from './target-of.ts'

/**
 * Makes a VM manageable over SSH: the pool's key is in the guest and works, the engine answers, the VM is registered and
 * its containers are listed. Rejects with a DiagnosedError; `context.steps` knows what was changed until then.
 */
export async function prepareSsh(context: PrepareContext, wish: PrepareWish, signal: AbortSignal): Promise<void> {
  const { steps, facts } = context
  const username = usernameFor(facts, wish.username)
  const target = await steps.step('check that the VM runs and has an address', (note) => {
    const found = targetOf(facts, 'ssh', username)
    note(found.addresses.join(', '))
    return Promise.resolve(found)
  })
  const key = await readPoolKey(context, signal)
  const contact = await meet(context, target, key, signal)
  if (wish.dryRun) return dryRun(context, { target, key, contact }, signal)
  if (context.person !== undefined && !(await context.person.confirm('Is that the guest, and go on?', signal))) {
    throw new StoppedError('nothing was changed')
  }
  await letIn(context, wish, { target, key: key ?? (await makePoolKey(context, signal)), contact }, signal)
  await storeSettings(context, settingsFor(username, contact.hostKey, facts.vm.uuid), signal)
  await registerVm(context, signal)
  await untilListed(context, signal)
}

interface Parties {
  readonly target: Target
  readonly key: SshKey
  readonly contact: Contact
}

function readPoolKey({ steps, session }: PrepareContext, signal: AbortSignal): Promise<SshKey | undefined> {
  return steps.step("read the pool's key", async (note) => {
    const key = await findPoolKey(session, signal)
    note(key === undefined ? 'there is none yet' : keyText(key))
    return key
  })
}

function makePoolKey({ steps, session }: PrepareContext, signal: AbortSignal): Promise<SshKey> {
  return steps.step("make the pool's key", async (note) => {
    const key = await obtainPoolKey(session, signal)
    note(keyText(key))
    return key
  })
}

function meet(context: PrepareContext, target: Target, key: SshKey | undefined, signal: AbortSignal): Promise<Contact> {
  return context.steps.step(`reach the guest as user ${target.username}`, async (note) => {
    const contact = await meetGuest(context, target, key, signal)
    note(`at ${contact.where.address} port ${contact.where.port}`)
    note(`host key ${hostKeyText(contact.hostKey)}${contact.pinned ? ', which is the pinned one' : ''}`)
    if (contact.knowsKey) note("it knows the pool's key already")
    return contact
  })
}

/** The key into the guest where it is not, and the proof that all behind it works. */
async function letIn(context: PrepareContext, wish: PrepareWish, parties: Parties, signal: AbortSignal): Promise<void> {
  const { contact, target, key } = parties
  let login: FirstLogin | undefined
  try {
    let path: string | undefined
    if (!contact.knowsKey) {
      login = await context.steps.step(`log in as user ${target.username}`, () =>
        logIn(context, contact, wish.credentials, signal),
      )
      path = (await installKey(context, contact, login.shell, keyLineFor(key.publicLine, wish.restrict), signal)).path
    }
    const installed = login === undefined || path === undefined ? undefined : { shell: login.shell, path }
    const prove = () => proveLogin(context, { contact, target, key, installed }, signal)
    try {
      await prove()
    } catch (error) {
      if (!(error instanceof DiagnosedError) || error.diagnosis.kind !== 'socket-permission') throw error
      login ??= { shell: await shellByKey(context, contact, key, signal), password: wish.credentials.password }
      await openSocket(context, login, { error, ...target }, wish.sudo, signal)
      await prove()
    }
  } finally {
    login?.shell.close()
  }
}

/** What the monitor is to know; what it takes for granted is left out. */
function settingsFor(username: string, hostKey: string, vmUuid: string): Record<string, string | undefined> {
  return {
    [KEY.username]: username === DEFAULT_USERNAME ? undefined : username,
    [KEY.mode]: undefined,
    [KEY.hostKey]: hostKey,
    [KEY.hostKeyOwner]: vmUuid,
  }
}

async function dryRun(
  context: PrepareContext,
  { target, key, contact }: Omit<Parties, 'key'> & { readonly key: SshKey | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { steps, facts } = context
  if (contact.knowsKey && key !== undefined) {
    await proveLogin(context, { contact, target, key, installed: undefined }, signal)
  } else {
    if (key === undefined) steps.say("Would make the pool's key.")
    steps.say(
      `Would log in as user ${target.username} and add the pool's key to ~${target.username}/.ssh/authorized_keys.`,
    )
    steps.say("Would log in anew with the pool's key alone, and find the container engine.")
  }
  const set = Object.entries(settingsFor(target.username, contact.hostKey, facts.vm.uuid))
  const different = set.filter(([name, value]) => facts.vm.otherConfig[name] !== value).map(([name]) => name)
  if (different.length > 0) steps.say(`Would set the VM's other-config keys ${different.join(', ')}.`)
  steps.say(
    facts.vm.otherConfig[KEY.monitor] === 'True'
      ? 'The VM is registered already. Nothing was changed.'
      : 'Would register the VM, and wait until its containers are listed. Nothing was changed.',
  )
}
