import type { Behaviour } from '../faults.ts'
import { extraContainers } from './parts/extra-containers.ts'

export function hugeStrings(bytes = 1024 * 1024): Behaviour {
  const summary = 'One container has a name, a command, an image and a label of 1 MB each.'
  const big = '&'.repeat(bytes)
  return extraContainers({ name: 'huge-strings', summary }, [
    { name: big, command: big, image: big, labels: { 'com.docker.compose.project': big, [big]: 'x' } },
  ])
}
