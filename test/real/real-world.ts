import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { World, type WorldOptions } from '../scenarios/world.ts'
import type { RealGuest } from './real-guest.ts'

/** Set up by `beforeAll`, in this order; ended in the other one, also where setting up has failed half-way. */
export interface RealSetting {
  world?: World
  guests: RealGuest[]
}

/**
 * A simulated pool for real guests whose sshd listens at this port. Lists come by events alone (the resync is far
 * off), and real machines under load get more time than simulated guests: a list that Docker shows late, as its disk is
 * busy, is looked at until 48 s after the event.
 */
export function startWorld(port: number, settings: NonNullable<WorldOptions['settings']> = {}): Promise<World> {
  return World.start({
    patience: 60,
    settings: {
      guest: { ssh_port: port, connect_timeout_s: 10, keepalive_s: 5, ...settings['guest'] },
      monitor: { grace_s: 150, resync_s: 300, top_schedule: '*/4 * * * * *', ...settings['monitor'] },
    },
  })
}

/** A registered VM that reports these addresses, one on each network card. */
export function addVm(
  world: World,
  name: string,
  addresses: readonly string[],
  otherConfig: Readonly<Record<string, string>> = {},
): SimVm {
  return world.pool.createVm({
    name,
    otherConfig: { 'xscontainer-monitor': 'True', ...otherConfig },
    networks: Object.fromEntries(addresses.map((address, i) => [`${i}/ip`, address])),
  })
}

export async function endAll({ world, guests }: RealSetting): Promise<void> {
  try {
    await world?.stop()
  } finally {
    await Promise.all(guests.map((guest) => guest.stop()))
  }
}
