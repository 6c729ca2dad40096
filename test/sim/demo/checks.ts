import { setTimeout as sleep } from 'node:timers/promises'
import { LIVE_KEYS, KEY } from '../../../src/model/fields.ts'
import { parseVm } from '../../../src/xapi/vm-record.ts'
import { isRecord } from '../../../src/xapi/wire.ts'
import { callOnce } from '../../scenarios/call-once.ts'
import type { World, WorldGuest } from '../../scenarios/world.ts'
import type { Phase } from '../guest/sim-container.ts'
import { FOREIGN } from './demo-pool.ts'
import type { Play } from './player.ts'
import { vmView, type VmView } from './vm-view.ts'

export interface Check {
  readonly name: string
  /** What is wrong; empty when nothing is. */
  readonly wrong: readonly string[]
}

/** Whether all is right at the end, read anew from XAPI by a client that logs in for this. Daemons still run. */
export async function checkRunning(world: World, plays: readonly Play[]): Promise<Check[]> {
  const late = plays.filter(({ failed, tookMs }) => failed || tookMs === undefined).map(({ text }) => text)
  let checks: Check[] = []
  // The last changes may be on their way still.
  for (let i = 0; i < 50; i++) {
    checks = await lookOnce(world)
    if (checks.every(({ wrong }) => wrong.length === 0)) break
    await sleep(100)
  }
  return [
    { name: 'everything that happened became visible in XAPI', wrong: late },
    ...checks,
    {
      name: 'both daemons ran through',
      wrong: world.daemons.flatMap((daemon, i) =>
        daemon.running ? [] : [`that of host-${i + 1} ended: ${daemon.lastLines(3)}`],
      ),
    },
  ]
}

/** Ends the daemons as systemd does and looks at what they leave behind. */
export async function checkStopped(world: World): Promise<Check[]> {
  const codes = await Promise.all(world.daemons.map((daemon) => daemon.terminate()))
  const wrong = codes.flatMap((code, i) => (code === 0 ? [] : [`that of host-${i + 1}: ${code ?? 'still there'}`]))
  const left = world.guests.flatMap((guest) =>
    Object.keys(world.config(guest))
      .filter((key) => LIVE_KEYS.includes(key) || key === KEY.status)
      .map((key) => `${guest.name}: ${key}`),
  )
  const sessions = Object.values(world.pool.openSessions()).reduce((sum, count) => sum + count, 0)
  return [
    { name: 'both daemons ended with exit code 0 on SIGTERM', wrong },
    { name: 'and took back what they had published', wrong: left },
    { name: 'and logged out of XAPI', wrong: sessions > 0 ? [`${sessions} sessions are open`] : [] },
  ]
}

interface Found {
  readonly guest: WorldGuest
  readonly vm: VmView
  readonly config: Readonly<Record<string, unknown>>
}

async function lookOnce(world: World): Promise<Check[]> {
  const records = await callOnce(world.pool.hosts[1]!.socketPath, 'VM.get_all_records', [])
  const messages = await callOnce(world.pool.hosts[1]!.socketPath, 'message.get_all_records', [])
  const found = world.guests.flatMap((guest) => read(guest, records))
  const on = found.filter(({ config }) => config[KEY.monitor] === 'True')
  return [
    {
      name: 'every registered VM is monitored',
      wrong: on.filter(({ vm }) => vm.state !== 'monitored' || !vm.hasTop).map(({ vm }) => `${vm.name}: ${vm.status}`),
    },
    {
      name: 'the containers in XAPI are those of the engines',
      wrong: on.flatMap(({ guest, vm }) => {
        const [there, shown] = [truth(guest), published(vm)]
        return there === shown ? [] : [`${guest.name} has ${there}, XAPI says ${shown}`]
      }),
    },
    {
      name: 'keys of others in other_config are as they were',
      wrong: found.filter(({ config }) => config[FOREIGN.key] !== FOREIGN.value).map(({ vm }) => vm.name),
    },
    {
      name: 'no message to the administrator is left',
      wrong: isRecord(messages) ? Object.values(messages).map((each) => String(isRecord(each) && each['name'])) : ['?'],
    },
  ]
}

function read(guest: WorldGuest, records: unknown): Found[] {
  const record = isRecord(records) ? records[guest.ref] : undefined
  const vm = parseVm(guest.ref, record)?.record
  const config = isRecord(record) ? record['other_config'] : undefined
  return vm === undefined || !isRecord(config) ? [] : [{ guest, vm: vmView(vm), config }]
}

function truth({ engine }: WorldGuest): string {
  return text(engine.store.all().map(({ names, live }) => [names[0]?.slice(1) ?? '', statusOf(live)]))
}

function published(vm: VmView): string {
  return text((vm.containers ?? []).map(({ name, status }) => [name, status]))
}

function text(containers: readonly (readonly [string, string])[]): string {
  return containers
    .map(([name, status]) => `${name} ${status}`)
    .sort()
    .join(', ')
}

function statusOf({ state, exitCode }: Phase): string {
  if (state === 'running') return 'Up'
  if (state === 'paused') return 'Up (Paused)'
  return state === 'exited' ? `Exited (${exitCode})` : state
}
