import { ensurePoolKey } from '../../provision/pool-key.ts'
import { readPoolKeys } from '../../provision/rotation.ts'
import { parsePrivateKey } from '../../transports/ssh/ssh-key.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import { keyPrint } from '../keys/key-marks.ts'
import { pendingVms, type PendingVm } from '../keys/rotate-pool-key.ts'
import type { CommandLine } from './command-line.ts'
import type { CliContext } from './context.ts'
import { keyTools } from './key-tools.ts'
import { pendingText } from './pending-text.ts'
import { jsonText } from './table.ts'
import { EXIT, type Verb } from './verb.ts'

/** What there is to know of the pool's key and its change. */
export interface KeyStatus {
  readonly key: string
  readonly next: string | null
  readonly previous: string | null
  readonly pending: readonly PendingVm[]
}

/** The pool's SSH key: shows it, tells how its change stands, or changes it. */
export const key: Verb = async (context, line) => {
  const [action = ''] = line.args
  if (action === 'show') return show(context, line)
  if (action === 'status') return status(context, line)
  if (action === 'rotate') return (await import('./key-rotate.ts')).rotate(context, line)
  throw new Error(`there is no key ${JSON.stringify(action)}, but show, status and rotate`)
}

async function show(context: CliContext, { options }: CommandLine): Promise<number> {
  const { signal, io } = context
  const store = new XapiSecrets(await context.session())
  const pem = await ensurePoolKey(store, keyTools(context), signal)
  const next = options['next'] === true ? (await readPoolKeys(store, signal))?.next : undefined
  if (options['next'] === true && next === undefined) {
    context.note('there is no next key: the key of this pool is not being changed')
    return EXIT.failed
  }
  const { publicLine } = parsePrivateKey(next ?? pem)
  const facts = { public_key: publicLine, fingerprint: keyPrint({ publicLine }) }
  io.out(options['json'] === true ? jsonText(facts) : `${publicLine}\n`)
  return EXIT.done
}

async function status(context: CliContext, { options }: CommandLine): Promise<number> {
  const state = await readStatus(context)
  if (options['json'] === true) context.io.out(jsonText(state))
  else context.io.out(statusText(state))
  return EXIT.done
}

async function readStatus(context: CliContext): Promise<KeyStatus | undefined> {
  const store = new XapiSecrets(await context.session())
  const keys = await readPoolKeys(store, context.signal)
  if (keys === undefined) return undefined
  const print = (pem: string | undefined) => (pem === undefined ? null : keyPrint(parsePrivateKey(pem)))
  const [current, next, previous] = [print(keys.current)!, print(keys.next), print(keys.previous)]
  const changing = next !== null || previous !== null
  return { key: current, next, previous, pending: changing ? pendingVms(await context.vms(), next ?? current) : [] }
}

function statusText(state: KeyStatus | undefined): string {
  if (state === undefined) return 'This pool has no SSH key yet. Have one made: xscontainer key show\n'
  const { key, next, previous, pending } = state
  const lines = [
    `The key of this pool is ${key}`,
    ...(next === null ? [] : [`It is to be replaced by ${next}: xscontainer key rotate goes on with that`]),
    ...(previous === null ? [] : [`It has replaced ${previous}, which some guests may still need`]),
    ...(next === null && previous === null ? ['It is not being changed'] : []),
  ]
  return `${lines.join('\n')}\n${pendingText(pending)}`
}
