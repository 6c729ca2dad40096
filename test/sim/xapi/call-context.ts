import type { Database } from './database.ts'
import type { Events } from './events.ts'
import type { Messages } from './messages.ts'
import type { MethodDef } from './data-model.ts'
import type { Reply } from './reply.ts'
import type { Sessions } from './sessions.ts'
import type { SimHost } from './sim-host.ts'
import type { Tasks } from './tasks.ts'
import type { WireStruct } from './wire-value.ts'
import type { Value } from './xapi-types.ts'

/** What the methods work on. */
export interface World {
  readonly db: Database
  readonly messages: Messages
  readonly events: Events
  readonly sessions: Sessions
  readonly tasks: Tasks
  readonly hosts: readonly SimHost[]
  readonly contents: { copy(from: string, to: string): void }
  coordinator(): SimHost
}

/** One call: by whom, where, and how the answer is to be written. */
export interface CallContext {
  readonly world: World
  readonly method: MethodDef
  /** The host whose socket the call came in on. */
  readonly host: SimHost
  readonly session: string
  readonly format: 'xml' | 'json'
}

/** Arguments by the data model's types; only a constructor's struct stays as it was sent. */
export type Argument = Value | WireStruct

export type Method = (call: CallContext, args: readonly Argument[]) => Reply | Promise<Reply>

/** Methods by full name: `VM.start`. */
export type Methods = Readonly<Record<string, Method>>

/** The argument as text; the data model has already checked that it is. */
export function textArg(args: readonly Argument[], index: number): string {
  const value = args[index]
  if (typeof value !== 'string') throw new Error(`argument ${index} is not a string`)
  return value
}

/** The argument as a map of strings. */
export function mapArg(args: readonly Argument[], index: number): readonly (readonly [string, string])[] {
  return (args[index] ?? []) as readonly (readonly [string, string])[]
}
