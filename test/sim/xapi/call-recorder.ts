import type { Dispatched } from './dispatch.ts'
import type { CallLog } from './rpc-handler.ts'
import type { Sessions } from './sessions.ts'
import type { SimHost } from './sim-host.ts'
import type { ObservedWrite, Stats } from './stats.ts'
import type { Call } from './xmlrpc-request.ts'
import type { Database } from './database.ts'

const FIELD_WRITE = /^(?:set_|add_to_|remove_from_|add_|remove_)(.+)$/

/** Keeps the pool's statistics and tells observers of writes. */
export class CallRecorder implements CallLog {
  readonly stats: Stats
  private readonly observers = new Set<(write: ObservedWrite) => void>()
  private readonly db: Database
  private readonly sessions: Sessions

  constructor(stats: Stats, db: Database, sessions: Sessions) {
    this.stats = stats
    this.db = db
    this.sessions = sessions
  }

  /** The returned function ends it. */
  observe(observer: (write: ObservedWrite) => void): () => void {
    this.observers.add(observer)
    return () => this.observers.delete(observer)
  }

  called(call: Call, host: SimHost): void {
    this.stats.countCall(call.method, host.index)
    if (call.method === 'session.login_with_password') this.stats.originators.add(textOf(call.params[3]))
  }

  done(call: Call, host: SimHost, { method, args }: Dispatched): void {
    const field = FIELD_WRITE.exec(method.name)?.[1]
    if (field === undefined || !method.cls.fields.has(field)) return
    this.stats.writes++
    if (this.observers.size === 0) return
    const session = textOf(call.params[0])
    const originator = this.sessions.exists(session) ? this.db.row('session', session).text('originator') : ''
    const isMap = /^(add_to|remove_from)_/.test(method.name)
    const [ref, key, value] = args.map(textOf)
    this.tell({
      time: Date.now(),
      method: call.method,
      ref: ref ?? '',
      key: isMap ? (key ?? '') : '',
      value: (isMap ? value : key) ?? '',
      host: host.index,
      originator,
    })
  }

  failed(_call: Call, _host: SimHost, code: string): void {
    this.stats.countFailure(code)
  }

  answered(call: Call, text: string): void {
    this.stats.countAnswer(call.method, Buffer.byteLength(text))
  }

  private tell(write: ObservedWrite): void {
    for (const observer of this.observers) observer(write)
  }
}

function textOf(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string'
    ? value
    : JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))
}
