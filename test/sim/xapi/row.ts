import type { ClassDef } from './data-model.ts'
import { jsonOf } from './json-codec.ts'
import type { Value } from './xapi-types.ts'
import { xmlOf, xmlStruct } from './xmlrpc-codec.ts'

/** One object. Its record's XML and JSON are kept until it changes: the same record goes to many readers. */
export class Row {
  readonly cls: ClassDef
  readonly ref: string
  readonly fields: Map<string, Value>
  created: number
  modified: number
  /** Neighbours in the table's list by time of modification. */
  older: Row | undefined
  newer: Row | undefined
  private xmlText: string | undefined
  private jsonText: string | undefined

  constructor(cls: ClassDef, ref: string, fields: Map<string, Value>, generation: number) {
    this.cls = cls
    this.ref = ref
    this.fields = fields
    this.created = generation
    this.modified = generation
  }

  get(field: string): Value {
    const value = this.fields.get(field)
    if (value === undefined) throw new Error(`no field ${this.cls.name}.${field}`)
    return value
  }

  text(field: string): string {
    return String(this.get(field))
  }

  changed(field: string, value: Value): void {
    this.fields.set(field, value)
    this.xmlText = undefined
    this.jsonText = undefined
  }

  xml(): string {
    this.xmlText ??= xmlStruct([...this.cls.fields.values()].map((f) => [f.name, xmlOf(this.get(f.name), f.type)]))
    return this.xmlText
  }

  json(): string {
    this.jsonText ??= `{${[...this.cls.fields.values()]
      .map((f) => `${JSON.stringify(f.name)}:${jsonOf(this.get(f.name), f.type)}`)
      .join(',')}}`
    return this.jsonText
  }
}
