import type { Clock } from '../base/clock.ts'
import type { ContainerEntry } from '../documents/container-entry.ts'
import type { Engine } from '../engine/engine.ts'
import type { Fields } from '../model/fields.ts'
import type { VmRecord } from '../model/vm.ts'

/** Arguments by name, as clients send them: texts, any of them missing, empty or more than are needed. */
export type Args = Readonly<Record<string, string>>

/** What an operation about one VM may use. All methods reject with a DiagnosedError, or with the signal's reason. */
export interface VmContext {
  readonly clock: Clock
  /** Registered or not, running or not, but never another host's. */
  readonly vm: VmRecord
  /** The VM's engine: the one that is held already, or one by a connection of its own that ends with the operation. */
  engine(signal: AbortSignal): Promise<Engine>
  /** Looks at the container list now; resolves with it when VM.other_config has it, with undefined where none is published. */
  refreshList(signal: AbortSignal): Promise<readonly ContainerEntry[] | undefined>
  /** Sets keys of VM.other_config, undefined: removes them; resolves when XAPI has them. */
  setKeys(keys: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<void>
  /** pool.other_config */
  poolConfig(signal: AbortSignal): Promise<Fields>
  /** Tells the administrator, by a XAPI message about the VM. */
  tell(title: string, body: string, signal: AbortSignal): Promise<void>
}

/** One thing that clients can ask for about a VM: one file, one function of the plugin, one line in index.ts. */
export interface Operation {
  /** The plugin's function. */
  readonly name: string
  /** Arguments that must be there and not empty, `vmuuid` first. */
  readonly args: readonly string[]
  /** The payload that clients get after `True`. Rejects with a DiagnosedError that says cause and cure. */
  run(context: VmContext, args: Args, signal: AbortSignal): Promise<string>
}

/** Bytes that a container wrote to its standard output or error; a terminal has only the first. */
export interface StreamChunk {
  readonly from: 'out' | 'err'
  readonly data: Buffer
}

/** A conversation with a container: a command in it, a terminal, or its log as it grows. */
export interface OperationStream {
  /** What comes, in order, no faster than it is read; ends with the conversation, throws a DiagnosedError when it breaks. */
  readonly output: AsyncIterable<StreamChunk>
  /** Standard input; resolves when the engine has taken it. */
  write(data: Buffer): Promise<void>
  /** The end of standard input. */
  end(): void
  resize(columns: number, rows: number): Promise<void>
  /** After the output has ended: the command's exit code, undefined where there is no command. */
  exitCode(signal: AbortSignal): Promise<number | undefined>
  /** Ends the conversation from this side. */
  close(): void
}

/** An operation whose answer is a conversation; not for the plugin, whose answer is one text. */
export interface StreamOperation {
  readonly name: string
  readonly args: readonly string[]
  open(context: VmContext, args: Args, signal: AbortSignal): Promise<OperationStream>
}
