import { isAtLeast } from './api-version.ts'
import { containerRef } from './container-ref.ts'
import type { Conversation } from './conversation.ts'
import type { EngineCalls } from './engine-calls.ts'
import { replyWrongShape } from './errors.ts'
import { ExecConversation } from './exec-conversation.ts'
import { Lifetime } from './lifetime.ts'
import { anObject } from './replies.ts'
import type { Hijacked } from './stream-modem.ts'

/** A command to run in a container. */
export interface ExecCommand {
  readonly command: readonly string[]
  /** With a terminal; its output and error are one then. */
  readonly tty: boolean
  /** With standard input. */
  readonly stdin: boolean
  /** The user in the container, undefined: as the container's own. */
  readonly user?: string | undefined
  /** Of its terminal, in characters; only engines since API 1.42 take it before the command begins. */
  readonly size?: { readonly columns: number; readonly rows: number } | undefined
}

/** Creates the command and starts it: once only, whatever comes. */
export async function startExec(
  calls: EngineCalls,
  ref: string,
  command: ExecCommand,
  signal: AbortSignal,
): Promise<Conversation> {
  const id = await create(calls, ref, command, signal)
  const name = `POST /exec/${id}/start`
  const dial = {
    method: 'POST',
    path: `/exec/${id}/start`,
    options: { Detach: false, Tty: command.tty },
    isStream: true,
    hijack: true,
    statusCodes: { 200: true },
  }
  const streams = await calls.call(name, signal, (_docker, own) => calls.dial(dial, own))
  return new ExecConversation(calls, id, command.tty, streams as Hijacked, new Lifetime(signal))
}

/** dockerode cannot do this: an answer that is no object makes it throw where nobody catches it. */
async function create(calls: EngineCalls, ref: string, command: ExecCommand, signal: AbortSignal): Promise<string> {
  const path = `/containers/${containerRef(ref)}/exec`
  const options = {
    AttachStdin: command.stdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: command.tty,
    Cmd: command.command,
    ...(command.user !== undefined && { User: command.user }),
    ...consoleSize(calls, command),
  }
  const dial = { method: 'POST', path, options, statusCodes: { 200: true, 201: true } }
  const name = `POST ${path}`
  const { Id } = anObject(name, await calls.call(name, signal, (_docker, own) => calls.dial(dial, own)))
  if (typeof Id !== 'string' || !/^[a-zA-Z0-9]{1,128}$/.test(Id)) throw replyWrongShape(name, 'the id of a command')
  return Id
}

function consoleSize(calls: EngineCalls, { tty, size }: ExecCommand) {
  const taken = tty && size !== undefined && isAtLeast(calls.apiVersion, 1, 42)
  return taken ? { ConsoleSize: [size.rows, size.columns] } : {}
}
