import { readFileSync } from 'node:fs'
import type { Engine, ProcessTable } from '../../src/engine/engine.ts'
import type { ObserveContext } from '../../src/observations/observation.ts'

export type Json = Readonly<Record<string, unknown>>

/** What real engines answer, cut down to what differs between them. */
export interface Sample {
  readonly list: readonly Json[]
  readonly info: Json
  readonly version: Json
  readonly top: { readonly Titles: readonly string[]; readonly Processes: readonly (readonly string[])[] }
}

export function sample(engine: string): Sample {
  return JSON.parse(readFileSync(new URL(`samples/${engine}.json`, import.meta.url), 'utf8')) as Sample
}

export function golden(name: string): string {
  return new URL(`../golden/${name}.xml`, import.meta.url).pathname
}

/** An engine that knows no more than these answers. */
export function engineWith(answers: {
  list?: readonly Json[]
  info?: Json
  version?: Json
  top?: (id: string) => Promise<ProcessTable>
}): Engine {
  return {
    list: () => Promise.resolve(answers.list),
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
