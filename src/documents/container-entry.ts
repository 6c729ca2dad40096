import { cutText } from '../base/text.ts'
import { healthOf, normalStatus } from './container-state.ts'

/** A container has at most this many ports in the document: a published range can have thousands. */
const MAX_PORTS = 32
const ID_CHARS = 128
/** The longest way to write an IPv6 address. */
const IP_CHARS = 45
const TEXT_CHARS = 256
const IMAGE_CHARS = 512
const LABELS = ['com.docker.compose.project', 'com.docker.compose.service']

type Json = Readonly<Record<string, unknown>>

/** The part of one list entry that clients read, its members in the order in which they are published. */
export interface ContainerEntry {
  readonly id: string
  readonly container: string
  readonly names: string
  readonly image: string
  readonly command: string
  /** Unix seconds; 0 where the engine does not tell. */
  readonly created: number
  readonly status: string
  readonly state?: string
  readonly health?: string
  readonly ports: readonly Port[]
  /** How many ports were left out. */
  readonly ports_truncated?: number
  readonly labels?: Readonly<Record<string, string>>
}

interface Port {
  readonly IP?: string
  readonly PrivatePort?: number
  readonly PublicPort?: number
  readonly Type?: string
}

/** The lean entry of a container as the engine lists it, or undefined when it has no id. */
export function containerEntry(item: Json): ContainerEntry | undefined {
  const id = text(item.Id, ID_CHARS)
  if (id === '') return undefined
  const status = text(item.Status, TEXT_CHARS)
  const state = text(item.State, 32).toLowerCase()
  const health = healthOf(status, item.Health)
  const ports = portsOf(item.Ports)
  const labels = labelsOf(item.Labels)
  return {
    id,
    container: shortId(id),
    names: nameOf(item.Names),
    image: text(item.Image, IMAGE_CHARS),
    command: text(item.Command, TEXT_CHARS),
    created: count(item.Created) ?? 0,
    status: normalStatus(status, state),
    ...(state !== '' && { state }),
    ...(health !== undefined && { health }),
    ports: ports.slice(0, MAX_PORTS),
    ...(ports.length > MAX_PORTS && { ports_truncated: ports.length - MAX_PORTS }),
    ...(labels !== undefined && { labels }),
  }
}

/** What clients pass as a container's identity. */
export function shortId(id: string): string {
  return cutText(id, 10)
}

/** The name without its leading slash: the one with a single slash, since `/a/b` is a link's name; empty if none. */
export function nameOf(names: unknown): string {
  const all = Array.isArray(names) ? names.filter((name) => typeof name === 'string' && name !== '') : []
  const own = (all as string[]).find((name) => name.lastIndexOf('/') <= 0) ?? (all as string[])[0] ?? ''
  return cutText(own.startsWith('/') ? own.slice(1) : own, TEXT_CHARS)
}

/** Engines list ports in an order of their own that changes between two lists. */
function portsOf(ports: unknown): Port[] {
  const known: unknown[] = Array.isArray(ports) ? ports : []
  const objects = known.filter((port) => typeof port === 'object' && port !== null && !Array.isArray(port))
  return objects.map((port) => portOf(port as Json)).sort(byPort)
}

function portOf(port: Json): Port {
  const [ip, type] = [text(port.IP, IP_CHARS), text(port.Type, 16)]
  const [inside, outside] = [count(port.PrivatePort), count(port.PublicPort)]
  return {
    ...(ip !== '' && { IP: ip }),
    ...(inside !== undefined && { PrivatePort: inside }),
    ...(outside !== undefined && outside > 0 && { PublicPort: outside }),
    ...(type !== '' && { Type: type }),
  }
}

function byPort(a: Port, b: Port): number {
  return (
    (a.PrivatePort ?? 0) - (b.PrivatePort ?? 0) ||
    compareText(a.Type ?? '', b.Type ?? '') ||
    (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
    compareText(a.IP ?? '', b.IP ?? '')
  )
}

/** By code units: the same everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function labelsOf(labels: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof labels !== 'object' || labels === null) return undefined
  const known = LABELS.map((label) => [label, text((labels as Json)[label], TEXT_CHARS)] as const)
  const present = known.filter(([, value]) => value !== '')
  return present.length === 0 ? undefined : Object.fromEntries(present)
}

function text(value: unknown, maxChars: number): string {
  return typeof value === 'string' ? cutText(value, maxChars) : ''
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
