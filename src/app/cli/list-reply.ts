import type { ListedContainer, ListedPort, ListedVm } from '../../operations/list-document.ts'
import { isRecord, parsed, text } from './json-reply.ts'

/** What older monitors do not tell. */
const MORE = [
  ...(['kind', 'cause', 'cure', 'address', 'transport', 'socket', 'api_version'] as const),
  ...(['certificates_until', 'warning'] as const),
]
const STATES = ['connecting', 'monitored', 'failed'] as const

/** What list answered; anything that is not as it should be is left out. */
export function readList(json: string): ListedVm[] {
  const document = parsed(json)
  const vms: unknown[] = isRecord(document) && Array.isArray(document['vms']) ? document['vms'] : []
  return vms.filter(isRecord).map(vmOf)
}

type Json = Readonly<Record<string, unknown>>

function vmOf(vm: Json): ListedVm {
  const containers: unknown[] = Array.isArray(vm['containers']) ? vm['containers'] : []
  return {
    uuid: text(vm['uuid']),
    name: text(vm['name']),
    power_state: text(vm['power_state']),
    state: STATES.find((state) => state === vm['state']) ?? null,
    since: text(vm['since']) || null,
    status: text(vm['status']) || null,
    ...Object.fromEntries(MORE.map((name) => [name, text(vm[name]) || null])),
    engine: text(vm['engine']) || null,
    list_age_ms: typeof vm['list_age_ms'] === 'number' ? vm['list_age_ms'] : null,
    reconnects: number(vm['reconnects']),
    writes: number(vm['writes']),
    containers: containers.filter(isRecord).map(containerOf),
  }
}

function containerOf(entry: Json): ListedContainer {
  const ports: unknown[] = Array.isArray(entry['ports']) ? entry['ports'] : []
  return {
    id: text(entry['id']),
    container: text(entry['container']),
    names: text(entry['names']),
    image: text(entry['image']),
    command: text(entry['command']),
    status: text(entry['status']),
    state: text(entry['state']) || null,
    created: number(entry['created']),
    ports: ports.filter(isRecord).map(portOf),
  }
}

function portOf(port: Json): ListedPort {
  const members = (['IP', 'PrivatePort', 'PublicPort', 'Type'] as const).flatMap((key): [string, string][] => {
    const value = port[key]
    return typeof value === 'string' || typeof value === 'number' ? [[key, String(value)]] : []
  })
  return Object.fromEntries(members)
}

/** Texts of digits count too: documents that were XML once have no other numbers. */
function number(value: unknown): number {
  const found = typeof value === 'string' ? Number(value) : value
  return typeof found === 'number' && Number.isFinite(found) ? found : 0
}
