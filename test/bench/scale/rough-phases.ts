import { setTimeout as sleep } from 'node:timers/promises'
import { signalQuietly } from '../../real/box-process.ts'
import { rssMb } from '../process-meter.ts'
import { AFTERMATH_S, awaitMonitored, eventInAll, eventMeanwhile } from './calm-phases.ts'
import type { Fleet } from './fleet.ts'
import { untilQuiet, untilWritten, type PhaseResult } from './phase.ts'
import { connectionPids } from './ssh-counts.ts'

const CREATED_PER_S = 20
const DOWN_MS = 5000

/** One guest creates and removes 20 containers per second; others have events meanwhile. */
export async function storm(fleet: Fleet, pid: number, seconds: number): Promise<PhaseResult> {
  const { containers } = fleet.alone.dockerd
  await fleet.pool.call('observeWrites')
  await fleet.pool.call('takeWrites')
  const end = performance.now() + seconds * 1000
  let [made, stop] = [0, false]
  const churn = async (lane: number) => {
    for (let i = 0; performance.now() < end; i++) {
      const next = performance.now() + 1000
      const name = `storm-${lane}-${i}`
      await containers.create({ name })
      await containers.rm(name)
      made++
      await sleep(Math.max(0, next - performance.now()))
    }
  }
  const rightMs: number[] = []
  const others = async () => {
    for (let round = 0; !stop; round++) {
      rightMs.push(...(await eventMeanwhile(fleet, round)))
      await sleep(1000)
    }
  }
  const watching = others()
  await Promise.all(Array.from({ length: CREATED_PER_S }, (_, lane) => sleep((lane * 1000) / CREATED_PER_S).then(() => churn(lane)))) // prettier-ignore
  stop = true
  await watching
  const rssAtEndMb = rssMb(pid)
  await sleep(AFTERMATH_S * 1000)
  const writes = (await fleet.pool.call('takeWrites')).filter(({ ref }) => ref === fleet.vms.alone.ref)
  const lists = writes.filter(({ key, value }) => key === 'docker_ps' && value !== '').length
  return {
    rightMs,
    notes: {
      createdPerS: made / seconds,
      stormWritesPerS: writes.length / seconds,
      stormListsPerS: lists / seconds,
      rssAtEndMb,
    },
  }
}

/** All guests lose their connections and their sshd for some seconds, and their domains are built anew. */
export async function rebootAll(fleet: Fleet, pid: number): Promise<PhaseResult> {
  const { pool, simulated, simulatedNames } = fleet
  const since = Date.now()
  await Promise.all(fleet.vms.all.map(({ ref }) => pool.call('reboot', ref)))
  for (const name of simulatedNames) {
    await simulated.call('refuse', name)
    await simulated.call('dropConnections', name)
  }
  await Promise.all([fleet.shared.sshd.stop(), fleet.alone.sshd.stop()])
  await sleep(DOWN_MS)
  await awaitMonitored(fleet)
  await Promise.all([fleet.shared.sshd.startAgain(), fleet.alone.sshd.startAgain()])
  for (const name of simulatedNames) await simulated.call('admit', name)
  const rightMs = await untilWritten(fleet, since, 900)
  await untilQuiet(pid)
  return { rightMs }
}

/** XAPI is away for some seconds, and the shared engine has an event meanwhile. */
export async function restartXapi(fleet: Fleet, pid: number): Promise<PhaseResult> {
  const restarted = fleet.pool.call('restart', DOWN_MS)
  const shown = await eventInAll(fleet, 1)
  await restarted
  await fleet.shared.dockerd.containers.unpause('service-0')
  await untilQuiet(pid)
  return shown
}

/** So many at most, since a thousand guests would need a quarter of an hour for a hundred rounds of a tenth. */
const MOST_BROKEN = 20

/** A tenth of all connections breaks, again and again, others each time. */
export async function reconnectRounds(fleet: Fleet, pid: number, rounds: number): Promise<PhaseResult> {
  const sizes: number[] = []
  let broken = 0
  for (let round = 0; round < rounds; round++) {
    const pids = connectionPids(fleet)
    const size = Math.min(Math.ceil(pids.length / 10), MOST_BROKEN)
    const some = Array.from({ length: size }, (_, i) => pids[(round * size + i) % pids.length]!)
    for (const each of some) signalQuietly(each, 'SIGKILL')
    broken += some.length
    await sleep(2000)
    while (connectionPids(fleet).length < pids.length) await sleep(500)
    sizes.push(rssMb(pid))
  }
  await untilQuiet(pid)
  const slopeMbPerRound = slope(sizes.slice(sizes.length >> 1))
  await sleep(AFTERMATH_S * 1000)
  return { notes: { broken, slopeMbPerRound, rssStart: sizes[0]!, rssAtEndMb: sizes.at(-1)! } }
}

/** Half of the VMs move to the other host, where a daemon of its own has to take them over. */
export async function handOver(fleet: Fleet, pid: number, pid1: number): Promise<PhaseResult> {
  const moved = fleet.vms.all.filter((_, i) => i % 2 === 1)
  await awaitMonitored(fleet, moved)
  const since = Date.now()
  for (const { ref } of moved) await fleet.pool.call('migrate', ref, 1)
  const rightMs = await untilWritten(fleet, since, 900)
  await Promise.all([untilQuiet(pid), untilQuiet(pid1)])
  return { rightMs }
}

/** The other host is lost with its daemon; all its VMs start on this one. */
export async function failOver(fleet: Fleet, pid: number, lose: () => Promise<void>): Promise<PhaseResult> {
  const lost = fleet.vms.all.filter((_, i) => i % 2 === 1)
  await lose()
  const since = Date.now()
  for (const { ref } of lost) await fleet.pool.call('setPower', ref, 'Halted')
  await awaitMonitored(fleet, lost)
  for (const { ref } of lost) await fleet.pool.call('setPower', ref, 'Running', 0)
  const rightMs = await untilWritten(fleet, since, 900)
  await untilQuiet(pid)
  return { rightMs }
}

/** Least squares, per step. */
function slope(values: readonly number[]): number {
  const mean = (values.length - 1) / 2
  const sum = values.reduce((a, value, i) => a + (i - mean) * value, 0)
  const squares = values.reduce((a, _, i) => a + (i - mean) ** 2, 0)
  return squares === 0 ? 0 : sum / squares
}
