import type { Container } from 'dockerode'
import { DiagnosedError } from '../base/errors.ts'
import { isAtLeast } from './api-version.ts'
import { containerRef } from './container-ref.ts'
import type { EngineCalls } from './engine-calls.ts'
import { cannotPause } from './errors.ts'
import { anObject, type Json } from './replies.ts'

/** What can be done to a container. */
export type Verb = 'start' | 'stop' | 'restart' | 'pause' | 'unpause'

/** Without `t` for stop and restart: the container's own StopTimeout is to count. */
const VERBS: Readonly<Record<Verb, (container: Container) => Promise<unknown>>> = {
  start: (container) => container.start(),
  stop: (container) => container.stop(),
  restart: (container) => container.restart(),
  pause: (container) => container.pause(),
  unpause: (container) => container.unpause(),
}

/** That may be minutes; whoever waits gives up at some time. */
const STOP_MS = 600_000
const ACT_MS = 60_000
/** Without `one-shot` (API 1.41) the engine takes two samples, one second apart. */
const SAMPLE_MS = 30_000

/** Resolves once the container is as wanted, also where it was so before (the engine says 304 then). */
export async function actOn(calls: EngineCalls, ref: string, verb: Verb, signal: AbortSignal): Promise<void> {
  const path = containerRef(ref)
  const ms = verb === 'stop' || verb === 'restart' ? STOP_MS : ACT_MS
  const name = `POST /containers/${path}/${verb}`
  try {
    await calls.call<unknown>(name, signal, (docker) => VERBS[verb](docker.getContainer(path)), ms)
  } catch (error) {
    // Containers in a virtual machine of their own (Hyper-V isolation) can be paused: the engine has to be asked.
    if (!calls.isWindows || !(error instanceof DiagnosedError) || !isNoPause(verb, error)) throw error
    throw cannotPause(path, error)
  }
}

/** The engine's own refusal, not one about a container that is not there, or a connection that broke. */
function isNoPause(verb: Verb, { diagnosis: { kind } }: DiagnosedError): boolean {
  return (verb === 'pause' || verb === 'unpause') && (kind === 'engine-error' || kind === 'engine-rejected')
}

export async function inspectContainer(calls: EngineCalls, ref: string, signal: AbortSignal): Promise<Json> {
  const path = containerRef(ref)
  const name = `GET /containers/${path}/json`
  return anObject(name, await calls.call<unknown>(name, signal, (docker) => docker.getContainer(path).inspect()))
}

/** One sample of the container's counters. */
export async function sampleStats(calls: EngineCalls, ref: string, signal: AbortSignal): Promise<Json> {
  const path = containerRef(ref)
  const name = `GET /containers/${path}/stats`
  const options = isAtLeast(calls.apiVersion, 1, 41) ? { 'one-shot': true } : {}
  const ask = calls.call<unknown>(
    name,
    signal,
    (docker) => docker.getContainer(path).stats({ stream: false, ...options }),
    SAMPLE_MS,
  )
  return anObject(name, await ask)
}
