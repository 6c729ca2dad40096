import type { Database } from './database.ts'
import { isoDate, parseIsoDate } from './iso-date.ts'
import { sessionInvalid } from './xapi-error.ts'
import type { Row } from './row.ts'

/** Sessions per originator; over that the least recently active ones are destroyed. */
const MOST_PER_ORIGINATOR = 500
const MOST_ANONYMOUS = 400

/** Activity is recorded no more often than this. */
const ACTIVITY_MS = 10 * 60 * 1000

/** Sessions of root on local sockets. They are rows of class `session`, and are not persistent. */
export class Sessions {
  private readonly db: Database
  private readonly ended: (session: string) => void

  constructor(db: Database, ended: (session: string) => void) {
    this.db = db
    this.ended = ended
  }

  login(host: string, originator: string, pool = false): string {
    const now = isoDate(new Date())
    const row = this.db.create('session', {
      this_host: host,
      originator,
      pool,
      is_local_superuser: true,
      last_active: now,
      validation_time: now,
    })
    if (!pool) this.limit(originator)
    return row.ref
  }

  /** The session's row, or SESSION_INVALID; counts as activity. */
  check(session: string): Row {
    const row = this.db.find('session', session)
    if (row === undefined) throw sessionInvalid(session)
    const now = Date.now()
    if (now - parseIsoDate(row.text('last_active')) >= ACTIVITY_MS)
      this.db.set(row, 'last_active', isoDate(new Date(now)))
    return row
  }

  exists(session: string): boolean {
    return this.db.find('session', session) !== undefined
  }

  destroy(session: string): void {
    const row = this.db.find('session', session)
    if (row === undefined) return
    this.db.remove(row)
    this.ended(session)
  }

  destroyAll(): void {
    for (const row of [...this.db.rows('session')]) this.destroy(row.ref)
  }

  /** Open sessions by originator. */
  byOriginator(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const row of this.db.rows('session')) {
      const originator = row.text('originator')
      counts[originator] = (counts[originator] ?? 0) + 1
    }
    return counts
  }

  private limit(originator: string): void {
    const most = originator === '' ? MOST_ANONYMOUS : MOST_PER_ORIGINATOR
    const rows = [...this.db.rows('session')].filter((row) => !row.get('pool') && row.text('originator') === originator)
    const byActivity = rows.sort((a, b) => a.text('last_active').localeCompare(b.text('last_active')))
    for (const row of byActivity.slice(0, Math.max(0, rows.length - most))) this.destroy(row.ref)
  }
}
