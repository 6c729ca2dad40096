import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from '../process-meter.ts'
import { askProbe } from './ask-probe.ts'
import type { Fleet } from './fleet.ts'
import { untilQuiet, untilWritten, type PhaseResult } from './phase.ts'
import { handshakesNow } from './ssh-counts.ts'

const MONITORED = '^monitored since'
const PAUSED = 'Up \\(Paused\\)'
const NOT_PAUSED = '^(?![^]*Up \\(Paused\\))'
const EVENT_S = 60

/** From the daemon's start until every VM says that it is monitored, with its documents. */
export async function coldStart(fleet: Fleet, since: number, pid: number): Promise<PhaseResult> {
  let mostHandshakes = 0
  const watching = setInterval(() => (mostHandshakes = Math.max(mostHandshakes, handshakesNow(fleet))), 500)
  try {
    const rightMs = await untilWritten(fleet, since, 900)
    const publishedCpuS = cpuSeconds(pid)
    await untilQuiet(pid)
    return { rightMs, notes: { mostHandshakes, cpuSincePublishedS: cpuSeconds(pid) - publishedCpuS } }
  } finally {
    clearInterval(watching)
  }
}

/** Has the pool tell when each of all VMs is said to be monitored. */
export function awaitMonitored(fleet: Fleet, vms = fleet.vms.all): Promise<void> {
  return fleet.pool.call(
    'awaitValues',
    vms.map(({ ref }) => ref),
    'xscontainer-status',
    MONITORED,
  )
}

/** V8 gives back what a burst took within so many seconds after it, which is the burst's cost. */
export const AFTERMATH_S = 45

/** Nothing happens. Measured first without the probe, which wakes the daemon up itself. */
export async function idle(fleet: Fleet, pid: number, seconds: number): Promise<PhaseResult> {
  const probe = fleet.probeOf(0)
  await askProbe(probe, 'read')
  await sleep(AFTERMATH_S * 1000)
  const cpu = cpuSeconds(pid)
  await sleep(seconds * 1000)
  const percent = ((cpuSeconds(pid) - cpu) / seconds) * 100
  await askProbe(probe, 'watch')
  await sleep(15_000)
  return { notes: { percentOfCore: percent } }
}

/** A container of the shared engine is paused and goes on; all its guests have to show both. */
export async function eventInAll(fleet: Fleet, rounds: number): Promise<PhaseResult> {
  const { containers } = fleet.shared.dockerd
  const refs = fleet.vms.shared.map(({ ref }) => ref)
  const rightMs: number[] = []
  const [engine] = fleet.shared.guest.pids().filter((pid) => /^dockerd\0/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))) // prettier-ignore
  const engineCpu = cpuSeconds(engine!)
  for (let round = 0; round < rounds; round++) {
    const pauses = round % 2 === 0
    await fleet.pool.call('awaitValues', refs, 'docker_ps', pauses ? PAUSED : NOT_PAUSED)
    const since = Date.now()
    await (pauses ? containers.pause('service-0') : containers.unpause('service-0'))
    rightMs.push(...(await untilWritten(fleet, since, EVENT_S)))
    await sleep(5000)
  }
  return { rightMs, notes: { engineCpuS: cpuSeconds(engine!) - engineCpu } }
}

/** The same in the one real guest with an engine of its own, while all others are idle. */
export async function eventInOne(fleet: Fleet, rounds: number): Promise<PhaseResult> {
  const { containers } = fleet.alone.dockerd
  const rightMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const pauses = round % 2 === 0
    await fleet.pool.call('awaitValues', [fleet.vms.alone.ref], 'docker_ps', pauses ? PAUSED : NOT_PAUSED)
    const since = Date.now()
    await (pauses ? containers.pause('service-0') : containers.unpause('service-0'))
    rightMs.push(...(await untilWritten(fleet, since, EVENT_S)))
    await sleep(1500)
  }
  return { rightMs }
}

/** One event in each of the simulated guests at the same time. */
export async function eventInEach(fleet: Fleet, rounds: number): Promise<PhaseResult> {
  const rightMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const pauses = round % 2 === 0
    const refs = fleet.vms.simulated.map(({ ref }) => ref)
    await fleet.pool.call('awaitValues', refs, 'docker_ps', pauses ? PAUSED : NOT_PAUSED)
    const since = Date.now()
    const act = pauses ? 'pause' : 'unpause'
    await Promise.all(fleet.simulatedNames.map((name) => fleet.simulated.call(act, name, 'service-0')))
    rightMs.push(...(await untilWritten(fleet, since, EVENT_S)))
    await sleep(3000)
  }
  return { rightMs }
}

/** When one simulated guest's event is shown, while something else goes on; milliseconds. */
export async function eventMeanwhile(fleet: Fleet, round: number): Promise<number[]> {
  const at = round % fleet.vms.simulated.length
  const pauses = Math.floor(round / fleet.vms.simulated.length) % 2 === 0
  const { ref } = fleet.vms.simulated[at]!
  await fleet.pool.call('awaitValues', [ref], 'docker_ps', pauses ? PAUSED : NOT_PAUSED)
  const since = Date.now()
  await fleet.simulated.call(pauses ? 'pause' : 'unpause', fleet.simulatedNames[at]!, 'service-0')
  return untilWritten(fleet, since, EVENT_S)
}
