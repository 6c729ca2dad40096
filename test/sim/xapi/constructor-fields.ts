import type { ClassDef } from './data-model.ts'
import { cutAtIllegal } from './characters.ts'
import { mapStrings, toValue, WireStruct } from './wire-value.ts'
import { internalError } from './xapi-error.ts'
import type { Value } from './xapi-types.ts'

/**
 * The fields that a constructor's struct sets. A required one that is missing is INTERNAL_ERROR; unknown ones are
 * ignored; strings are cut at the first character that the database cannot hold.
 */
export function constructorFields(cls: ClassDef, struct: unknown): Record<string, Value> {
  if (!(struct instanceof WireStruct)) throw internalError('Rpc.Runtime_error: expecting a record')
  const fields: Record<string, Value> = {}
  for (const [name, required] of cls.constructorArgs) {
    const wire = struct.get(name)
    const type = cls.fields.get(name)?.type
    if (wire !== undefined && type !== undefined) fields[name] = mapStrings(toValue(wire, type), cutAtIllegal)
    else if (required) throw internalError(`Server_helpers.Dispatcher_FieldNotFound("${name}")`)
  }
  return fields
}
