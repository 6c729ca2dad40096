import type { Fields, FieldWrite } from '../../model/fields.ts'

/** The single-key writes that bring a VM's keys to these values (undefined: absent), as far as is known what they are. */
export function writesFor(keys: Readonly<Record<string, string | undefined>>, known: Fields): FieldWrite[] {
  return Object.entries(keys).flatMap(([key, value]) => {
    const replaces = known[key] !== undefined
    return value === undefined && !replaces ? [] : [{ key, value, replaces }]
  })
}
