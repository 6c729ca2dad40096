import type { Behaviour } from '../faults.ts'
import { extraContainers } from './parts/extra-containers.ts'

export function namelessContainers(): Behaviour {
  const summary = 'Containers with no name, an empty one, only link names, or a link name before their own.'
  return extraContainers({ name: 'nameless-containers', summary }, [
    { names: [], image: 'no-name' },
    { names: [''], image: 'empty-name' },
    { names: ['/web/db', '/app/db'], image: 'link-names' },
    { names: ['/web/cache', '/cache'], image: 'link-first' },
  ])
}
