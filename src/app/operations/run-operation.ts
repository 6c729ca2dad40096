import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import { argument, checkArgs } from '../../operations/arguments.ts'
import type { Args, Operation, OperationStream, StreamOperation } from '../../operations/operation.ts'
import type { HostContext, HostOperation } from './host-operation.ts'

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** All that can be asked for, by kind. */
export interface OperationSet {
  readonly ofVms: readonly Operation[]
  readonly ofHosts: readonly HostOperation[]
  readonly conversations: readonly StreamOperation[]
}

/**
 * Does the operation of this name: its payload, or the conversation that it opens. The same in the daemon and without
 * one; `host` makes the difference. Rejects with a DiagnosedError.
 */
export async function runOperation(
  set: OperationSet,
  host: HostContext,
  name: string,
  args: Args,
  signal: AbortSignal,
): Promise<string | OperationStream> {
  const ofHost = set.ofHosts.find((each) => each.name === name)
  const ofVm = set.ofVms.find((each) => each.name === name)
  const conversation = set.conversations.find((each) => each.name === name)
  const operation = ofHost ?? ofVm ?? conversation
  if (operation === undefined) throw unknown(name)
  checkArgs(operation, args)
  if (ofHost !== undefined) return ofHost.run(host, args, signal)
  const context = await host.vm(vmUuidOf(args) ?? '', signal)
  return ofVm !== undefined ? ofVm.run(context, args, signal) : conversation!.open(context, args, signal)
}

/** The VM that is asked about, as XAPI writes its uuid; undefined when none is named. Throws RefusedError for nonsense. */
export function vmUuidOf(args: Args): string | undefined {
  const text = argument(args, 'vmuuid')
  if (text === undefined || UUID.test(text)) return text?.toLowerCase()
  throw new RefusedError({
    kind: 'no-such-vm',
    cause: `${shown(text)} is not the uuid of a VM`,
    cure: 'Look for its uuid with: xe vm-list',
  })
}

function unknown(name: string): RefusedError {
  return new RefusedError({
    kind: 'unknown-operation',
    cause: `There is no operation ${shown(name)}`,
    cure: 'Update xscontainer on all hosts of the pool to the same version, and restart xscontainer-monitor',
  })
}

function shown(text: string): string {
  return `"${cutText(cleanForTerminal(text), 60)}"`
}
