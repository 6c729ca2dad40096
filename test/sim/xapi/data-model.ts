import { readFileSync } from 'node:fs'

import { emptyValue, parseDefault, parseType, type Value, type XapiType } from './xapi-types.ts'

interface RawField {
  readonly name: string
  readonly type: string
  readonly qualifier: string
  readonly default?: string
}

interface RawMessage {
  readonly name: string
  readonly implicit: boolean
  readonly result: string
  readonly params: readonly (readonly [string, string])[]
}

interface RawClass {
  readonly name: string
  readonly gen_events: boolean
  readonly enums: readonly { readonly name: string; readonly values: readonly string[] }[]
  readonly constructor_args?: Readonly<Record<string, boolean>>
  readonly fields: readonly RawField[]
  readonly messages: readonly RawMessage[]
}

export interface FieldDef {
  readonly name: string
  readonly type: XapiType
  readonly initial: Value
}

export interface MethodDef {
  readonly cls: ClassDef
  readonly name: string
  /** As callers write it: `VM.get_uuid`. */
  readonly fullName: string
  readonly implicit: boolean
  readonly params: readonly { readonly name: string; readonly type: XapiType }[]
  /** Parameters that callers may leave out, counted from the end. */
  readonly optional: number
  readonly needsSession: boolean
  readonly result: XapiType
}

export interface ClassDef {
  readonly name: string
  /** As events and valid_ref_counts spell it. */
  readonly lowerName: string
  readonly genEvents: boolean
  readonly fields: ReadonlyMap<string, FieldDef>
  /** Keys of the constructor's struct; true: required. */
  readonly constructorArgs: ReadonlyMap<string, boolean>
  readonly methods: ReadonlyMap<string, MethodDef>
}

export interface DataModel {
  readonly classes: ReadonlyMap<string, ClassDef>
  /** The method of a call, by either spelling: `VM.get_uuid`, `VM_get_uuid`. Case-sensitive. */
  method(fullName: string): MethodDef | undefined
}

/** Trailing parameters that were added to the API later and have defaults; the subset file does not mark them. */
const OPTIONAL: Readonly<Record<string, number>> = {
  'session.login_with_password': 2,
  'VM.snapshot': 1,
  'VM.migrate_send': 1,
  'VM.assert_can_migrate': 1,
  'VDI.snapshot': 1,
  'VDI.clone': 1,
  'VDI.copy': 2,
  'SR.create': 1,
  'SR.probe': 1,
  'SR.introduce': 1,
  'host.evacuate': 2,
  'pool.sync_updates': 2,
}

/** Reads the data model that ships beside this file. */
export function loadDataModel(): DataModel {
  const file = new URL('./data/xenapi-subset.json', import.meta.url)
  const raw = JSON.parse(readFileSync(file, 'utf8')) as RawClass[]
  const enums = new Map(raw.flatMap((cls) => cls.enums.map((e) => [e.name, e.values] as const)))
  const classes = new Map(raw.map((cls) => [cls.name, defineClass(cls, (name) => enums.get(name) ?? [])]))
  const methods = new Map<string, MethodDef>()
  for (const cls of classes.values()) {
    for (const method of cls.methods.values()) {
      methods.set(method.fullName, method)
      methods.set(`${cls.name}_${method.name}`, method)
    }
  }
  return { classes, method: (fullName) => methods.get(fullName) }
}

function defineClass(raw: RawClass, enumValues: (name: string) => readonly string[]): ClassDef {
  const methods = new Map<string, MethodDef>()
  const cls: ClassDef = {
    name: raw.name,
    lowerName: raw.name.toLowerCase(),
    genEvents: raw.gen_events,
    fields: new Map(raw.name === 'event' ? [] : raw.fields.map((f) => [f.name, defineField(f, enumValues)])),
    constructorArgs: new Map(Object.entries(raw.constructor_args ?? {})),
    methods,
  }
  for (const message of [...raw.messages, ...undocumented(raw)]) {
    methods.set(message.name, defineMethod(cls, message, enumValues))
  }
  return cls
}

/** Queries that exist on every class with get_all although no documentation lists them. */
function undocumented(raw: RawClass): RawMessage[] {
  const names = new Set(raw.messages.map((m) => m.name))
  if (!names.has('get_all')) return []
  const params = [['session_id', 'session ref'] as const, ['expr', 'string'] as const]
  const records = `(${raw.name} ref -> ${raw.name} record) map`
  return [
    { name: 'get_all_where', implicit: true, result: `${raw.name} ref set`, params },
    { name: 'get_all_records_where', implicit: true, result: records, params },
  ].filter((message) => !names.has(message.name))
}

function defineField(raw: RawField, enumValues: (name: string) => readonly string[]): FieldDef {
  const type = parseType(raw.type, enumValues)
  const initial = raw.default === undefined ? emptyValue(type) : parseDefault(raw.default, type)
  return { name: raw.name, type, initial }
}

function defineMethod(cls: ClassDef, raw: RawMessage, enumValues: (name: string) => readonly string[]): MethodDef {
  const needsSession = raw.params[0]?.[0] === 'session_id'
  const fullName = `${cls.name}.${raw.name}`
  return {
    cls,
    name: raw.name,
    fullName,
    implicit: raw.implicit,
    params: raw.params.slice(needsSession ? 1 : 0).map(([name, type]) => ({ name, type: parseType(type, enumValues) })),
    optional: OPTIONAL[fullName] ?? 0,
    needsSession,
    result: parseType(raw.result, enumValues),
  }
}
