/**
 * Containers churn on a real Docker engine behind ten addresses and on a real Podman while the built daemon watches;
 * whenever it is quiet for a while, every VM's docker_ps must tell what `docker ps -a` tells. As root:
 *   node --import tsx test/bench/churn.ts
 * CHURN_SECONDS (600), CHURN_SEED (random, printed).
 */
import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { parsePrivateKey } from '../../src/transports/ssh/ssh-key.ts'
import { startManyGuests } from '../real/many-guests.ts'
import { realParts } from '../real/parts.ts'
import { CLI_COLUMNS, rowsOfCli, rowsOfDocument, withoutAddresses, type Row } from '../real/published-list.ts'
import { RealGuest } from '../real/real-guest.ts'
import { RealPodman } from '../real/real-podman.ts'
import { RealSshd } from '../real/real-sshd.ts'
import { World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { Churner } from './churner.ts'
import { cpuSeconds, rssMb } from './process-meter.ts'

const seconds = Number(process.env['CHURN_SECONDS'] ?? 600)
const seed = Number(process.env['CHURN_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
/** Longer than containers live that end by themselves, and than the publisher's pauses. */
const QUIET_MS = 9000
const CHECK_EVERY_MS = 60_000
const GUESTS = 10
const COLUMNS = ['ps', '-a', '--no-trunc', '--format', CLI_COLUMNS]

/** One engine, the VMs that show it, and what its own CLI says. */
interface Side {
  readonly name: string
  readonly vms: readonly SimVm[]
  readonly churner: Churner
  readonly truth: () => Promise<Row[]>
  readonly seen: (vm: SimVm) => Row[]
}

const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ format: 'pem', type: 'pkcs1' })
  .toString()
const keys = [parsePrivateKey(key).publicLine]

async function main(): Promise<boolean> {
  say(`seed ${seed}, ${seconds} s`)
  const many = await startManyGuests({ count: GUESTS, keys, network: '127.62.0' })
  const podmanGuest = realParts().podman ? await RealGuest.start() : undefined
  const world = await World.start({
    key,
    settings: {
      guest: { ssh_port: many.port, connect_timeout_s: 10, keepalive_s: 15 },
      monitor: { grace_s: 120, resync_s: 300, top_schedule: '*/15 * * * * *' },
      log: { level: 'info' },
    },
  })
  try {
    const addVm = (name: string, address: string) =>
      world.pool.createVm({ name, otherConfig: { 'xscontainer-monitor': 'True' }, networks: { '0/ip': address } })
    const seen = (vm: SimVm) => rowsOfDocument(world.entries(vm))
    const sides: Side[] = [
      {
        name: 'docker',
        vms: many.addresses.map((address, i) => addVm(`guest-${i}`, address)),
        churner: new Churner(many.dockerd.containers, seed, { most: 14, paceMs: 700 }),
        truth: async () => rowsOfCli(await many.dockerd.cli(...COLUMNS)),
        seen,
      },
    ]
    if (podmanGuest !== undefined) {
      const podman = await RealPodman.start(podmanGuest)
      const sshd = await RealSshd.start(podmanGuest, { network: '127.62.1', port: many.port })
      await podmanGuest.addUser({ name: 'core', keys })
      await podman.giveSocketTo('core:core')
      sides.push({
        name: 'podman',
        vms: [addVm('podman', sshd.address)],
        churner: new Churner(podman.containers, seed + 1, { most: 6, paceMs: 4000 }),
        truth: async () => withoutAddresses(rowsOfCli(await podman.cli(...COLUMNS))),
        seen: (vm) => withoutAddresses(seen(vm)),
      })
    }
    return await churn(world, sides)
  } finally {
    await world.stop()
    await podmanGuest?.stop()
    await many.stop()
  }
}

async function churn(world: World, sides: readonly Side[]): Promise<boolean> {
  const daemon = await world.startDaemon()
  process.once('exit', () => daemon.child.kill('SIGKILL'))
  const pid = daemon.child.pid!
  for (const vm of sides.flatMap(({ vms }) => vms)) await world.untilMonitored(vm, 60)
  await sleep(3000)
  world.pool.stats.reset()
  const writesBefore = world.writes.length
  const start = { at: performance.now(), cpu: cpuSeconds(pid) }
  const rss = [rssMb(pid)]
  let [compared, wrong] = [0, 0]
  for (;;) {
    const left = seconds * 1000 - (performance.now() - start.at)
    if (left <= 0) break
    const round = Math.min(left, CHECK_EVERY_MS)
    await Promise.all(sides.map(({ churner }) => churner.run(round)))
    await sleep(QUIET_MS)
    for (const side of sides) {
      const differing = await compare(side)
      compared += side.vms.length
      wrong += differing
    }
    rss.push(rssMb(pid))
    say(`${compared} lists compared, ${wrong} differ; ${rss.at(-1)!.toFixed(1)} MB`)
  }
  const elapsed = (performance.now() - start.at) / 1000
  const cpu = cpuSeconds(pid) - start.cpu
  const writes = world.writes.slice(writesBefore)
  for (const { name, churner } of sides) {
    report(
      `changes made on ${name}`,
      `${churner.changes} (${JSON.stringify(churner.done)}, ${churner.refused} refused)`,
    )
  }
  report('lists compared / differing', `${compared} / ${wrong}`)
  report('resident memory start / middle / end', [rss[0], rss[rss.length >> 1], rss.at(-1)].map(megabytes).join(' / '))
  report('CPU', `${cpu.toFixed(2)} s in ${elapsed.toFixed(0)} s, ${((cpu / elapsed) * 100).toFixed(2)} % of a core`)
  report('XAPI writes', `${writes.length}, of these to docker_ps ${countOf(writes, 'docker_ps')}`)
  report('XAPI calls', JSON.stringify(world.pool.stats.calls))
  report('daemon', daemon.running ? 'still runs' : 'HAS ENDED')
  const unwell = sides.flatMap(({ vms }) => vms).filter((vm) => !world.status(vm).startsWith('monitored'))
  for (const vm of unwell) report('not monitored in the end', world.status(vm))
  return wrong === 0 && compared > 0 && unwell.length === 0 && daemon.running
}

/** How many of the engine's VMs tell something else than its CLI. */
async function compare({ name, vms, truth, seen }: Side): Promise<number> {
  const expected = await truth()
  const differing = vms.filter((vm) => !isDeepStrictEqual(seen(vm), expected))
  for (const vm of differing.slice(0, 2)) {
    say(`${name} differs\n  CLI:       ${JSON.stringify(expected)}\n  docker_ps: ${JSON.stringify(seen(vm))}`)
  }
  return differing.length
}

function countOf(writes: readonly { readonly key: string }[], key: string): number {
  return writes.filter((write) => write.key === key).length
}

function megabytes(value: number | undefined): string {
  return `${(value ?? Number.NaN).toFixed(1)} MB`
}

function report(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(40)} ${value}\n`)
}

function say(what: string): void {
  process.stderr.write(`churn: ${what}\n`)
}

const parts = realParts()
if (!parts.sshd || !parts.dockerd) {
  process.stderr.write(`churn needs real sshd and dockerd: ${parts.reason ?? 'not available'}\n`)
  process.exit(1)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
process.exit((await main()) ? 0 : 1)
