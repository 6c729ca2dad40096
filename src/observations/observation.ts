import type { Engine } from '../engine/engine.ts'
import type { EngineEvent } from '../engine/event-stream.ts'

/** What an observation may use while it looks at one guest. */
export interface ObserveContext<T> {
  /** What the same observation saw last on this connection, if anything. */
  readonly previous: T | undefined
  /** Full ids of the running containers, as of the last list. */
  readonly running: readonly string[]
  /** Their names by full id, where known. */
  readonly names?: ReadonlyMap<string, string>
  /** Milliseconds on a clock that never jumps, for rates between two samples. */
  readonly monotonicMs: number
  /** All that the engine told since the last look, where nothing but that is to be looked at. */
  readonly told?: readonly EngineEvent[]
}

/** One thing that we publish about a guest: one file, one key in VM.other_config. */
export interface Observation<T> {
  /** The key in VM.other_config, which is the root element's name too. */
  readonly key: string
  /** What makes it due besides the first look: the slow resync, the sampling schedule of top, or neither. */
  readonly cadence: 'resync' | 'sampling'
  /** Whether this engine event may have changed it. Events are hints only: the next look is the truth. */
  dueAfter(event: EngineEvent): boolean
  /** Whether the value has all that this event tells of; undefined where the value does not tell. */
  shows?(value: T, event: EngineEvent): boolean | undefined
  /** Least time between two looks that events asked for, milliseconds. */
  readonly minGapMs: number
  observe(engine: Engine, context: ObserveContext<T>, signal: AbortSignal): Promise<T>
  /** For the one observation that knows: the names of the running containers by full id, for the others' context. */
  runningIn?(value: T): ReadonlyMap<string, string>
  /** For values that go stale in parts: what is left of it when only these containers run. */
  prune?(value: T, runningIds: ReadonlySet<string>): T
  /** The document to publish: at most `budgetBytes` of UTF-8, the same bytes for the same state. */
  encode(value: T, budgetBytes: number): string
}
