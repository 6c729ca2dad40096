import type { Clock } from '../../base/clock.ts'
import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import { normalStatus } from '../../documents/container-state.ts'
import { Engine } from '../../engine/engine.ts'
import type { GuestLink } from '../../model/guest.ts'
import type { StepRecorder } from '../../operations/diagnose.ts'

const LIMITS = { callMs: 15_000, replyBytes: 16 * 1024 * 1024, eventLineBytes: 1024 * 1024 }
/** Beyond this, times of containers and their logs mislead, and certificates may not be valid yet. */
const MOST_SKEW_MS = 30_000

export interface EngineWalk {
  readonly clock: Clock
  readonly link: GuestLink
  readonly steps: StepRecorder
}

/** The steps on the engine's side: its version, the list, the clock. Rejects with what failed. */
export async function diagnoseEngine({ clock, link, steps }: EngineWalk, signal: AbortSignal): Promise<void> {
  steps.enter('engine')
  const openStream = (inTime: AbortSignal) => link.openStream(inTime)
  const engine = await Engine.open({ clock, openStream }, LIMITS, signal)
  const { Version } = await engine.version(signal)
  const version = typeof Version === 'string' ? cutText(cleanForTerminal(Version), 40) : 'of unknown version'
  steps.note(`${engine.product === 'podman' ? 'Podman' : 'Docker'} ${version}, spoken to in API ${engine.apiVersion}`)
  steps.enter('list')
  const list = await engine.list(signal)
  const running = list.filter(({ Status, State }) => normalStatus(text(Status), text(State)).startsWith('Up')).length
  steps.note(`${list.length} ${list.length === 1 ? 'container' : 'containers'}, ${running} running`)
  steps.enter('clock')
  const before = clock.now()
  const { SystemTime } = await engine.info(signal)
  steps.note(clockStory(SystemTime, (before + clock.now()) / 2))
}

/** How far the guest's clock is from ours. Throws RefusedError when that is too far. */
export function clockStory(systemTime: unknown, nowMs: number): string {
  const skew = (typeof systemTime === 'string' ? Date.parse(systemTime) : NaN) - nowMs
  if (Number.isNaN(skew)) return 'the engine does not tell its time'
  const seconds = Math.abs(skew) / 1000
  const words = `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s ${skew < 0 ? 'behind' : 'ahead of'} this host's`
  if (Math.abs(skew) <= MOST_SKEW_MS) return seconds < 1 ? 'the same as this host, within 1 s' : words
  throw new RefusedError({
    kind: 'clock-skew',
    cause: `The guest's clock is ${words}`,
    cure: 'Set the guest up for NTP (timedatectl set-ntp true), and check NTP on this host as well (chronyc tracking)',
  })
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
