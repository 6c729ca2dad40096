import type { Argument, CallContext, Method, Methods, World } from './call-context.ts'
import type { DataModel, MethodDef } from './data-model.ts'
import { genericMethod } from './generic-methods.ts'
import { stringReply, type Reply } from './reply.ts'
import type { SimHost } from './sim-host.ts'
import { toValue, type WireValue } from './wire-value.ts'
import type { Call } from './xmlrpc-request.ts'
import { internalError, sessionInvalid, XapiError } from './xapi-error.ts'

/** Classes of which no method can be called as Async. */
const NEVER_ASYNC: ReadonlySet<string> = new Set(['session', 'task', 'event'])

/** A call that has passed all checks, and what it is going to do. */
export interface Dispatched {
  readonly method: MethodDef
  readonly args: readonly Argument[]
  run(): Promise<Reply>
}

/** Finds the method of a call and checks it in XAPI's order: method, number of parameters, types, session. */
export class Dispatcher {
  /** What a test has put before the work of methods: it may wait, or throw an XapiError in the method's place. */
  readonly before = new Map<string, () => void | Promise<void>>()
  private readonly model: DataModel
  private readonly world: World
  private readonly special: Methods

  constructor(model: DataModel, world: World, special: Methods) {
    this.model = model
    this.world = world
    this.special = special
  }

  /** Throws an XapiError when the call does not pass. */
  dispatch(call: Call, host: SimHost, format: 'xml' | 'json'): Dispatched {
    const isAsync = call.method.startsWith('Async.')
    const method = this.model.method(isAsync ? call.method.slice('Async.'.length) : call.method)
    if (method === undefined || (isAsync && !canBeAsync(method))) throw this.unknown(call)
    const args = argumentsOf(method, call.params)
    const session = method.needsSession ? sessionOf(call.params[0]) : ''
    if (method.needsSession) this.world.sessions.check(session)
    const context: CallContext = { world: this.world, method, host, session, format }
    const work = async () => {
      await this.before.get(method.fullName)?.()
      return this.find(method)(context, args)
    }
    const isVoid = method.result.kind === 'void'
    const run = isAsync
      ? async () => stringReply(this.world.tasks.start(call.method, host.ref, isVoid, work).ref)
      : work
    return { method, args, run }
  }

  private find(method: MethodDef): Method {
    const found = this.special[method.fullName] ?? genericMethod(method)
    if (found === undefined) throw new XapiError('NOT_IMPLEMENTED', method.fullName)
    return found
  }

  /** Even for a method that does not exist the session is looked at first. */
  private unknown(call: Call): XapiError {
    const [session] = call.params
    if (typeof session === 'string' && !this.world.sessions.exists(session)) return sessionInvalid(session)
    return new XapiError('MESSAGE_METHOD_UNKNOWN', call.method)
  }
}

/** Getters and the generated setters are not; constructors, destructors and everything hand-written are. */
function canBeAsync(method: MethodDef): boolean {
  if (NEVER_ASYNC.has(method.cls.name)) return false
  return !method.implicit || method.name === 'create' || method.name === 'destroy'
}

function sessionOf(wire: WireValue | undefined): string {
  if (typeof wire !== 'string') throw internalError('Rpc.Runtime_error: expecting a session ref')
  return wire
}

function argumentsOf(method: MethodDef, params: readonly WireValue[]): Argument[] {
  const given = method.needsSession ? params.slice(1) : params
  const most = method.params.length
  const tooFew = given.length < most - method.optional || (method.needsSession && params.length === 0)
  if (tooFew || given.length > most) {
    throw new XapiError('MESSAGE_PARAMETER_COUNT_MISMATCH', method.fullName, String(most), String(given.length))
  }
  return given.map((wire, i) => argumentOf(wire, method, i))
}

/** A constructor's struct is taken apart by the constructor itself. */
function argumentOf(wire: WireValue, method: MethodDef, index: number): Argument {
  const type = method.params[index]?.type
  if (type === undefined) throw new Error('no such parameter')
  return type.kind === 'record' ? (wire as Argument) : toValue(wire, type)
}
