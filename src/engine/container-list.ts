import { elementsOf, isList, isObject, membersOf, skipBlanks, type Place } from '../base/json-text.ts'

/** A list of some 80 containers is parsed as it is, in 1 ms. */
const SMALL_BYTES = 64 * 1024
/** So many bytes are read in one go. */
const SLICE_BYTES = 128 * 1024
/** The longest text of which the beginning counts; what is longer is cut to nothing of use anyway. */
const TEXT_BYTES = 2 * 1024 * 1024

/** What is read of an object: `true`, a text or a number; `texts`, a list of them; in brackets, what each of a list has. */
interface Shape {
  readonly [name: string]: true | 'texts' | Shape | readonly [Shape]
}

const CONTAINER: Shape = {
  Id: true,
  Names: 'texts',
  Image: true,
  Command: true,
  Created: true,
  State: true,
  Status: true,
  Health: { Status: true },
  Ports: [{ IP: true, PrivatePort: true, PublicPort: true, Type: true }],
  Labels: { 'com.docker.compose.project': true, 'com.docker.compose.service': true },
}

/**
 * An engine's answer to `/containers/json`, in steps between which others may have their turn: a long one with those
 * members only that anybody here reads. The others may have any number of names that nobody has ever seen, for which
 * JSON.parse would hold up everybody for a second. Throws SyntaxError where it is no JSON.
 */
export function* readContainers(body: Buffer): Generator<void, unknown> {
  const list = skipBlanks(body, 0)
  if (body.length <= SMALL_BYTES || !isList(body, list)) return JSON.parse(body.toString()) as unknown
  const containers: unknown[] = []
  let paused = list
  for (const place of elementsOf(body, list)) {
    containers.push(isObject(body, place.start) ? picked(body, place, CONTAINER) : undefined)
    if (place.end - paused < SLICE_BYTES) continue
    yield
    paused = place.end
  }
  return containers
}

/** The object at this place with the members of this shape. */
function picked(body: Buffer, { start }: Place, shape: Shape): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const member of membersOf(body, start)) {
    const wanted = Object.hasOwn(shape, member.name) ? shape[member.name] : undefined
    if (wanted !== undefined) object[member.name] = valueOf(body, member, wanted)
  }
  return object
}

function valueOf(body: Buffer, place: Place, wanted: Shape[string]): unknown {
  if (wanted === true) return scalar(body, place)
  const at = place.start
  if (wanted === 'texts')
    return isList(body, at) ? [...elementsOf(body, at)].map((each) => scalar(body, each)) : undefined
  if (!Array.isArray(wanted)) return isObject(body, at) ? picked(body, place, wanted as Shape) : undefined
  if (!isList(body, at)) return undefined
  const objects = [...elementsOf(body, at)].filter(({ start }) => isObject(body, start))
  return objects.map((each) => picked(body, each, (wanted as readonly [Shape])[0]))
}

/** A text, a number, a truth value or null; undefined for what has parts. */
function scalar(body: Buffer, { start, end }: Place): unknown {
  if (isList(body, start) || isObject(body, start) || end - start > TEXT_BYTES) return undefined
  return JSON.parse(body.toString('utf8', start, end))
}
