import { linked } from '../base/deadline.ts'
import { asError, DeadlineError, DiagnosedError } from '../base/errors.ts'
import { Gate } from '../base/gate.ts'
import { nameOf } from '../documents/container-entry.ts'
import { isAtLeast } from '../engine/api-version.ts'
import { containerRef } from '../engine/container-ref.ts'
import type { Engine } from '../engine/engine.ts'
import { ConnectionLostError } from '../engine/errors.ts'
import { text, type Json } from '../engine/replies.ts'
import { argument } from './arguments.ts'
import { engineOf } from './engine-of.ts'
import type { Operation, VmContext } from './operation.ts'
import { hasOwnPast, statsRow, type StatsRow } from './stats-row.ts'

const MAX_CONTAINERS = 200
/** Each takes a stream of its own to the engine. */
const AT_ONCE = 4
/** Before API 1.41 a sample takes the engine two seconds, which it mostly sleeps. */
const SLOW_AT_ONCE = 16
/** Between two samples, where the engine does not take them itself. */
const BETWEEN_MS = 1_000

/** What get_stats gives, as JSON. */
export interface StatsDocument {
  readonly containers: readonly StatsRow[]
  /** Running containers that were not looked at because there are too many. */
  readonly left: number
}

interface Target {
  readonly id: string
  readonly name: string
}

/** What one container (`object`), or all that run, use at this moment. */
export const getStats: Operation = {
  name: 'get_stats',
  args: ['vmuuid'],

  async run(context, args, signal) {
    const object = argument(args, 'object')
    const container = object === undefined ? undefined : containerRef(object)
    const engine = await engineOf(context, signal)
    const targets = container === undefined ? await running(engine, signal) : [await one(engine, container, signal)]
    const chosen = targets.slice(0, MAX_CONTAINERS)
    // Of one that was asked for, an error is the answer; of many, those that are gone meanwhile are left out.
    const rows = await rowsOf(context, engine, chosen, container !== undefined, signal)
    const document: StatsDocument = { containers: rows, left: targets.length - chosen.length }
    return JSON.stringify(document)
  },
}

async function running(engine: Engine, signal: AbortSignal): Promise<Target[]> {
  const list = await engine.list(signal)
  const up = list.filter(
    ({ State, Status }) => State === 'running' || State === 'paused' || /^up\b/i.test(text(Status)),
  )
  return up.flatMap(({ Id, Names }) => (typeof Id === 'string' ? [{ id: Id, name: nameOf(Names) }] : []))
}

async function one(engine: Engine, container: string, signal: AbortSignal): Promise<Target> {
  const { Id, Name } = await engine.inspect(container, signal)
  return { id: typeof Id === 'string' ? Id : container, name: nameOf([Name]) }
}

async function rowsOf(
  { clock }: VmContext,
  engine: Engine,
  targets: readonly Target[],
  strict: boolean,
  signal: AbortSignal,
): Promise<StatsRow[]> {
  const first = await samples(engine, targets, strict, signal)
  const again = targets.filter(({ id }) => first.has(id) && !hasOwnPast(first.get(id) ?? {}))
  if (again.length > 0) await clock.sleep(BETWEEN_MS, signal)
  const second = await samples(engine, again, strict, signal)
  return targets.flatMap(({ id, name }) => {
    const [before, now] = [first.get(id), second.get(id)]
    if (before === undefined) return []
    return [now === undefined ? statsRow(id, name, before) : statsRow(id, name, now, before)]
  })
}

/** By id; the first failure that counts ends what is still under way. */
function samples(
  engine: Engine,
  targets: readonly Target[],
  strict: boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Json>> {
  const gate = new Gate(isAtLeast(engine.apiVersion, 1, 41) ? AT_ONCE : SLOW_AT_ONCE)
  const found = new Map<string, Json>()
  return linked(signal, async (own, abort) => {
    const sample = async ({ id }: Target) => {
      try {
        found.set(id, await gate.pass(own, () => engine.stats(id, own)))
      } catch (error) {
        const hopeless = error instanceof ConnectionLostError || error instanceof DeadlineError
        if (strict || hopeless || !(error instanceof DiagnosedError)) abort(asError(error))
      }
    }
    await Promise.all(targets.map(sample))
    return found
  })
}
