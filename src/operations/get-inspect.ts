import { RefusedError } from '../base/errors.ts'
import { encodeMembers, readMembers } from '../documents/members.ts'
import { containerRef } from '../engine/container-ref.ts'
import { argument } from './arguments.ts'
import { engineOf } from './engine-of.ts'
import type { Operation } from './operation.ts'

const ROOT = 'docker_inspect'
const BUDGET_BYTES = 262_144
/** As JSON nothing is left out: what is larger is no container's document. */
const MOST_JSON_BYTES = 4_194_304
/** JSON is read level by level, but written with a call for each, and shown with blanks for each: 8 are usual. */
const MOST_LEVELS = 64

/** All that the engine tells of a container, as XML; with `format`=`json` as the engine tells it. */
export const getInspect: Operation = {
  name: 'get_inspect',
  args: ['vmuuid', 'object'],

  async run(context, args, signal) {
    const container = containerRef(args.object ?? '')
    const engine = await engineOf(context, signal)
    const document = await engine.inspect(container, signal)
    if (argument(args, 'format') === 'json') return jsonOf(document)
    return encodeMembers(ROOT, readMembers(ROOT, document, undefined, new Set()), BUDGET_BYTES)
  },
}

function jsonOf(document: unknown): string {
  if (isDeeper(document, MOST_LEVELS)) throw notShown("is deeper than any container's document")
  const text = JSON.stringify(document)
  if (Buffer.byteLength(text) <= MOST_JSON_BYTES) return text
  throw notShown(`is more than ${MOST_JSON_BYTES} bytes`)
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1))
}

function notShown(why: string): RefusedError {
  return new RefusedError({
    kind: 'reply-too-large',
    cause: `What the container engine tells of this container ${why}`,
    cure: 'Look at it in the guest (docker inspect)',
  })
}
