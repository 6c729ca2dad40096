import { expect, test } from 'vitest'
import { TOLD_ACTIONS } from '../../src/engine/event-stream.ts'
import { OBSERVATIONS } from '../../src/observations/index.ts'

/** Docker's events, by type, as its API documentation of version 1.52 lists them. */
const DOCKER_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  container:
    'attach commit copy create destroy detach die exec_create exec_detach exec_die exec_start export health_status kill oom pause rename resize restart start stop top unpause update'.split(
      ' ',
    ),
  image: 'create delete import load mount pull prune push save tag untag'.split(' '),
}

test('Docker is asked to tell of everything that makes an observation due', () => {
  const due = Object.entries(DOCKER_ACTIONS).flatMap(([type, actions]) =>
    actions.filter((action) => OBSERVATIONS.some((observation) => observation.dueAfter({ type, action, id: 'a' }))),
  )
  // What an image's mount, push or save changes is nothing that is published.
  const wanted = due.filter((action) => !['mount', 'prune', 'push', 'save'].includes(action))
  expect(TOLD_ACTIONS).toEqual(expect.arrayContaining(wanted))
})

test('Docker is not asked to tell of what clients do to look at containers', () => {
  for (const noise of ['top', 'exec_create', 'exec_start', 'exec_die', 'attach', 'resize', 'archive-path']) {
    expect(TOLD_ACTIONS).not.toContain(noise)
  }
})
