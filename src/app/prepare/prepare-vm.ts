import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import type { PrepareContext, PrepareWish } from './prepare-context.ts'
import { prepareSsh } from './prepare-ssh.ts'
import { usernameFor } from './target-of.ts'
import { undoSsh } from './undo.ts'

/** Does what is wished, step by step. Rejects with a DiagnosedError, or an Error about what was wished. */
export async function prepareVm(context: PrepareContext, wish: PrepareWish, signal: AbortSignal): Promise<void> {
  if (wish.mode === 'tls') throw noTls()
  return wish.undo ? undoSsh(context, wish, signal) : prepareSsh(context, wish, signal)
}

/** What is about to be done, for whoever is asked whether to go on. */
export function planText({ facts }: PrepareContext, wish: PrepareWish): string {
  const { vm } = facts
  const username = cleanForTerminal(usernameFor(facts, wish.username))
  const name = `VM ${vm.uuid} (${cutText(cleanForTerminal(vm.name), 100)})`
  if (wish.undo) {
    return `Takes back what prepare-vm has done to ${name}: its registration, the pool's key in ~${username}/.ssh/authorized_keys of the guest, and xscontainer's settings.\n`
  }
  return (
    `Prepares ${name}: adds the pool's public key to ~${username}/.ssh/authorized_keys of the guest, proves that it ` +
    'lets the monitor in and that the container engine answers, and registers the VM.\n'
  )
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

function noTls(): RefusedError {
  return new RefusedError({
    kind: 'no-tls',
    cause: 'Mode tls is not offered by this version',
    cure: 'Use mode ssh',
  })
}
