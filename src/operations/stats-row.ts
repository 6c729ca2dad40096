import type { Json } from '../engine/replies.ts'
import { isRecord, member, text } from '../engine/replies.ts'

/** What a container uses; null where the engine does not tell, or the container does not run. */
export interface StatsRow {
  /** Full id. */
  readonly id: string
  readonly name: string
  /** Percent of one CPU, one decimal. */
  readonly cpu_percent: number | null
  /** Bytes, without what the kernel can give back at any time. */
  readonly memory_used: number | null
  readonly memory_limit: number | null
  /** Bytes since the container started, over all its networks. */
  readonly network_rx: number | null
  readonly network_tx: number | null
  /** Bytes since the container started. */
  readonly block_read: number | null
  readonly block_write: number | null
  readonly processes: number | null
}

/** The row of one sample; the CPU's share since `before`, or since what the engine itself remembers. */
export function statsRow(id: string, name: string, sample: Json, before?: Json): StatsRow {
  const [read, write] = blockBytes(sample)
  return {
    id,
    name,
    cpu_percent: cpuPercent(sample, before ?? remembered(sample)),
    memory_used: memoryUsed(member(sample, 'memory_stats')),
    memory_limit: positive(member(sample, 'memory_stats').limit),
    network_rx: networkBytes(sample, 'rx_bytes'),
    network_tx: networkBytes(sample, 'tx_bytes'),
    block_read: read,
    block_write: write,
    processes: positive(member(sample, 'pids_stats').current),
  }
}

/** Whether the engine took two samples itself, so that one is enough. */
export function hasOwnPast(sample: Json): boolean {
  return cpuPercent(sample, remembered(sample)) !== null
}

function remembered(sample: Json): Json {
  return { cpu_stats: sample.precpu_stats, read: sample.preread }
}

/** As `docker stats` does: by the machine's CPU time where the engine tells it, else (Windows) by the clock. */
function cpuPercent(now: Json, before: Json): number | null {
  const [cpu, old] = [member(now, 'cpu_stats'), member(before, 'cpu_stats')]
  const used = difference(member(cpu, 'cpu_usage').total_usage, member(old, 'cpu_usage').total_usage)
  const system = positive(old.system_cpu_usage) && difference(cpu.system_cpu_usage, old.system_cpu_usage)
  if (used === null) return null
  if (system !== null && system > 0) return rounded((used / system) * cpus(cpu) * 100)
  const [from, to] = [Date.parse(text(before.read)), Date.parse(text(now.read))]
  if (!(from > 0 && to > from)) return null
  const windows = isRecord(now.storage_stats) && typeof now.num_procs === 'number' && now.num_procs > 0
  return rounded((used / ((to - from) * (windows ? 10_000 : 1_000_000))) * 100)
}

/** `online_cpus` since API 1.27, before only the list of all. */
function cpus(cpu: Json): number {
  const each = member(cpu, 'cpu_usage').percpu_usage
  return positive(cpu.online_cpus) || (Array.isArray(each) ? each.length : 0) || 1
}

/** cgroup v1 tells `total_inactive_file`, v2 `inactive_file`, Windows a private working set. */
function memoryUsed(memory: Json): number | null {
  const usage = positive(memory.usage)
  if (usage === null) return positive(memory.privateworkingset)
  const stats = member(memory, 'stats')
  const cache = positive(stats.total_inactive_file) ?? positive(stats.inactive_file) ?? 0
  return cache < usage ? usage - cache : usage
}

function networkBytes(sample: Json, field: 'rx_bytes' | 'tx_bytes'): number | null {
  const networks = Object.values(member(sample, 'networks')).filter(isRecord)
  return networks.length === 0 ? null : networks.reduce((sum, each) => sum + (positive(each[field]) ?? 0), 0)
}

function blockBytes(sample: Json): [read: number | null, write: number | null] {
  const storage = member(sample, 'storage_stats')
  if (positive(storage.read_size_bytes) !== null) {
    return [positive(storage.read_size_bytes), positive(storage.write_size_bytes)]
  }
  const list = member(sample, 'blkio_stats').io_service_bytes_recursive
  if (!Array.isArray(list)) return [null, null]
  const sum = (op: string) =>
    list
      .filter(isRecord)
      .filter((entry) => text(entry.op).toLowerCase() === op)
      .reduce((total, entry) => total + (positive(entry.value) ?? 0), 0)
  return [sum('read'), sum('write')]
}

function difference(now: unknown, before: unknown): number | null {
  const [b, a] = [positive(now), positive(before)]
  return a === null || b === null || b < a ? null : b - a
}

/** The number if it is one that can be: neither negative nor endless. */
function positive(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}

function rounded(percent: number): number {
  return Math.round(Math.min(percent, 1_000_000) * 10) / 10
}
