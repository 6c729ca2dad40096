import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { installPlugin, PLUGIN } from '../scenarios/plugin-clients.ts'
import { World, type WorldGuest } from '../scenarios/world.ts'
import { pluginArgument } from '../sim/xapi/plugin-protocol.ts'
import type { Figure } from './bench.ts'
import { percentile } from './process-meter.ts'

const FEW = 10
const MANY = 200
const ROUNDS = 41
const AT_ONCE = 50
/** Eight questions and as much again for what is being set up and taken down, besides the events. */
const MOST_CONNECTIONS = 12
/** More than these is not what an administrator should wait for. */
const MOST_NODES = 2.5
/** With many monitored VMs a call may take this much of what it takes with few; the machine's noise is in it. */
const SAME = 1.3

/** Not the hurried ones of scenarios. */
const AS_INSTALLED = {
  guest: { connect_timeout_s: 10, keepalive_s: 15 },
  monitor: { grace_s: 120, resync_s: 300, top_schedule: 'off' },
  log: { level: 'info' },
}

/** How long each took, milliseconds, in rounds that take turns: what else the machine does hits all alike. */
interface Times {
  readonly node: number
  readonly top: number
  readonly pause: number
}

/**
 * What a call of the plugin costs whoever waits for it, as a process with the daemon up: wall time as a multiple of
 * Node's own start, with few and with many monitored VMs; and how often a guest is dialled for a call without a daemon.
 */
export async function benchPlugin(): Promise<Figure[]> {
  const world = await World.start({ settings: AS_INSTALLED })
  try {
    installPlugin(world)
    const daemon = await world.startDaemon()
    const guest = await addGuests(world, FEW)
    const few = await measure(world, guest)
    await addGuests(world, MANY - FEW)
    const many = await measure(world, guest)
    const crowd = await atOnce(world, guest)
    await daemon.terminate()
    return [
      { name: 'plugin get_top, of the time of `node -e 0`', value: few.top / few.node, unit: 'x', limit: MOST_NODES },
      { name: 'plugin pause, of the time of `node -e 0`', value: few.pause / few.node, unit: 'x', limit: MOST_NODES },
      { name: `plugin get_top, ${MANY} against ${FEW} VMs`, value: relative(many, few, 'top'), unit: 'x', limit: SAME },
      { name: `plugin pause, ${MANY} against ${FEW} VMs`, value: relative(many, few, 'pause'), unit: 'x', limit: SAME },
      { name: `plugin calls that failed, of ${AT_ONCE} at once`, value: crowd.failed, unit: '', limit: 0 },
      { name: 'engine connections meanwhile, at most', value: crowd.most, unit: '', limit: MOST_CONNECTIONS },
      {
        name: 'SSH connects per plugin call, daemon down',
        value: await connectsAlone(world, guest),
        unit: '',
        limit: 1,
      },
    ]
  } finally {
    await world.stop()
  }
}

async function addGuests(world: World, count: number): Promise<WorldGuest> {
  const containers = [{ name: 'web' }, { name: 'db' }, { name: 'old', state: 'exited' as const }]
  const guests = await Promise.all(Array.from({ length: count }, () => world.addGuest({ engine: { containers } })))
  for (const guest of guests) await world.untilMonitored(guest, 120)
  await world.untilQuiet()
  return guests[0]!
}

function relative(many: Times, few: Times, what: 'top' | 'pause'): number {
  return many[what] / many.node / (few[what] / few.node)
}

async function measure(world: World, guest: WorldGuest): Promise<Times> {
  const times: Record<keyof Times, number[]> = { node: [], top: [], pause: [] }
  for (let i = 0; i < ROUNDS; i++) {
    times.node.push(await timed(process.execPath, ['-e', '0']))
    times.top.push(await plugin(world, 'get_top', guest))
    times.pause.push(await plugin(world, 'pause', guest))
    await plugin(world, 'unpause', guest)
  }
  const median = (values: readonly number[]) => percentile(values, 0.5)
  return { node: median(times.node), top: median(times.top), pause: median(times.pause) }
}

/** How many of the calls failed, and how many connections the guest's engine had open at the same time. */
async function atOnce(world: World, guest: WorldGuest): Promise<{ failed: number; most: number }> {
  let most = 0
  const watching = setInterval(() => (most = Math.max(most, guest.engine.openConnections)), 2)
  const calls = Array.from({ length: AT_ONCE }, () => plugin(world, 'get_top', guest))
  const results = await Promise.allSettled(calls)
  clearInterval(watching)
  return { failed: results.filter(({ status }) => status === 'rejected').length, most }
}

async function connectsAlone(world: World, guest: WorldGuest): Promise<number> {
  const calls = 5
  const before = guest.sim.counters.connections
  for (let i = 0; i < calls; i++) await plugin(world, 'get_top', guest)
  return (guest.sim.counters.connections - before) / calls
}

/** Milliseconds of one call, in the way XAPI runs it; rejects when it fails. */
async function plugin(world: World, fn: string, { uuid }: WorldGuest): Promise<number> {
  const session = await world.client().login('bench')
  const args = Object.entries({ vmuuid: uuid, container: 'web', object: 'web' })
  return timed(PLUGIN, [pluginArgument(fn, session, args)], world.pool.hosts[0]!.pluginEnv)
}

async function timed(
  file: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const start = performance.now()
  const child = spawn(file, argv, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  await once(child, 'close')
  const ms = performance.now() - start
  if (out !== '' && !out.includes('Success')) throw new Error(out)
  return ms
}
