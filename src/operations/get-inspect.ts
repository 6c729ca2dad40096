import { encodeMembers, readMembers } from '../documents/members.ts'
import { containerRef } from '../engine/container-ref.ts'
import { engineOf } from './engine-of.ts'
import type { Operation } from './operation.ts'

const ROOT = 'docker_inspect'
const BUDGET_BYTES = 262_144

/** All that the engine tells of a container, as XML. */
export const getInspect: Operation = {
  name: 'get_inspect',
  args: ['vmuuid', 'object'],

  async run(context, args, signal) {
    const container = containerRef(args.object ?? '')
    const engine = await engineOf(context, signal)
    const document = await engine.inspect(container, signal)
    return encodeMembers(ROOT, readMembers(ROOT, document, undefined, new Set()), BUDGET_BYTES)
  },
}
