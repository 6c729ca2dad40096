import { replyNotJson, replyWrongShape } from './errors.ts'

export type Json = Readonly<Record<string, unknown>>

/** What to say of a reply to the request `name` that is not `expected`. */
export function wrongReply(name: string, reply: unknown, expected: string): Error {
  return Buffer.isBuffer(reply) ? replyNotJson(name, reply) : replyWrongShape(name, expected)
}

/** The reply, which must be a JSON object. */
export function anObject(name: string, reply: unknown): Json {
  if (Buffer.isBuffer(reply) || !isRecord(reply)) throw wrongReply(name, reply, 'an object')
  return reply
}

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member that may be missing or of any type, as an object to look further into. */
export function member(value: unknown, name: string): Json {
  const found = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
  return isRecord(found) ? found : {}
}

/** The text, or an empty one: of some objects, such as `{"toString":0}`, none can be made. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
