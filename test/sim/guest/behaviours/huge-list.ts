import type { Behaviour } from '../faults.ts'
import type { ContainerSpec } from '../sim-container.ts'
import { extraContainers } from './parts/extra-containers.ts'

export function hugeList(count = 100_000): Behaviour {
  const summary = 'The engine has 100,000 containers.'
  return extraContainers({ name: 'huge-list', summary }, many(count))
}

function* many(count: number): Generator<ContainerSpec> {
  for (let i = 0; i < count; i++) yield { name: `c${i}`, state: i % 2 === 0 ? 'exited' : 'running', processes: [] }
}
