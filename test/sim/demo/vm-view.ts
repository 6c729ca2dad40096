import { XMLParser } from 'fast-xml-parser'
import { KEY } from '../../../src/model/fields.ts'
import type { VmRecord } from '../../../src/model/vm.ts'

export interface ProcessView {
  readonly command: string
  /** Percent of one CPU. */
  readonly cpu: number
}

export interface ContainerView {
  readonly name: string
  readonly status: string
  readonly ports: string
  readonly image: string
  /** The one that used most CPU since the last sample. */
  readonly busiest: ProcessView | undefined
}

/** What a client of XAPI can say of a VM from its record. */
export interface VmView {
  readonly name: string
  /** Name of its host; empty when it is on none. */
  readonly host: string
  /** `off`: nobody asked for it to be monitored; `waiting`: no daemon has said anything yet. */
  readonly state: 'monitored' | 'connecting' | 'failed' | 'waiting' | 'off'
  /** xscontainer-status as it is; empty when there is none. */
  readonly status: string
  /** Since when the state holds, milliseconds since the epoch; NaN when nobody says. */
  readonly sinceMs: number
  /** undefined when there is no docker_ps. */
  readonly containers: readonly ContainerView[] | undefined
  readonly hasTop: boolean
}

interface Port {
  readonly PrivatePort?: string
  readonly PublicPort?: string
  readonly Type?: string
}

interface Item<T> {
  readonly item?: readonly T[]
}

/** The parser of Xen Orchestra, with its item lists always as lists. */
const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === 'item' })

/** The host's name is not in the record: give it where it is known. */
export function vmView(vm: Pick<VmRecord, 'name' | 'otherConfig'>, host = ''): VmView {
  const { [KEY.status]: status = '', [KEY.ps]: ps, [KEY.top]: top } = vm.otherConfig
  const silent = vm.otherConfig[KEY.monitor] === 'True' ? 'waiting' : 'off'
  const [, word, since = ''] = /^(monitored|connecting|failed) since (\S+?):?(?: |$)/.exec(status) ?? []
  return {
    name: vm.name,
    host,
    state: (word as VmView['state'] | undefined) ?? silent,
    status,
    sinceMs: Date.parse(since),
    containers: ps === undefined ? undefined : readContainers(ps, top === undefined ? new Map() : readBusiest(top)),
    hasTop: top !== undefined,
  }
}

/** Cause and cure of a failed VM, as the status line has them. */
export function causeOf({ status }: Pick<VmView, 'status'>): string {
  return status.replace(/^\S+ since \S+ ?/, '')
}

function readContainers(xml: string, busiest: ReadonlyMap<string, ProcessView>): ContainerView[] {
  const document = parser.parse(xml) as { docker_ps: Item<{ entry: Record<string, unknown> }> | '' }
  const entries = (document.docker_ps === '' ? [] : (document.docker_ps.item ?? [])).map(({ entry }) => entry)
  return entries
    .map((entry) => ({
      name: text(entry['names']),
      status: text(entry['status']),
      image: text(entry['image']),
      ports: portsText((entry['ports'] as Item<Port> | undefined)?.item ?? []),
      busiest: busiest.get(text(entry['container'])),
    }))
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** By the short id of the container: the process with the highest CPU share, by CPU time where they are equal. */
function readBusiest(xml: string): Map<string, ProcessView> {
  type Row = { Process: Record<string, string> }
  const document = parser.parse(xml) as { docker_top: Item<{ container: string; processes: Item<Row> | '' }> | '' }
  const items = document.docker_top === '' ? [] : (document.docker_top.item ?? [])
  return new Map(
    items.flatMap(({ container, processes }) => {
      const rows = processes === '' ? [] : (processes.item ?? []).map(({ Process }) => Process)
      const [first] = rows.toSorted(
        (a, b) => Number(b['CPU']) - Number(a['CPU']) || text(b['TIME']).localeCompare(text(a['TIME'])),
      )
      return first === undefined ? [] : [[container, { command: text(first['CMD']), cpu: Number(first['CPU']) }]]
    }),
  )
}

/** As given to `docker run -p`: `8080:80`, `443` where both are the same; `6379/tcp` where it is not published. */
function portsText(ports: readonly Port[]): string {
  const texts = ports.map(({ PrivatePort = '?', PublicPort, Type = 'tcp' }) => {
    if (PublicPort === undefined) return `${PrivatePort}/${Type}`
    return PublicPort === PrivatePort ? PublicPort : `${PublicPort}:${PrivatePort}`
  })
  return [...new Set(texts)].join(',')
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
