import type { Behaviour } from '../../faults.ts'
import type { ContainerSpec } from '../../sim-container.ts'

/** A fault that consists of containers which are there while it lasts; no events tell of them. */
export function extraContainers(about: Pick<Behaviour, 'name' | 'summary'>, specs: Iterable<ContainerSpec>): Behaviour {
  return {
    ...about,
    begin(guest) {
      const { store } = guest.engine
      const added = [...specs].map((spec) => store.add(spec))
      return { end: () => added.forEach((container) => store.forget(container)) }
    },
  }
}
