import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import { argument } from '../../operations/arguments.ts'
import type { Args } from '../../operations/operation.ts'

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The argument of this name as XAPI writes uuids. Throws RefusedError when it is missing or is none; `what` says of what. */
export function uuidArgument(args: Args, name: string, what: string): string {
  const text = argument(args, name) ?? ''
  if (UUID.test(text)) return text.toLowerCase()
  throw new RefusedError({
    kind: 'bad-uuid',
    cause: `The argument ${name} is "${cutText(cleanForTerminal(text), 60)}", which is not the uuid of a ${what}`,
    cure: `Look for it with xe: it has the form 01234567-89ab-cdef-0123-456789abcdef`,
  })
}
