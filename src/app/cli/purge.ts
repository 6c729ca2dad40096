import { purgeAll, purgePublished } from '../purge.ts'
import { findThisHost } from '../this-host.ts'
import type { CliContext } from './context.ts'
import { LineReader } from './line-reader.ts'
import { EXIT, type Verb } from './verb.ts'

const PLAN = `This removes from the pool: the keys of xscontainer in the other-config of all VMs, snapshots and templates and
of the pool, the pool's SSH key and the certificates of VMs in XAPI's secrets, and messages about monitoring.
Guests keep the line in authorized_keys; config drives and templates stay. It cannot be undone.
`

/** Takes what xscontainer keeps in XAPI away, all of it or what is published. */
export const purge: Verb = async (context, { options }) => {
  if (options['published'] === true) return published(context)
  if (options['yes'] !== true && !(await agreed(context))) {
    context.io.err('xscontainer: nothing was changed\n')
    return EXIT.failed
  }
  const { vms, secrets } = await purgeAll(await context.session(), context.signal)
  context.io.out(`removed the keys of ${vms} VMs and ${secrets} secrets\n`)
  return EXIT.done
}

async function published(context: CliContext): Promise<number> {
  const [session, { xapi }] = await Promise.all([context.session(), context.config()])
  const me = await findThisHost(session, xapi.inventory, context.signal)
  const { vms } = await purgePublished(session, me, context.signal)
  context.io.out(`removed what was published of ${vms} VMs\n`)
  return EXIT.done
}

async function agreed({ io, signal }: CliContext): Promise<boolean> {
  io.out(PLAN)
  const answer = await new LineReader(io).ask('Go on? [y/N] ', true, signal)
  return /^y(es)?$/i.test(answer?.trim() ?? '')
}
