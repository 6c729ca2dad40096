import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import { KEY } from '../../model/fields.ts'
import type { PrepareContext, PrepareWish } from './prepare-context.ts'
import { prepareSsh } from './prepare-ssh.ts'
import { dropSecrets, prepareTls, undoTls } from './tls.ts'
import { usernameFor } from './target-of.ts'
import { undoSsh } from './undo.ts'

/** Does what is wished, step by step. Rejects with a DiagnosedError, or an Error about what was wished. */
export async function prepareVm(context: PrepareContext, wish: PrepareWish, signal: AbortSignal): Promise<void> {
  if (isTls(context, wish)) return wish.undo ? undoTls(context, wish, signal) : prepareTls(context, wish, signal)
  if (!wish.undo) return prepareSsh(context, wish, signal)
  await undoSsh(context, wish, signal)
  // It may have been in mode tls before.
  if (!wish.dryRun) await dropSecrets(context, signal)
}

/** What is taken back is what was done to the VM, whether its mode is named or not. */
function isTls({ facts }: PrepareContext, wish: PrepareWish): boolean {
  return wish.mode === 'tls' || (wish.undo && facts.vm.otherConfig[KEY.mode] === 'tls')
}

/** What is about to be done, for whoever is asked whether to go on. */
export function planText(context: PrepareContext, wish: PrepareWish): string {
  const { facts } = context
  const { vm } = facts
  const username = cleanForTerminal(usernameFor(facts, wish.username))
  const name = `VM ${vm.uuid} (${cutText(cleanForTerminal(vm.name), 100)})`
  if (isTls(context, wish)) return `${tlsPlan(name, wish)}\n`
  if (wish.undo) {
    return `Takes back what prepare-vm has done to ${name}: its registration, the pool's key in ~${username}/.ssh/authorized_keys of the guest, and xscontainer's settings.\n`
  }
  return (
    `Prepares ${name}: adds the pool's public key to ~${username}/.ssh/authorized_keys of the guest, proves that it ` +
    'lets the monitor in and that the container engine answers, and registers the VM.\n'
  )
}

function tlsPlan(name: string, { undo, tls }: PrepareWish): string {
  if (undo) {
    return `Takes back what prepare-vm has done to ${name}: its registration, xscontainer's settings, and the secrets with its certificates that no other VM names.`
  }
  const first =
    tls?.use === 'generate'
      ? "makes certificates, hands the engine's to the guest on a disc in its CD drive, waits until the engine uses them"
      : 'proves that the container engine answers over TLS with the certificates'
  const then = tls === undefined || tls.use === 'present' ? '' : ', puts ours into secrets'
  return `Prepares ${name}: ${first}${then}, and registers the VM.`
}

/** What stays of work that was not done to the end, as a sentence; empty: nothing. */
export function whatStays({ steps, facts }: PrepareContext): string {
  if (steps.changes.length === 0) return ''
  return `What was done stays: ${steps.changes.join('; ')}. Take it back with: xscontainer prepare-vm ${facts.vm.uuid} --undo`
}

/** The error with what stays, for whoever gets to read one text only. */
export function withWhatStays(error: unknown, context: PrepareContext): unknown {
  const stays = whatStays(context)
  if (stays === '' || !(error instanceof DiagnosedError)) return error
  const { kind, cause, cure } = error.diagnosis
  return new RefusedError({ kind, cause: `${cause}. ${stays}`, cure })
}
