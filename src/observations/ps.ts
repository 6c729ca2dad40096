import { ConnectionLostError } from '../engine/errors.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineEvent } from '../engine/event-stream.ts'
import { KEY } from '../model/fields.ts'
import { compareText, containerEntry, type ContainerEntry } from '../documents/container-entry.ts'
import type { Observation } from './observation.ts'
import { XmlPage } from '../documents/xml.ts'

/** More entries than fit into any document that XAPI takes (300 KB) are not kept. */
const MAX_ENTRIES = 2_048
/** As JSON. More does not fit into any document, and hundreds of guests may have lists of this length. */
const MAX_ENTRIES_CHARS = 600_000
/** A list of a million containers must not hold up other guests: beyond these, containers are only counted. */
const MAX_LOOKED_AT = 20_000

/** Of so many containers that changed the engine is asked for them alone. */
const MOST_ALONE = 4
/** Engines take parts of ids and, some, patterns: only whole ones stand for one container. */
const FULL_ID = /^[0-9a-f]{64}$/

/** The containers of one guest. */
export interface ContainerList {
  /** Newest first; where there are very many, the running ones are kept before others. */
  readonly entries: readonly ContainerEntry[]
  /** How many containers the engine listed. */
  readonly total: number
}

/** Actions of containers after which the list looks different. Left out: exec_*, top, attach, resize, copy, .. */
const CONTAINER_ACTIONS: ReadonlySet<string> = new Set([
  'create',
  'start',
  'restart',
  'die',
  'stop',
  'kill',
  'oom',
  'pause',
  'unpause',
  'rename',
  'update',
  'destroy',
  'health_status',
  // Podman's
  'init',
  'cleanup',
  'remove',
  'restore',
])

/** A tag that moves changes what the list calls the image of older containers. */
const IMAGE_ACTIONS: ReadonlySet<string> = new Set(['tag', 'untag', 'delete', 'pull', 'load', 'import'])

export const ps: Observation<ContainerList> = {
  key: KEY.ps,
  cadence: 'resync',
  minGapMs: 0,

  dueAfter({ type, action }: EngineEvent): boolean {
    return type === 'image' ? IMAGE_ACTIONS.has(action) : isContainer(type) && CONTAINER_ACTIONS.has(action)
  },

  shows(list, { type, action, id, exitCode }) {
    if (!isContainer(type)) return undefined
    const entry = list.entries.find((each) => each.id === id)
    const up = entry !== undefined && isUp(entry)
    const paused = entry?.status.includes('(Paused)') === true
    switch (action) {
      case 'create':
        return entry !== undefined
      case 'start':
      case 'restart':
      case 'unpause':
        return up && !paused
      case 'pause':
        return paused
      case 'die':
      case 'stop':
        return entry === undefined || hasEnded(entry, exitCode)
      case 'destroy':
      case 'remove':
        return entry === undefined
      case 'kill':
      case 'oom':
        return true // 'die' follows if it ended the container
      default:
        return undefined
    }
  },

  async observe(engine, { previous, told }, signal) {
    return (
      (previous && told && (await changedOnly(engine, previous, told, signal))) ?? readList(await engine.list(signal))
    )
  },

  /** Paused ones too: they have processes. */
  runningIn(list) {
    return new Map(list.entries.filter(isUp).map(({ id, names }) => [id, names]))
  },

  encode(list, budgetBytes) {
    const page = new XmlPage(KEY.ps, budgetBytes)
    const fitting: { entry: ContainerEntry; xml: string }[] = []
    for (const entry of list.entries.toSorted(byImportance)) {
      const xml = page.element('item', { entry })
      if (xml === undefined) break
      fitting.push({ entry, xml })
    }
    fitting.sort((a, b) => byAge(a.entry, b.entry))
    return page.document(
      fitting.map(({ xml }) => xml),
      list.total - fitting.length,
    )
  },
}

/** The engine's list in the canonical order, without entries that have no id. */
export function readList(items: readonly Readonly<Record<string, unknown>>[]): ContainerList {
  const entries: ContainerEntry[] = []
  for (const item of items.slice(0, MAX_LOOKED_AT)) {
    const entry = containerEntry(item)
    if (entry !== undefined) entries.push(entry)
  }
  return listOf(entries, Math.max(items.length - MAX_LOOKED_AT, 0))
}

/**
 * The list before with these containers as they are now; undefined where that cannot be told without asking for all.
 * An engine that knows no such question, or answers it in its own way, is asked for all as well.
 */
async function changedOnly(
  engine: Engine,
  list: ContainerList,
  told: readonly EngineEvent[],
  signal: AbortSignal,
): Promise<ContainerList | undefined> {
  const ids = new Set(told.map(({ id }) => id))
  const few = ids.size > 0 && ids.size <= MOST_ALONE
  if (!few || list.total > list.entries.length || !told.every(staysAlone)) return undefined
  const items = await engine.list(signal, [...ids]).catch((error: unknown) => {
    if (signal.aborted || error instanceof ConnectionLostError) throw error
    return []
  })
  const asked = items.filter(({ Id }) => typeof Id === 'string' && ids.has(Id)).slice(0, MOST_ALONE)
  const found = asked.flatMap((item) => containerEntry(item) ?? [])
  if (found.length !== ids.size) return undefined
  return listOf([...list.entries.filter(({ id }) => !ids.has(id)), ...found], 0)
}

/** Whether this changes one container that is still there, and nothing that the list says of others. */
function staysAlone({ type, action, id }: EngineEvent): boolean {
  return isContainer(type) && FULL_ID.test(id) && action !== 'destroy' && action !== 'remove'
}

function listOf(entries: ContainerEntry[], more: number): ContainerList {
  const total = entries.length + more
  return { entries: kept(entries.sort(byImportance)).sort(byAge), total }
}

/** The first of them that are worth keeping for each guest of a host. */
function kept(entries: readonly ContainerEntry[]): ContainerEntry[] {
  let room = MAX_ENTRIES_CHARS
  const first = entries.slice(0, MAX_ENTRIES)
  const end = first.findIndex((entry) => (room -= JSON.stringify(entry).length) < 0)
  return end < 0 ? first : first.slice(0, end)
}

export function isContainer(type: string): boolean {
  return type === 'container' || type === ''
}

function isUp({ status }: ContainerEntry): boolean {
  return status.startsWith('Up')
}

/** One that ended at once is listed as created, or with its end before, until Docker's list has caught up. */
function hasEnded(entry: ContainerEntry, exitCode: string | undefined): boolean {
  const { status } = entry
  if (exitCode !== undefined && /\(-?\d+\)/.test(status)) return status.includes(`(${exitCode})`)
  return !isUp(entry) && status !== 'Created'
}

/** What must not be lost from a list that is too long comes first. */
function byImportance(a: ContainerEntry, b: ContainerEntry): number {
  return Number(isUp(b)) - Number(isUp(a)) || byAge(a, b)
}

function byAge(a: ContainerEntry, b: ContainerEntry): number {
  return b.created - a.created || compareText(a.id, b.id)
}
