import type { Flavour } from './engine-flavour.ts'
import { isUp } from './container-store.ts'
import type { SimContainer } from './sim-container.ts'

const CPUS = 2
const MIB = 1024 * 1024

/** The answer of /stats at this moment. `oneShot`: without the sample before, as since API 1.41. */
export function statsDocument(container: SimContainer, flavour: Flavour, nowMs: number, oneShot: boolean): unknown {
  const base = { id: container.id, name: container.names[0] ?? '', num_procs: 0 }
  if (!isUp(container)) {
    const nothing = { cpu_usage: { total_usage: 0 }, throttling_data: {} }
    return { ...base, read: NEVER, preread: NEVER, cpu_stats: nothing, precpu_stats: nothing, memory_stats: {} }
  }
  const rate = container.live.state === 'running' ? container.processes.reduce((sum, p) => sum + p.cpuRate, 0) : 0
  const used = container.processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  return {
    ...base,
    read: new Date(nowMs).toISOString(),
    preread: oneShot ? NEVER : new Date(nowMs - 1000).toISOString(),
    pids_stats: { current: container.processes.length },
    cpu_stats: cpu(used, nowMs),
    precpu_stats: oneShot ? { cpu_usage: { total_usage: 0 } } : cpu(Math.max(0, used - rate), nowMs - 1000),
    memory_stats: { usage: 50 * MIB, limit: 1024 * MIB, stats: { inactive_file: 10 * MIB } },
    networks: { eth0: { rx_bytes: 1000, tx_bytes: 200 }, eth1: { rx_bytes: 30, tx_bytes: 4 } },
    blkio_stats: {
      io_service_bytes_recursive: [
        { major: 8, minor: 0, op: flavour.product === 'podman' ? 'Read' : 'read', value: 4096 },
        { major: 8, minor: 0, op: flavour.product === 'podman' ? 'Write' : 'write', value: 8192 },
      ],
    },
  }
}

const NEVER = '0001-01-01T00:00:00Z'

function cpu(usedSeconds: number, nowMs: number): unknown {
  return {
    cpu_usage: { total_usage: Math.round(usedSeconds * 1e9), usage_in_kernelmode: 0, usage_in_usermode: 0 },
    system_cpu_usage: nowMs * 1e6 * CPUS,
    online_cpus: CPUS,
  }
}
