import type { ClassDef } from './data-model.ts'
import type { Row } from './row.ts'

export interface Deletion {
  readonly ref: string
  readonly created: number
  readonly deleted: number
}

/** Deletions are forgotten by halves: between these two numbers of them are remembered. */
const KEEP_DELETIONS = 256
const MOST_DELETIONS = 511

/** The objects of one class, newest last, and a list of them by time of modification. */
export class Table {
  readonly cls: ClassDef
  readonly rows = new Map<string, Row>()
  private deletions: Deletion[] = []
  private newest: Row | undefined

  constructor(cls: ClassDef) {
    this.cls = cls
  }

  insert(row: Row): void {
    this.rows.set(row.ref, row)
    this.append(row)
  }

  touch(row: Row, generation: number): void {
    row.modified = generation
    if (this.newest === row) return
    this.unlink(row)
    this.append(row)
  }

  delete(row: Row, generation: number): void {
    this.rows.delete(row.ref)
    this.unlink(row)
    this.deletions.push({ ref: row.ref, created: row.created, deleted: generation })
    if (this.deletions.length > MOST_DELETIONS) this.deletions = this.deletions.slice(-KEEP_DELETIONS)
  }

  /** Rows touched after this generation, latest first. */
  *changedSince(generation: number): Generator<Row> {
    for (let row = this.newest; row !== undefined && row.modified > generation; row = row.older) yield row
  }

  deletedSince(generation: number): Deletion[] {
    const start = this.deletions.findIndex((deletion) => deletion.deleted > generation)
    return start < 0 ? [] : this.deletions.slice(start)
  }

  newestFirst(): Row[] {
    return [...this.rows.values()].reverse()
  }

  private append(row: Row): void {
    row.older = this.newest
    row.newer = undefined
    if (this.newest !== undefined) this.newest.newer = row
    this.newest = row
  }

  private unlink(row: Row): void {
    if (row.older !== undefined) row.older.newer = row.newer
    if (row.newer !== undefined) row.newer.older = row.older
    else if (this.newest === row) this.newest = row.older
    row.older = undefined
    row.newer = undefined
  }
}
