import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { GuestWish, WorldGuest } from '../../scenarios/world.ts'
import { World } from '../../scenarios/world.ts'
import type { ContainerSpec } from '../guest/sim-container.ts'

export const HOSTS = ['host-1', 'host-2'] as const
/** What somebody else keeps in other_config: it must be there at the end as it was. */
export const FOREIGN = { key: 'XenCenter.CustomFields.owner', value: 'team <shop> & friends' } as const

const DAEMON = fileURLToPath(new URL('../../../dist/bin/xscontainer-monitor', import.meta.url))
const HOUR = 3_600_000

export interface DemoSettings {
  readonly port: number
  readonly graceS: number
  readonly sampleEveryS: number
}

/** Why the demo cannot run; the message says what to do. */
export class CannotRun extends Error {}

/** Two hosts and the guests of a small firm, each with another engine. Nothing monitors them yet. */
export async function startPool(settings: DemoSettings): Promise<World> {
  if (!existsSync(DAEMON)) throw new CannotRun('dist/bin/xscontainer-monitor is missing: run `make build` first')
  await tryPort(settings.port)
  const world = await World.start({
    hosts: HOSTS.length,
    settings: {
      guest: { ssh_port: settings.port },
      monitor: { grace_s: settings.graceS, top_schedule: `*/${settings.sampleEveryS} * * * * *` },
      log: { level: 'info' },
    },
  })
  try {
    for (const [i, name] of HOSTS.entries()) {
      world.pool.db.set(world.pool.db.row('host', world.pool.hosts[i]!.ref), 'name_label', name)
    }
    for (const wish of wishes(world)) {
      const otherConfig = { [FOREIGN.key]: FOREIGN.value, ...wish.otherConfig }
      await world.addGuest({ port: settings.port, ...wish, otherConfig })
    }
    return world
  } catch (error) {
    await world.stop()
    throw error
  }
}

export function guestNamed(world: World, name: string): WorldGuest {
  return world.guests.find((guest) => guest.name === name)!
}

/** A guest whose user has no key yet, and which is not registered. */
export const NEWCOMER = 'mail-01'

function wishes(world: World): GuestWish[] {
  const [first, second] = world.pool.hosts
  return [
    { name: 'ci-runner', host: first!, engine: { flavour: 'podman-5', containers: CI } },
    { name: 'db-01', host: second!, engine: { flavour: 'docker-20.10', containers: DB } },
    { name: 'flatcar-edge', host: second!, engine: { flavour: 'docker-29', containers: EDGE } },
    {
      name: NEWCOMER,
      host: first!,
      users: { core: { authorizedKeys: [], groups: ['docker'] } },
      otherConfig: { 'xscontainer-monitor': 'False' },
      engine: { flavour: 'docker-20.10', containers: MAIL },
    },
    { name: 'web-01', host: first!, engine: { flavour: 'docker-29', containers: WEB } },
  ]
}

/** A container that has been there for a while; `rate` is how many CPUs its main process keeps busy. */
function container(
  name: string,
  image: string,
  command: string,
  rate: number,
  more: Partial<ContainerSpec> = {},
): ContainerSpec {
  const cpuSeconds = Math.round(rate * 3600)
  return { name, image, command, ageMs: 40 * HOUR, processes: [{ command, cpuRate: rate, cpuSeconds }], ...more }
}

function tcp(privatePort: number, publicPort = privatePort) {
  return { ip: '0.0.0.0', privatePort, publicPort }
}

const WEB = [
  container('nginx', 'nginx:1.29', 'nginx: worker', 0, { ports: [tcp(80), tcp(443)] }),
  container('shop', 'acme/shop:4.2', 'php-fpm: pool www', 0.4, { ports: [{ privatePort: 9000 }] }),
  container('redis', 'redis:8', 'redis-server', 0, { ports: [{ privatePort: 6379 }] }),
]
const DB = [
  container('postgres', 'postgres:16', 'postgres: walwriter', 0.2, { ports: [tcp(5432)] }),
  container('backup', 'acme/backup:2', '/backup.sh', 0, { state: 'exited', exitCode: 0 }),
]
const CI = [container('runner', 'gitea/runner:0.2', 'act_runner daemon', 0)]
const EDGE = [
  container('node-exporter', 'prom/exporter:1', 'node_exporter', 0, {
    ports: [tcp(9100)],
    stopExitCode: 143,
  }),
  container('traefik', 'traefik:3.5', 'traefik --docker', 0, { ports: [tcp(443), tcp(8080)] }),
]
const MAIL = [
  container('dovecot', 'dovecot:2.4', 'dovecot -F', 0, { ports: [tcp(993)] }),
  container('postfix', 'postfix:3.10', 'master -w', 0, { ports: [tcp(25)] }),
]

/** Finds out before anything else whether guests can listen here. */
async function tryPort(port: number): Promise<void> {
  const address = '127.99.99.99'
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, address, resolve)
    })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    if (code === 'EADDRINUSE')
      throw new CannotRun(`port ${port} is in use: end what listens there, or choose another one with DEMO_PORT=`)
    if (code === 'EACCES') throw new CannotRun(`port ${port} may not be used: choose one above 1023 with DEMO_PORT=`)
    throw new CannotRun(`cannot listen on ${address} (${code}): the demo needs all of 127.0.0.0/8, as Linux has it`)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
