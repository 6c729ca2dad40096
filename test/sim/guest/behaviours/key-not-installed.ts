import type { Behaviour } from '../faults.ts'

export function keyNotInstalled(): Behaviour {
  return {
    name: 'key-not-installed',
    summary: 'The user exists but none of its authorized keys is the one that is offered.',
    begin: () => ({ login: () => 'refuse' }),
  }
}
