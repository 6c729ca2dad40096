import { textArg, type Methods } from './call-context.ts'
import { parseToken } from './event-collect.ts'
import { stringReply, valueReply, voidReply } from './reply.ts'
import { parseSubscription } from './subscription.ts'
import { internalError } from './xapi-error.ts'

/** Sessions and the event calls that live by them. */
export const sessionMethods: Methods = {
  /** On a local socket name and password are not looked at: the session is root's. */
  'session.login_with_password'(call, args) {
    const originator = args.length > 3 ? textArg(args, 3) : ''
    return stringReply(call.world.sessions.login(call.host.ref, originator))
  },
  'session.slave_local_login_with_password'(call) {
    return stringReply(call.world.sessions.login(call.host.ref, ''))
  },
  'session.logout'(call) {
    call.world.sessions.destroy(call.session)
    return voidReply
  },
  'session.local_logout'(call) {
    call.world.sessions.destroy(call.session)
    return voidReply
  },
  'session.get_all_subject_identifiers': () => valueReply([], { kind: 'set', of: { kind: 'string' } }),

  'event.from'(call, args) {
    const [classes, , timeout] = args
    if (!Array.isArray(classes) || typeof timeout !== 'number') throw internalError('event.from: wrong types')
    return call.world.events.from({
      session: call.session,
      wanted: parseSubscription(classes.map(String)),
      since: parseToken(textArg(args, 1)),
      timeoutMs: timeout * 1000,
      format: call.format,
    })
  },
  'event.get_current_id': (call) => valueReply(String(call.world.db.generation), { kind: 'int' }),
  'event.inject'(call, args) {
    const { db } = call.world
    const name = textArg(args, 0).toLowerCase()
    const cls = [...db.allTables()].find((table) => table.cls.lowerName === name)?.cls.name
    if (cls === undefined) throw internalError(`no class ${name}`)
    db.touch(db.row(cls, textArg(args, 1)))
    return stringReply(`${String(db.generation).padStart(20, '0')},${String(0).padStart(20, '0')}`)
  },
}
