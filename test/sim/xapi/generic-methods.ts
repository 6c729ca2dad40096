import { textArg, type Argument, type CallContext, type Method } from './call-context.ts'
import { constructorFields } from './constructor-fields.ts'
import type { MethodDef } from './data-model.ts'
import { parseExpression } from './expressions.ts'
import { recordReply, recordsReply, stringsReply, valueReply, voidReply } from './reply.ts'
import type { Row } from './row.ts'
import { cutAtIllegal } from './characters.ts'
import { mapStrings, refuseIllegal } from './wire-value.ts'
import { internalError, XapiError } from './xapi-error.ts'
import type { Pair, Value } from './xapi-types.ts'

/** Methods that XAPI generates for every class from the data model. */
const BY_NAME: Readonly<Record<string, Method>> = {
  get_all: (call) => stringsReply(rows(call).map((row) => row.ref)),
  get_all_records: (call) => recordsReply(rows(call)),
  get_all_where: (call, args) => stringsReply(where(call, args).map((row) => row.ref)),
  get_all_records_where: (call, args) => recordsReply(where(call, args)),
  get_record: (call, args) => recordReply(self(call, args)),
  get_by_uuid: getByUuid,
  get_by_name_label: (call, args) =>
    stringsReply(rows(call).flatMap((row) => (row.get('name_label') === args[0] ? [row.ref] : []))),
  create(call, args) {
    const { db } = call.world
    return valueReply(db.create(call.method.cls.name, constructorFields(call.method.cls, args[0])).ref, STRING)
  },
  destroy(call, args) {
    call.world.db.remove(self(call, args))
    return voidReply
  },
}

const STRING = { kind: 'string' } as const

/** Longest prefix first. Explicit setters of a plain field behave as the generated ones. */
const BY_PREFIX: readonly (readonly [string, (field: string) => Method])[] = [
  ['add_to_', (field) => (call, args) => addTo(call, args, field)],
  ['remove_from_', (field) => (call, args) => removeFrom(call, args, field)],
  ['get_', (field) => (call, args) => getField(call, args, field)],
  ['set_', (field) => (call, args) => setField(call, args, field)],
  ['add_', (field) => (call, args) => addMember(call, args, field)],
  ['remove_', (field) => (call, args) => removeMember(call, args, field)],
]

/** The generated behaviour of a method, or undefined when the data model alone does not say what it does. */
export function genericMethod(method: MethodDef): Method | undefined {
  const named = BY_NAME[method.name]
  if (named !== undefined && method.implicit) return named
  for (const [prefix, make] of BY_PREFIX) {
    const field = method.name.slice(prefix.length)
    if (method.name.startsWith(prefix) && method.cls.fields.has(field)) return make(field)
  }
  return undefined
}

function rows(call: CallContext): Row[] {
  return call.world.db.table(call.method.cls.name).newestFirst()
}

function where(call: CallContext, args: readonly Argument[]): Row[] {
  return rows(call).filter(parseExpression(textArg(args, 0)))
}

function self(call: CallContext, args: readonly Argument[]): Row {
  return call.world.db.row(call.method.cls.name, textArg(args, 0))
}

function getByUuid(call: CallContext, args: readonly Argument[]) {
  const uuid = textArg(args, 0)
  const row = call.world.db.byUuid(call.method.cls.name, uuid)
  if (row === undefined) throw new XapiError('UUID_INVALID', call.method.cls.name, uuid)
  return valueReply(row.ref, STRING)
}

function getField(call: CallContext, args: readonly Argument[], field: string) {
  return valueReply(self(call, args).get(field), call.method.result)
}

function setField(call: CallContext, args: readonly Argument[], field: string) {
  const row = self(call, args)
  const value = (args[1] ?? '') as Value
  refuseIllegal(value)
  const isMap = row.cls.fields.get(field)?.type.kind === 'map'
  if (isMap && (value as readonly Pair[]).some(([key]) => key === '')) throw emptyKey()
  call.world.db.set(row, field, value)
  return voidReply
}

/** Fails when the key is there, even with the same value; cuts what the database cannot hold. */
function addTo(call: CallContext, args: readonly Argument[], field: string) {
  const row = self(call, args)
  const key = cutAtIllegal(textArg(args, 1))
  const value = mapStrings((args[2] ?? '') as Value, cutAtIllegal)
  if (key === '') throw emptyKey()
  const pairs = row.get(field) as readonly Pair[]
  if (pairs.some((pair) => pair[0] === key)) {
    throw new XapiError('MAP_DUPLICATE_KEY', row.cls.name, field, row.ref, key)
  }
  call.world.db.set(row, field, [...pairs, [key, value]])
  return voidReply
}

function removeFrom(call: CallContext, args: readonly Argument[], field: string) {
  const row = self(call, args)
  const key = textArg(args, 1)
  call.world.db.set(
    row,
    field,
    (row.get(field) as readonly Pair[]).filter((pair) => pair[0] !== key),
  )
  return voidReply
}

function addMember(call: CallContext, args: readonly Argument[], field: string) {
  const row = self(call, args)
  const value = mapStrings((args[1] ?? '') as Value, cutAtIllegal)
  const members = row.get(field) as readonly Value[]
  if (!members.includes(value)) call.world.db.set(row, field, [...members, value])
  return voidReply
}

function removeMember(call: CallContext, args: readonly Argument[], field: string) {
  const row = self(call, args)
  call.world.db.set(
    row,
    field,
    (row.get(field) as readonly Value[]).filter((member) => member !== args[1]),
  )
  return voidReply
}

function emptyKey(): XapiError {
  return internalError('Db_exn.Empty_key_in_map', 'a map cannot hold an empty key')
}
