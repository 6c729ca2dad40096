import { engineTooOld, replyWrongShape } from './errors.ts'

/** The newest API version that this product was tried with. */
const OURS: Version = [1, 52]
/** Docker 1.12; older engines lack what is asked for here. */
const OLDEST: Version = [1, 24]

type Version = readonly [major: number, minor: number]

/**
 * The version to speak with an engine that sent this `/version` document: the newest that both know, or the engine's
 * oldest where even that is newer than what this product was tried with.
 */
export function chooseApiVersion(document: Readonly<Record<string, unknown>>): string {
  const newest = parse(document.ApiVersion)
  if (newest === undefined) throw replyWrongShape('GET /version', 'an engine version document')
  if (isLess(newest, OLDEST)) throw engineTooOld(newest.join('.'))
  const oldest = parse(document.MinAPIVersion)
  const shared = isLess(newest, OURS) ? newest : OURS
  const spoken = oldest !== undefined && isLess(shared, oldest) && !isLess(newest, oldest) ? oldest : shared
  return spoken.join('.')
}

/** Podman names itself among the components of its `/version` document. */
export function productOf(document: Readonly<Record<string, unknown>>): 'docker' | 'podman' {
  const components: unknown[] = Array.isArray(document.Components) ? document.Components : []
  const names = components.map((part) => (typeof part === 'object' && part !== null && 'Name' in part ? part.Name : ''))
  return names.some((name) => typeof name === 'string' && /^podman\b/i.test(name)) ? 'podman' : 'docker'
}

function parse(text: unknown): Version | undefined {
  const match = typeof text === 'string' ? /^(\d{1,3})\.(\d{1,4})$/.exec(text) : null
  return match === null ? undefined : [Number(match[1]), Number(match[2])]
}

function isLess(a: Version, b: Version): boolean {
  return a[0] === b[0] ? a[1] < b[1] : a[0] < b[0]
}

/** Whether a version such as `1.41` is this one or a later one. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const parsed = parse(version)
  return parsed !== undefined && !isLess(parsed, [major, minor])
}
