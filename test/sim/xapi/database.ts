import { randomUUID } from 'node:crypto'

import type { ClassDef, DataModel } from './data-model.ts'
import { relationsOf } from './relations.ts'
import { Row } from './row.ts'
import { Table } from './table.ts'
import { handleInvalid } from './xapi-error.ts'
import { NULL_REF, sameValue, type Value } from './xapi-types.ts'

/** Told of every change, after it: class, object, and the generation it got. */
export type ChangeListener = (cls: ClassDef, ref: string, generation: number) => void

/** A copy of all rows, as XAPI's database file would hold them. */
export interface DatabaseImage {
  readonly generation: number
  readonly rows: readonly { readonly cls: string; readonly ref: string; readonly fields: Map<string, Value> }[]
}

/** These live in memory only: a restart loses them. */
const NOT_PERSISTENT: ReadonlySet<string> = new Set(['session', 'task'])

/** The pool's shared database: typed rows, generation numbers, relations kept in step. Every call is atomic. */
export class Database {
  readonly model: DataModel
  generation = 1
  private readonly listeners: ChangeListener[] = []
  private tables = new Map<string, Table>()

  constructor(model: DataModel) {
    this.model = model
    this.clear()
  }

  onChange(listener: ChangeListener): void {
    this.listeners.push(listener)
  }

  table(cls: string): Table {
    const table = this.tables.get(cls)
    if (table === undefined) throw new Error(`no class ${cls}`)
    return table
  }

  allTables(): Iterable<Table> {
    return this.tables.values()
  }

  find(cls: string, ref: string): Row | undefined {
    return this.table(cls).rows.get(ref)
  }

  /** The object, or HANDLE_INVALID. */
  row(cls: string, ref: string): Row {
    const row = this.find(cls, ref)
    if (row === undefined) throw handleInvalid(cls, ref)
    return row
  }

  rows(cls: string): Iterable<Row> {
    return this.table(cls).rows.values()
  }

  byUuid(cls: string, uuid: string): Row | undefined {
    for (const row of this.rows(cls)) if (row.fields.get('uuid') === uuid) return row
    return undefined
  }

  /** Creates an object with the model's defaults for what is not given; a new uuid unless one is. */
  create(clsName: string, given: Readonly<Record<string, Value>>, ref = `OpaqueRef:${randomUUID()}`): Row {
    const table = this.table(clsName)
    const fields = new Map<string, Value>()
    for (const field of table.cls.fields.values()) fields.set(field.name, given[field.name] ?? field.initial)
    if (table.cls.fields.has('uuid') && given.uuid === undefined) fields.set('uuid', randomUUID())
    const row = new Row(table.cls, ref, fields, ++this.generation)
    table.insert(row)
    this.tell(row)
    for (const { field, target, set } of relationsOf(clsName)) this.include(target, row.text(field), set, ref)
    return row
  }

  /** Writes a field. No event and no new generation when it already holds that value. */
  set(row: Row, field: string, value: Value): void {
    const before = row.get(field)
    if (sameValue(before, value)) return
    row.changed(field, value)
    this.touch(row)
    const relation = relationsOf(row.cls.name).find((candidate) => candidate.field === field)
    if (relation === undefined) return
    this.exclude(relation.target, String(before), relation.set, row.ref)
    this.include(relation.target, String(value), relation.set, row.ref)
  }

  remove(row: Row): void {
    this.table(row.cls.name).delete(row, ++this.generation)
    for (const listener of this.listeners) listener(row.cls, row.ref, this.generation)
    for (const { field, target, set } of relationsOf(row.cls.name)) this.exclude(target, row.text(field), set, row.ref)
  }

  /** Counts as a change of the object without changing it. */
  touch(row: Row): void {
    this.table(row.cls.name).touch(row, ++this.generation)
    this.tell(row)
  }

  image(): DatabaseImage {
    const rows = [...this.tables.values()]
      .filter((table) => !NOT_PERSISTENT.has(table.cls.name))
      .flatMap((table) => [...table.rows.values()])
    return {
      generation: this.generation,
      rows: rows.map((row) => ({ cls: row.cls.name, ref: row.ref, fields: new Map(row.fields) })),
    }
  }

  /** Starts again from an image: every row is as new, deletions are forgotten, the generation is the image's. */
  load(image: DatabaseImage): void {
    this.clear()
    this.generation = image.generation + 1
    for (const { cls, ref, fields } of image.rows) {
      const table = this.table(cls)
      table.insert(new Row(table.cls, ref, new Map(fields), this.generation))
    }
  }

  private clear(): void {
    this.tables = new Map()
    for (const cls of this.model.classes.values()) {
      if (cls.name !== 'event' && cls.name !== 'message') this.tables.set(cls.name, new Table(cls))
    }
  }

  private tell(row: Row): void {
    for (const listener of this.listeners) listener(row.cls, row.ref, this.generation)
  }

  private include(cls: string, ref: string, field: string, member: string): void {
    const row = ref === NULL_REF ? undefined : this.find(cls, ref)
    if (row !== undefined) this.set(row, field, [...(row.get(field) as readonly Value[]), member])
  }

  private exclude(cls: string, ref: string, field: string, member: string): void {
    const row = ref === NULL_REF ? undefined : this.find(cls, ref)
    if (row !== undefined)
      this.set(
        row,
        field,
        (row.get(field) as readonly Value[]).filter((item) => item !== member),
      )
  }
}
