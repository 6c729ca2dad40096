import { generateKeyPairSync } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { parsePrivateKey } from '../../src/transports/ssh/ssh-key.ts'
import { startManyGuests, type ManyGuests } from '../real/many-guests.ts'
import { World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import type { Figure } from './bench.ts'
import { cpuSeconds, percentile, rssMb } from './process-meter.ts'

const ROUNDS = 12
const SETTLE_MS = 8000
/** V8 gives back what the cold connect took within so long after it; that is no part of being idle. */
const AFTERMATH_MS = 45_000

/** One daemon, many guests behind one real sshd and one real engine: memory, CPU, XAPI calls, and how late events are. */
export async function benchMonitor({
  guests,
  idleSeconds,
}: {
  guests: number
  idleSeconds: number
}): Promise<Figure[]> {
  const key = generateKeyPairSync('rsa', { modulusLength: 4096 })
    .privateKey.export({ format: 'pem', type: 'pkcs1' })
    .toString()
  say(`starting sshd on ${guests} addresses and dockerd`)
  const keys = [parsePrivateKey(key).publicLine]
  const many = await startManyGuests({ count: guests - 1, keys })
  // One guest with an engine of its own, whose events nobody else sees.
  const single = await startManyGuests({ count: 1, keys, network: '127.62.0', port: many.port })
  const world = await World.start({
    key,
    settings: {
      guest: { ssh_port: many.port, connect_timeout_s: 10, keepalive_s: 15 },
      monitor: { grace_s: 120, resync_s: 300, top_schedule: '0 * * * * *' },
      log: { level: 'info' },
    },
  })
  try {
    await many.dockerd.containers.run({ name: 'web', labels: { 'com.docker.compose.project': 'shop' } })
    await many.dockerd.containers.run({ name: 'db' })
    await single.dockerd.containers.run({ name: 'web' })
    return await measure(world, many, single, idleSeconds)
  } finally {
    await world.stop()
    await many.stop()
    await single.stop()
  }
}

async function measure(world: World, many: ManyGuests, single: ManyGuests, idleSeconds: number): Promise<Figure[]> {
  const daemon = await world.startDaemon()
  const pid = daemon.child.pid!
  await sleep(3000)
  const empty = { cpu: cpuSeconds(pid), rss: rssMb(pid) }
  say('connecting')
  const vms = [...many.addresses, ...single.addresses].map((address, i) =>
    world.pool.createVm({
      name: `guest-${i}`,
      otherConfig: { 'xscontainer-monitor': 'True', 'xscontainer-username': many.username },
      networks: { '0/ip': address },
    }),
  )
  const connectStart = performance.now()
  await until('all guests are monitored', () => vms.every((vm) => isWhole(world, vm)), 120)
  const connectSeconds = (performance.now() - connectStart) / 1000
  await sleep(SETTLE_MS)
  const connectCpu = cpuSeconds(pid) - empty.cpu

  await sleep(AFTERMATH_MS)
  say(`idle for ${idleSeconds} s`)
  world.pool.stats.reset()
  const idleStart = cpuSeconds(pid)
  await sleep(idleSeconds * 1000)
  const idleCpu = cpuSeconds(pid) - idleStart
  const idleCalls = world.pool.stats.totalCalls - (world.pool.stats.calls['event.from'] ?? 0)

  const alone = await eventLatencies(world, single, vms.slice(-1), 3 * ROUNDS)
  const eventCpuStart = cpuSeconds(pid)
  const late = await eventLatencies(world, many, vms.slice(0, -1), ROUNDS)
  const eventCpu = cpuSeconds(pid) - eventCpuStart
  const rss = rssMb(pid)
  return [
    { name: 'resident memory without guests', value: empty.rss, unit: 'MB' },
    { name: `resident memory, ${vms.length} guests held, after events`, value: rss, unit: 'MB', limit: 110 },
    { name: 'cold connect until all is published, wall time', value: connectSeconds, unit: 's' },
    {
      name: 'cold connect, CPU per guest (RSA 4096 key)',
      value: (connectCpu * 1000) / vms.length,
      unit: 'ms',
      limit: 30,
    },
    { name: 'idle CPU, share of one core', value: (idleCpu / idleSeconds) * 100, unit: '%', limit: 0.5 },
    { name: 'idle XAPI calls besides event.from', value: idleCalls, unit: 'calls', limit: 0 },
    { name: 'event in one guest to other_config, median', value: percentile(alone, 0.5), unit: 'ms' },
    { name: 'event in one guest to other_config, p95', value: percentile(alone, 0.95), unit: 'ms', limit: 400 },
    { name: 'event in all guests at once, median', value: percentile(late, 0.5), unit: 'ms' },
    { name: 'event in all guests at once, p95', value: percentile(late, 0.95), unit: 'ms', limit: 400 },
    { name: 'event in all guests at once, slowest', value: Math.max(...late), unit: 'ms' },
    { name: 'CPU per guest and event', value: (eventCpu * 1000) / (vms.length * ROUNDS), unit: 'ms' },
  ]
}

/** Container events seen by these VMs: from the request to the engine until each VM's docker_ps shows what it did. */
async function eventLatencies(
  world: World,
  many: ManyGuests,
  vms: readonly SimVm[],
  rounds: number,
): Promise<number[]> {
  const late: number[] = []
  for (let round = 0; round < rounds; round++) {
    say(`event ${round + 1} of ${rounds}, ${vms.length} guests`)
    const paused = round % 2 === 0
    const waiting = new Set(vms.map(({ ref }) => ref))
    let start = Number.NaN
    const stop = world.pool.onWrite(({ ref, key, value }) => {
      if (key !== 'docker_ps' || value.includes('Up (Paused)') !== paused || value === '') return
      if (waiting.delete(ref)) late.push(performance.now() - start)
    })
    start = performance.now()
    await (paused ? many.dockerd.containers.pause('web') : many.dockerd.containers.unpause('web'))
    await until('all VMs show the event', () => waiting.size === 0, 30)
    stop()
    await sleep(vms.length > 1 ? 5000 : 1500)
  }
  return late
}

function isWhole(world: World, vm: SimVm): boolean {
  const config = world.config(vm)
  return (
    config['xscontainer-status']?.startsWith('monitored') === true &&
    ['docker_ps', 'docker_info', 'docker_version', 'docker_top'].every((key) => config[key] !== undefined)
  )
}

async function until(what: string, holds: () => boolean, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(50)
  }
}

function say(what: string): void {
  process.stderr.write(`bench: ${what}\n`)
}
