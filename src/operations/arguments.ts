import { RefusedError } from '../base/errors.ts'
import { cleanForTerminal, cutText } from '../base/text.ts'
import type { Args } from './operation.ts'

/** Refuses (kind `missing-argument`) when an argument that the operation needs is missing or empty. */
export function checkArgs(operation: { readonly name: string; readonly args: readonly string[] }, args: Args): void {
  const missing = operation.args.find((name) => argument(args, name) === undefined)
  if (missing === undefined) return
  throw new RefusedError({
    kind: 'missing-argument',
    cause: `${operation.name} was called without its argument ${missing}`,
    cure: `Give all of ${operation.args.join(', ')}`,
  })
}

/** The argument, or undefined when it is missing or empty. */
export function argument(args: Args, name: string): string | undefined {
  const value: unknown = Object.hasOwn(args, name) ? args[name] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Whether the argument says yes. */
export function flag(args: Args, name: string): boolean {
  return /^(?:1|yes|true|on)$/i.test(argument(args, name) ?? '')
}

/** The argument as a whole number from 1 to `most`; `fallback` when there is none. */
export function count(args: Args, name: string, most: number, fallback: number): number {
  const text = argument(args, name)
  if (text === undefined) return fallback
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > most) throw badArgument(name, text, `a number from 1 to ${most}`)
  return number
}

export function badArgument(name: string, text: string, expected: string): RefusedError {
  return new RefusedError({
    kind: 'bad-argument',
    cause: `The argument ${name} is "${cutText(cleanForTerminal(text), 80)}"`,
    cure: `Give ${expected}`,
  })
}
