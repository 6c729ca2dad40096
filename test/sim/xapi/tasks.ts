import type { Database } from './database.ts'
import { isoDate } from './iso-date.ts'
import type { Reply } from './reply.ts'
import type { Row } from './row.ts'
import { asXapiError } from './xapi-error.ts'

/** Completed tasks beyond this number are collected, oldest first. */
const MOST_COMPLETED = 200

/** Tasks of Async calls. */
export class Tasks {
  private readonly db: Database

  constructor(db: Database) {
    this.db = db
  }

  create(label: string, description: string, host: string): Row {
    const now = isoDate(new Date())
    return this.db.create('task', {
      name_label: label,
      name_description: description,
      created: now,
      finished: now,
      status: 'pending',
      resident_on: host,
      type: '<none/>',
      allowed_operations: ['cancel', 'destroy'],
    })
  }

  /** Runs the work and records its end in the task, a given one or a new one. Returns at once. */
  start(label: string, host: string, isVoid: boolean, work: () => Promise<Reply>, given?: string): Row {
    const task = given === undefined ? this.create(label, '', host) : this.db.row('task', given)
    void work().then(
      (reply) => this.finish(task, { status: 'success', result: isVoid ? '' : reply.xml(), error_info: [] }),
      (error: unknown) =>
        this.finish(task, { status: 'failure', result: '', error_info: asXapiError(error).description }),
    )
    return task
  }

  private finish(task: Row, end: { status: string; result: string; error_info: readonly string[] }): void {
    if (this.db.find('task', task.ref) !== task) return
    this.db.set(task, 'result', end.result)
    this.db.set(task, 'error_info', end.error_info)
    this.db.set(task, 'progress', 1)
    this.db.set(task, 'finished', isoDate(new Date()))
    this.db.set(task, 'status', end.status)
    this.collectCompleted()
  }

  private collectCompleted(): void {
    const completed = [...this.db.rows('task')].filter((row) => row.get('status') !== 'pending')
    for (const row of completed.slice(0, Math.max(0, completed.length - MOST_COMPLETED))) this.db.remove(row)
  }
}
