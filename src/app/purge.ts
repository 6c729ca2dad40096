import { KEY, LIVE_KEYS } from '../model/fields.ts'
import { POOL_KEY } from '../model/pool.ts'
import { XapiMessages } from '../xapi/messages.ts'
import { XapiSecrets } from '../xapi/secrets.ts'
import type { XapiSession } from '../xapi/session.ts'
import { VmFields } from '../xapi/vm-fields.ts'
import { fieldsOf } from '../xapi/vm-record.ts'
import { isRecord } from '../xapi/wire.ts'
import { CERTIFICATE_TITLE } from './tls/certificate-warnings.ts'
import { destroyUnnamed } from './tls/vm-secrets.ts'

type Session = Pick<XapiSession, 'call' | 'burst'>
interface OwnVm {
  readonly ref: string
  readonly uuid: string
  readonly residentOn: string
  readonly config: Readonly<Record<string, string>>
}

const MESSAGES = ['Container Management cannot monitor VM', CERTIFICATE_TITLE]
/** What stands for the present state, and is wrong when nobody monitors. */
const PUBLISHED: readonly string[] = [...LIVE_KEYS, KEY.status, KEY.updated]
const VM_KEYS: readonly string[] = Object.values(KEY)
const SECRET_KEYS = [POOL_KEY.privateKey, POOL_KEY.publicKey, POOL_KEY.nextKey, POOL_KEY.previousKey]
const NOWHERE = 'OpaqueRef:NULL'

/** How much was taken out of XAPI. */
export interface Purged {
  readonly vms: number
  readonly secrets: number
}

/** Takes away what a monitor has published of VMs that run on this host, or nowhere, and the messages about them. */
export async function purgePublished(session: Session, myHost: string, signal: AbortSignal): Promise<Purged> {
  const vms = (await ownVms(session, signal)).filter(({ residentOn }) => [myHost, NOWHERE, ''].includes(residentOn))
  return { vms: await strip(session, vms, PUBLISHED, signal), secrets: 0 }
}

/** Takes away all that this product keeps in the pool: keys of VMs, snapshots and templates, keys of the pool, secrets. */
export async function purgeAll(session: Session, signal: AbortSignal): Promise<Purged> {
  const secrets = new XapiSecrets(session)
  const vms = await ownVms(session, signal)
  const tls = vms.flatMap(({ config }) => [config[KEY.tlsCertificate], config[KEY.tlsKey], config[KEY.tlsCa]])
  const labelled = (await secrets.labelled(signal)).map(({ uuid }) => uuid)
  const stripped = await strip(session, vms, VM_KEYS, signal)
  const poolConfig = await secrets.poolConfig(signal)
  const keys = SECRET_KEYS.flatMap((key) => poolConfig[key] ?? [])
  for (const key of Object.values(POOL_KEY)) if (poolConfig[key] !== undefined) await secrets.drop(key, signal)
  for (const uuid of keys) await secrets.destroy(uuid, signal)
  const named = [...labelled, ...tls.flatMap((uuid) => uuid ?? [])].filter((uuid) => !keys.includes(uuid))
  const destroyed = await destroyUnnamed(session, secrets, named, signal)
  return { vms: stripped, secrets: keys.length + destroyed.length }
}

/** VMs, snapshots and templates that have a key of ours. */
async function ownVms(session: Session, signal: AbortSignal): Promise<OwnVm[]> {
  const records = await session.call('VM.get_all_records', [], signal)
  if (!isRecord(records)) return []
  return Object.entries(records).flatMap(([ref, record]) => {
    if (!isRecord(record)) return []
    const config = fieldsOf(record['other_config'], (key) => VM_KEYS.includes(key))
    if (Object.keys(config).length === 0) return []
    return [{ ref, uuid: String(record['uuid']), residentOn: String(record['resident_on']), config }]
  })
}

/** How many of them had any of these keys. */
async function strip(
  session: Session,
  vms: readonly OwnVm[],
  keys: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const [fields, messages] = [new VmFields(session), new XapiMessages(session)]
  let stripped = 0
  for (const { ref, uuid, config } of vms) {
    const there = keys.filter((key) => config[key] !== undefined)
    if (there.length > 0) stripped++
    // The monitor's mark goes first: whoever monitors lets go of the VM and writes no more.
    there.sort((a, b) => Number(b === KEY.monitor) - Number(a === KEY.monitor))
    const writes = there.map((key) => ({ key, value: undefined, replaces: true }))
    await fields.apply(ref, writes, signal)
    for (const title of MESSAGES) {
      for (const message of await messages.find(uuid, title, signal)) await messages.destroy(message, signal)
    }
  }
  return stripped
}
