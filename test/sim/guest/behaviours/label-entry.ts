import type { Behaviour } from '../faults.ts'
import { extraContainers } from './parts/extra-containers.ts'

export function labelEntry(): Behaviour {
  const summary =
    'A container has a label, a network and a mount named `entry`: clients must not see a ghost container.'
  return extraContainers({ name: 'label-entry', summary }, [
    {
      name: 'haunted',
      labels: { entry: 'ghost', item: 'ghost', 'com.docker.compose.project': 'entry' },
      networks: { entry: '172.18.0.2' },
      mounts: [{ type: 'volume', name: 'entry', source: '/entry', destination: '/entry' }],
    },
  ])
}
