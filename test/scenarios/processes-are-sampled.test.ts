import { XMLParser } from 'fast-xml-parser'
import { expect, test } from 'vitest'
import { World, type WorldGuest } from './world.ts'

interface Process {
  readonly PID: string
  readonly CPU: string
  readonly CMD: string
}

/** The processes in `docker_top` by container name. */
function processes(world: World, guest: WorldGuest): Record<string, Process[]> {
  const xml = world.config(guest)['docker_top']
  if (xml === undefined) return {}
  const { docker_top } = new XMLParser({ parseTagValue: false }).parse(xml) as { docker_top: { item?: unknown } | '' }
  const items = docker_top === '' ? [] : [docker_top.item ?? []].flat()
  return Object.fromEntries(
    (items as { names: string; processes: { item?: unknown } | '' }[]).map(({ names, processes }) => [
      names,
      processes === '' ? [] : ([processes.item ?? []].flat() as { Process: Process }[]).map(({ Process }) => Process),
    ]),
  )
}

test.concurrent('CPU percent of a busy process, sampled on the schedule; what stops is taken out', () =>
  World.during({ settings: { monitor: { top_schedule: '*/4 * * * * *' } } }, async (world) => {
    await world.startDaemon()
    const guest = await world.addGuest({
      engine: {
        containers: [
          {
            name: 'busy',
            processes: [
              { command: 'burn', cpuRate: 1.5, user: 'app' },
              { command: 'idle', cpuRate: 0 },
            ],
          },
          { name: 'calm', processes: [{ command: 'sleep 1000' }] },
          { name: 'done', state: 'exited' },
        ],
      },
    })
    await world.untilMonitored(guest)
    const cpu = (container: string, command: string) =>
      Number(processes(world, guest)[container]?.find(({ CMD }) => CMD === command)?.CPU ?? 'NaN')
    // Engines tell whole seconds: in four seconds, spread by one, 150 % can be told as anything near it.
    await world.until('the busy one shows', () => cpu('busy', 'burn') >= 100 && cpu('busy', 'burn') <= 200)
    expect(cpu('busy', 'idle')).toBe(0)
    expect(cpu('calm', 'sleep 1000')).toBe(0)
    expect(Object.keys(processes(world, guest)).sort()).toEqual(['busy', 'calm'])
    for (const { PID, CMD } of Object.values(processes(world, guest)).flat()) expect(PID && CMD).not.toBe('')

    guest.engine.stop('busy')
    await world.until('its processes are gone', () => Object.keys(processes(world, guest)).join() === 'calm')
    guest.engine.run({ name: 'new', processes: [{ command: 'fresh' }] })
    await world.until('the next sample has the new one', () => 'new' in processes(world, guest))
  }),
)

test.concurrent('no schedule: no processes are asked for or shown', () =>
  World.during({ settings: { monitor: { top_schedule: 'off' } } }, async (world) => {
    const stale = '<docker_top><item><container>0123456789</container></item></docker_top>'
    const guest = await world.addGuest({
      engine: { containers: [{ name: 'web' }] },
      otherConfig: { docker_top: stale },
    })
    await world.startDaemon()
    await world.untilMonitored(guest)
    guest.engine.run({ name: 'other' })
    await world.until('lists are followed', () => 'other' in world.containers(guest))
    expect(guest.engine.requestCount(/\/top/)).toBe(0)
    await world.until('no old sample is left', () => world.config(guest)['docker_top'] === undefined)
  }),
)

test.concurrent(
  '500 containers: documents stay in their budget, and say how much they leave out',
  () =>
    World.during({ settings: { monitor: { value_budget_bytes: 20_000 } } }, async (world) => {
      const containers = Array.from({ length: 500 }, (_, i) => ({
        name: `container-${i}`,
        command: `/usr/bin/service --number ${i} & <wait>`,
        state: i % 2 === 0 ? ('running' as const) : ('exited' as const),
      }))
      const guest = await world.addGuest({ engine: { containers } })
      await world.startDaemon()
      await world.untilMonitored(guest, 40)
      const ps = world.config(guest)['docker_ps']!
      const left = Number(/<truncated>(\d+)<\/truncated>/.exec(ps)?.[1])
      const shown = world.entries(guest)
      expect(left).toBeGreaterThan(0)
      expect(shown.length + left).toBe(500)
      expect(shown.every(({ status }) => status === 'Up')).toBe(true)
      expect(ps.match(/&(?:lt|gt|quot|apos|#\w+);/g)?.length ?? 0).toBeLessThan(1000)
      await world.until('processes are there', () => world.config(guest)['docker_top'] !== undefined, 40)
      for (const key of ['docker_ps', 'docker_info', 'docker_version', 'docker_top']) {
        expect(Buffer.byteLength(world.config(guest)[key] ?? '')).toBeLessThanOrEqual(20_000)
      }
    }),
  90_000,
)
