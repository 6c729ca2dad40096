import { textArg, type Methods } from './call-context.ts'
import { isoDate } from './iso-date.ts'
import { stringReply, stringsReply, valueReply, voidReply } from './reply.ts'
import { handleInvalid, XapiError } from './xapi-error.ts'

/** Hosts, the pool and tasks, as far as a trial by hand wants them. */
export const hostMethods: Methods = {
  'host.get_servertime': () => valueReply(isoDate(new Date()), { kind: 'datetime' }),
  'host.get_server_localtime': () => valueReply(isoDate(new Date()), { kind: 'datetime' }),
  'host.list_methods': (call) => {
    const { classes } = call.world.db.model
    return stringsReply([...classes.values()].flatMap((cls) => [...cls.methods.values()].map((m) => m.fullName)))
  },
  'host.enable'(call, args) {
    call.world.db.set(call.world.db.row('host', textArg(args, 0)), 'enabled', true)
    return voidReply
  },
  'host.disable'(call, args) {
    call.world.db.set(call.world.db.row('host', textArg(args, 0)), 'enabled', false)
    return voidReply
  },
  'host.get_management_interface'(call, args) {
    const ref = textArg(args, 0)
    for (const pif of call.world.db.rows('PIF')) {
      if (pif.get('host') === ref && pif.get('management') === true) return stringReply(pif.ref)
    }
    throw handleInvalid('host', ref)
  },
  'pool.sync_database': () => voidReply,
  'task.create'(call, args) {
    return stringReply(call.world.tasks.create(textArg(args, 0), textArg(args, 1), call.host.ref).ref)
  },
  'task.destroy'(call, args) {
    call.world.db.remove(call.world.db.row('task', textArg(args, 0)))
    return voidReply
  },
  'task.cancel'(call, args) {
    const task = call.world.db.row('task', textArg(args, 0))
    if (task.get('status') !== 'pending') throw new XapiError('OPERATION_NOT_ALLOWED', 'task is not running')
    call.world.db.set(task, 'status', 'cancelled')
    return voidReply
  },
}
