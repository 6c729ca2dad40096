import { replaceIllegal } from './characters.ts'
import { textArg, type CallContext, type Methods } from './call-context.ts'
import { parseIsoDate } from './iso-date.ts'
import { jsonObject } from './json-codec.ts'
import { messageJson, messageXml, type Message } from './messages.ts'
import { stringReply, stringsReply, voidReply, type Reply } from './reply.ts'
import { XapiError } from './xapi-error.ts'
import { xmlStruct } from './xmlrpc-codec.ts'

/** Message class to the class of the object it is about; the others have no objects in the simulator. */
const OBJECT_CLASS: Readonly<Record<string, string>> = { VM: 'VM', Host: 'host', SR: 'SR', Pool: 'pool', VDI: 'VDI' }

export const messageMethods: Methods = {
  'message.create'(call, args) {
    const [name, priority, cls, uuid, body] = [0, 1, 2, 3, 4].map((i) => textArg(args, i)) as Five
    const objectClass = OBJECT_CLASS[cls]
    if (objectClass === undefined || call.world.db.byUuid(objectClass, uuid) === undefined) {
      throw new XapiError('UUID_INVALID', cls, uuid)
    }
    const message = call.world.messages.create(replaceIllegal(name), priority, cls, uuid, replaceIllegal(body))
    return stringReply(message.ref)
  },
  'message.destroy'(call, args) {
    call.world.messages.destroy(textArg(args, 0))
    return voidReply
  },
  'message.destroy_many'(call, args) {
    for (const ref of args[0] as readonly string[]) call.world.messages.destroy(ref)
    return voidReply
  },
  'message.get': (call, args) => {
    const since = parseIsoDate(textArg(args, 2))
    return recordsOf(
      all(call).filter((m) => m.cls === args[0] && m.objUuid === args[1] && !(parseIsoDate(m.timestamp) <= since)),
    )
  },
  'message.get_since': (call, args) => {
    const since = parseIsoDate(textArg(args, 0))
    return recordsOf(all(call).filter((message) => !(parseIsoDate(message.timestamp) <= since)))
  },
  'message.get_all': (call) => stringsReply(all(call).map((message) => message.ref)),
  'message.get_all_records': (call) => recordsOf(all(call)),
  /** The real one does not look at its expression either. */
  'message.get_all_records_where': (call) => recordsOf(all(call)),
  'message.get_record'(call, args) {
    const message = call.world.messages.get(textArg(args, 0))
    return { xml: () => messageXml(message), json: () => messageJson(message) }
  },
  'message.get_by_uuid'(call, args) {
    const found = all(call).find((message) => message.uuid === args[0])
    if (found === undefined) throw new XapiError('UUID_INVALID', 'message', textArg(args, 0))
    return stringReply(found.ref)
  },
}

type Five = [string, string, string, string, string]

function all(call: CallContext): Message[] {
  return call.world.messages.all()
}

function recordsOf(messages: readonly Message[]): Reply {
  return {
    xml: () => xmlStruct(messages.map((message) => [message.ref, messageXml(message)])),
    json: () => jsonObject(messages.map((message) => [message.ref, messageJson(message)])),
  }
}
