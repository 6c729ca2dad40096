import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/engine/replies.ts'
import { hasOwnPast, statsRow } from '../../src/operations/stats-row.ts'

const cpu = (used: number, system: number | undefined, more: Json = { online_cpus: 2 }) => ({
  cpu_usage: { total_usage: used },
  ...(system !== undefined && { system_cpu_usage: system }),
  ...more,
})
const row = (sample: Json, before?: Json) => statsRow('id', 'name', sample, before)

describe('CPU percent', () => {
  it.each([
    ['half of one of two CPUs', { cpu_stats: cpu(600, 3000), precpu_stats: cpu(100, 1000) }, 50],
    ['two whole CPUs', { cpu_stats: cpu(2000, 2000), precpu_stats: cpu(0, 0) }, null],
    ['nothing', { cpu_stats: cpu(100, 2000), precpu_stats: cpu(100, 1000) }, 0],
    [
      'CPUs counted one by one, before API 1.27',
      {
        cpu_stats: { ...cpu(600, 3000, {}), cpu_usage: { total_usage: 600, percpu_usage: [1, 2, 3, 4] } },
        precpu_stats: cpu(100, 1000),
      },
      100,
    ],
    ['a time that went back', { cpu_stats: cpu(1, 3000), precpu_stats: cpu(100, 1000) }, null],
    [
      'no time of the machine',
      {
        cpu_stats: cpu(500_000_000, undefined),
        precpu_stats: cpu(0, undefined),
        read: '2026-01-01T00:00:01Z',
        preread: '2026-01-01T00:00:00Z',
      },
      50,
    ],
    [
      'Windows, in steps of 100 ns',
      {
        ...{ cpu_stats: cpu(5_000_000, undefined), precpu_stats: cpu(0, undefined), num_procs: 2, storage_stats: {} },
        ...{ read: '2026-01-01T00:00:01.0000000Z', preread: '2026-01-01T00:00:00Z' },
      },
      50,
    ],
    [
      'one sample only',
      { cpu_stats: cpu(600, 3000), precpu_stats: cpu(0, undefined), preread: '0001-01-01T00:00:00Z' },
      null,
    ],
    ['texts', { cpu_stats: { cpu_usage: { total_usage: '600' } }, precpu_stats: cpu(1, 1) }, null],
    ['lists', { cpu_stats: [], precpu_stats: [] }, null],
    ['nothing at all', {}, null],
  ])('of %s', (_name, sample, percent) => {
    expect(row(sample).cpu_percent).toBe(percent)
    expect(hasOwnPast(sample)).toBe(percent !== null)
  })

  it('is taken from two samples where each has only itself', () => {
    const [first, second] = [{ cpu_stats: cpu(100, 1000) }, { cpu_stats: cpu(225, 2000) }]
    expect(row(second, first).cpu_percent).toBe(25)
  })

  it('is rounded to one decimal', () => {
    expect(row({ cpu_stats: cpu(1001, 4000, { online_cpus: 1 }), precpu_stats: cpu(1, 1000) }).cpu_percent).toBe(33.3)
  })
})

describe('memory', () => {
  it.each([
    ['cgroup v1', { usage: 100, limit: 500, stats: { total_inactive_file: 30, inactive_file: 10 } }, 70],
    ['cgroup v2', { usage: 100, limit: 500, stats: { inactive_file: 10 } }, 90],
    ['more cache than use', { usage: 100, limit: 500, stats: { inactive_file: 100 } }, 100],
    ['Podman', { usage: 100, limit: 500, stats: null }, 100],
    ['Windows', { commitbytes: 9, privateworkingset: 7 }, 7],
    ['one that does not run', {}, null],
    ['a negative use', { usage: -1 }, null],
  ])('of %s', (_name, memory, used) => expect(row({ memory_stats: memory }).memory_used).toBe(used))
})

describe('network, disk and processes', () => {
  it('are added up over networks and disks', () => {
    const sample = {
      networks: { eth0: { rx_bytes: 1, tx_bytes: 20 }, eth1: { rx_bytes: 3, tx_bytes: 'x' }, eth2: null },
      blkio_stats: {
        io_service_bytes_recursive: [
          ...[
            { op: 'Read', value: 1 },
            { op: 'read', value: 2 },
            { op: 'WRITE', value: 8 },
            { op: 'Total', value: 99 },
          ],
          ...[null, 7, { op: 'read', value: -4 }],
        ],
      },
      pids_stats: { current: 5 },
    }
    expect(row(sample)).toMatchObject({ network_rx: 4, network_tx: 20, block_read: 3, block_write: 8, processes: 5 })
  })

  it('are those of Windows', () => {
    const sample = { storage_stats: { read_size_bytes: 5, write_size_bytes: 6 }, num_procs: 4 }
    expect(row(sample)).toMatchObject({ block_read: 5, block_write: 6, processes: null })
  })

  it.each([
    {},
    { networks: [], blkio_stats: { io_service_bytes_recursive: null } },
    { networks: null, blkio_stats: 5 },
  ])('are unknown in %j', (sample) => {
    expect(row(sample)).toEqual({
      ...{ id: 'id', name: 'name', cpu_percent: null, memory_used: null, memory_limit: null },
      ...{ network_rx: null, network_tx: null, block_read: null, block_write: null, processes: null },
    })
  })
})
