import { setTimeout as sleep } from 'node:timers/promises'
import { askProbe } from './ask-probe.ts'
import { awaitMonitored, coldStart, eventInAll, eventInEach, eventInOne, idle } from './calm-phases.ts'
import { Fleet } from './fleet.ts'
import { Phases, say, type PhaseFigures, type PhaseResult } from './phase.ts'
import { failOver, handOver, rebootAll, reconnectRounds, restartXapi, storm } from './rough-phases.ts'

export interface ScaleLimits {
  readonly idleSeconds: number
  readonly stormSeconds: number
  /** How often some of all connections are broken. */
  readonly rounds: number
  readonly profiles: string | undefined
  /** Only phases whose name has this text; the cold start always is. */
  readonly phases: string
}

/** Takes a daemon with `count` guests through all that happens to a host; what each phase took. */
export async function measureScale(count: number, limits: ScaleLimits): Promise<PhaseFigures[]> {
  say(`starting ${count} guests`)
  const fleet = await Fleet.start(count)
  try {
    return await measure(fleet, limits)
  } finally {
    await fleet.stop()
  }
}

async function measure(fleet: Fleet, limits: ScaleLimits): Promise<PhaseFigures[]> {
  const phases = new Phases(fleet, limits.profiles)
  let daemon = await startDaemon(fleet)
  let pid = daemon.child.pid!
  await phases.run('cold start', pid, () => coldStart(fleet, Date.now(), pid))
  const run = async (phase: string, work: () => Promise<PhaseResult>) => {
    if (phase.includes(limits.phases)) await phases.run(phase, pid, work)
  }
  await run('idle', () => idle(fleet, pid, limits.idleSeconds))
  await run('event in one', () => eventInOne(fleet, 20))
  await run('event in each of 100', () => eventInEach(fleet, 6))
  await run('event in all', () => eventInAll(fleet, 6))
  await run('storm', () => storm(fleet, pid, limits.stormSeconds))
  await run('reboot of all', () => rebootAll(fleet, pid))
  await run('reconnects', () => reconnectRounds(fleet, pid, limits.rounds))
  await run('XAPI restart', () => restartXapi(fleet, pid))
  if (limits.profiles !== undefined) await askProbe(fleet.probeOf(0), 'snapshot', `${limits.profiles}/end.heapsnapshot`)
  if ('daemon restart'.includes(limits.phases)) {
    await daemon.kill()
    daemon = await startDaemon(fleet)
    pid = daemon.child.pid!
    await phases.run('daemon restart', pid, () => coldStart(fleet, Date.now(), pid))
  }
  if ('hand-over and fail-over'.includes(limits.phases)) await losingAHost(fleet, phases, pid)
  return phases.figures
}

async function losingAHost(fleet: Fleet, phases: Phases, pid: number): Promise<void> {
  const other = fleet.startDaemon(1)
  await sleep(2000)
  await phases.run('hand-over of half', pid, () => handOver(fleet, pid, other.child.pid!))
  await phases.run('fail-over of half', pid, () => failOver(fleet, pid, () => other.kill()))
}

/** The daemon at the very beginning: what it does before the first phase is counted there. */
async function startDaemon(fleet: Fleet) {
  await awaitMonitored(fleet)
  const daemon = fleet.startDaemon()
  process.once('exit', () => daemon.child.kill('SIGKILL'))
  for (let i = 0; ; i++) {
    try {
      await askProbe(fleet.probeOf(0), 'read')
      return daemon
    } catch (error) {
      if (i > 100) throw error
      await sleep(20)
    }
  }
}
