import { cleanForTerminal } from '../../base/text.ts'
import type { ListedVm } from '../../operations/list-document.ts'
import type { Stats } from './stats-reply.ts'
import { bytes, table } from './table.ts'

export type SortKey = 'cpu' | 'memory' | 'name' | 'vm'

/** What is on the screen. */
export interface WatchState {
  readonly vms: readonly ListedVm[]
  /** By VM uuid; a VM that has not been asked yet is not in it. */
  readonly stats: ReadonlyMap<string, readonly Stats[]>
  readonly sort: SortKey
  readonly reversed: boolean
}

interface Use {
  readonly name: string
  readonly vm: string
  readonly cpu: number | null
  readonly memory: number | null
}

interface ContainerUse extends Use {
  readonly container: string
  readonly image: string
  readonly status: string
}

interface VmUse extends Use {
  readonly running: number
  readonly all: number
  readonly status: string
}

/** The VMs and their running containers as two tables, in the order that is wanted. */
export function watchTables(state: WatchState): { readonly vms: string; readonly containers: string } {
  const vms = state.vms.map((vm) => vmUse(vm, state.stats.get(vm.uuid) ?? []))
  const containers = state.vms.flatMap((vm) => containersOf(vm, state.stats.get(vm.uuid) ?? []))
  return {
    vms: table(
      ['VM', 'CPU %', 'MEMORY', 'CONTAINERS', 'STATUS'],
      sorted(vms, state).map((vm) => [
        vm.name,
        percent(vm.cpu),
        bytes(vm.memory, 1024),
        `${vm.running}/${vm.all}`,
        vm.status,
      ]),
    ),
    containers: table(
      ['CONTAINER ID', 'VM', 'NAME', 'CPU %', 'MEMORY', 'STATUS', 'IMAGE'],
      sorted(containers, state).map((one) => [
        one.container,
        one.vm,
        one.name,
        percent(one.cpu),
        bytes(one.memory, 1024),
        one.status,
        one.image,
      ]),
    ),
  }
}

/** The lines of a screen of this size: a head, the VMs in a third of it at most, the containers, and the keys. */
export function watchScreen(state: WatchState, { columns, rows }: { columns: number; rows: number }): string[] {
  const { vms, containers } = watchTables(state)
  const room = Math.max(rows - 4, 2)
  const upper = vms.trimEnd().split('\n')
  const lower = containers.trimEnd().split('\n')
  const forVms = Math.min(upper.length, Math.max(Math.floor(room / 3), room - lower.length))
  const lines = [
    `${state.vms.length} VMs, ${lower.length - 1} running containers, by ${state.sort}${state.reversed ? ', the other way round' : ''}`,
    ...upper.slice(0, forVms),
    '',
    ...lower.slice(0, room - forVms),
    '',
    'c CPU  m memory  n name  v VM  r reverse  q quit',
  ]
  return lines.slice(0, rows).map((line) => [...line].slice(0, columns).join(''))
}

function vmUse(vm: ListedVm, stats: readonly Stats[]): VmUse {
  const status = cleanForTerminal(vm.status ?? vm.power_state)
  return {
    name: vm.name,
    vm: vm.name,
    cpu: sum(stats.map(({ cpu_percent }) => cpu_percent)),
    memory: sum(stats.map(({ memory_used }) => memory_used)),
    running: vm.containers.filter(isUp).length,
    all: vm.containers.length,
    status,
  }
}

function containersOf(vm: ListedVm, stats: readonly Stats[]): ContainerUse[] {
  const known = new Map(stats.map((row) => [row.id, row]))
  return vm.containers.filter(isUp).map(({ id, container, names, image, status }) => {
    const row = known.get(id)
    return {
      container,
      name: names,
      vm: vm.name,
      image,
      status,
      cpu: row?.cpu_percent ?? null,
      memory: row?.memory_used ?? null,
    }
  })
}

function isUp({ status }: { readonly status: string }): boolean {
  return status.startsWith('Up')
}

/** Of what is known; null when nothing is. */
function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0)
}

/** Figures the largest first, names from A on; what is not known is last. */
function sorted<T extends Use>(uses: readonly T[], { sort, reversed }: WatchState): T[] {
  const by = (a: T, b: T) => a.vm.localeCompare(b.vm) || a.name.localeCompare(b.name)
  const orders: Record<SortKey, (a: T, b: T) => number> = {
    cpu: (a, b) => (b.cpu ?? -1) - (a.cpu ?? -1) || by(a, b),
    memory: (a, b) => (b.memory ?? -1) - (a.memory ?? -1) || by(a, b),
    name: (a, b) => a.name.localeCompare(b.name) || by(a, b),
    vm: by,
  }
  const list = [...uses].sort(orders[sort])
  return reversed ? list.reverse() : list
}

function percent(value: number | null): string {
  return value === null ? '--' : value.toFixed(1)
}
