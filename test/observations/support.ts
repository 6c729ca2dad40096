import { readFileSync } from 'node:fs'
import type { Engine, ProcessTable } from '../../src/engine/engine.ts'
import type { ObserveContext } from '../../src/observations/observation.ts'

export type Json = Readonly<Record<string, unknown>>

type Part = 'containers' | 'info' | 'version' | 'top' | 'top-columns'

/** What a real engine answered. */
export function answer(engine: 'docker' | 'podman', part: Part): Json {
  return JSON.parse(read(`../golden/samples/${engine}-${part}.json`)) as Json
}

/** A list: what a real engine answered, or a sample with what that one had not. */
export function containers(name: string): readonly Json[] {
  const real = name === 'docker' || name === 'podman'
  const path = real ? `../golden/samples/${name}-containers.json` : `samples/${name}.json`
  return JSON.parse(read(path)) as Json[]
}

/** The table that the engine answers to what is asked of it here. */
export function processes(engine: 'docker' | 'podman'): ProcessTable {
  const { Titles, Processes } = answer(engine, engine === 'docker' ? 'top' : 'top-columns')
  return { titles: Titles as string[], processes: Processes as string[][] }
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

export function golden(name: string): string {
  return new URL(`../golden/${name}.xml`, import.meta.url).pathname
}

/** An engine that knows no more than these answers. */
export function engineWith(answers: {
  list?: readonly Json[]
  /** In place of `list`: what is answered for these ids; undefined: for all. */
  listOf?: (ids: readonly string[] | undefined) => Promise<readonly Json[]>
  info?: Json
  version?: Json
  top?: (id: string) => Promise<ProcessTable>
}): Engine {
  return {
    list: (_signal: AbortSignal, ids?: readonly string[]) =>
      (answers.listOf ?? (() => Promise.resolve(answers.list)))(ids),
    info: () => Promise.resolve(answers.info),
    version: () => Promise.resolve(answers.version),
    top: answers.top,
  } as unknown as Engine
}

export function context<T>(previous?: T, more: Partial<ObserveContext<T>> = {}): ObserveContext<T> {
  return { previous, running: [], monotonicMs: 0, ...more }
}

export const SIGNAL = new AbortController().signal
export const BUDGET = 65_536
