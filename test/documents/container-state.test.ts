import { describe, expect, it } from 'vitest'
import { healthOf, normalStatus } from '../../src/documents/container-state.ts'

describe('normalStatus', () => {
  it.each([
    ['Up 3 minutes', 'running', 'Up'],
    ['Up Less than a second', '', 'Up'],
    ['Up About an hour (healthy)', 'running', 'Up'],
    ['Up 5 seconds (health: starting)', 'running', 'Up'],
    ['Up 2 weeks (Paused)', 'paused', 'Up (Paused)'],
    ['Up 2 weeks', 'paused', 'Up (Paused)'],
    ['Exited (137) 2 hours ago', 'exited', 'Exited (137)'],
    ['Exited (0) Less than a second ago', '', 'Exited (0)'],
    ['Exited (-1) 3 days ago', 'exited', 'Exited (-1)'],
    ['Restarting (1) 5 seconds ago', 'restarting', 'Restarting (1)'],
    ['Created', 'created', 'Created'],
    ['Dead', 'dead', 'Dead'],
    ['Removal In Progress', 'removing', 'Removal In Progress'],
    ['', 'running', 'Up'],
    ['', 'paused', 'Up (Paused)'],
    ['', 'configured', 'Created'],
    ['', 'created', 'Created'],
    ['', 'exited', 'Exited'],
    ['', 'stopped', 'Exited'],
    ['', 'stopping', 'Stopping'],
    ['', 'removing', 'Removal In Progress'],
    ['', 'constructor', 'Constructor'],
    ['Sleeping since 5 minutes', '', 'Sleeping since'],
    ['5 minutes', '', 'Unknown'],
    ['', '', 'Unknown'],
    ['  Up 1 second  ', '', 'Up'],
    ['Upside down', 'dead', 'Dead'],
  ])('%j in state %j is %j', (status, state, normal) => {
    expect(normalStatus(status, state)).toBe(normal)
  })

  it('bounds what it takes over', () => {
    expect(normalStatus('x'.repeat(1e6), '').length).toBeLessThanOrEqual(32)
    expect(normalStatus('', 'y'.repeat(1e6)).length).toBeLessThanOrEqual(32)
  })
})

describe('healthOf', () => {
  it.each([
    ['Up 3 minutes (healthy)', undefined, 'healthy'],
    ['Up 3 minutes (unhealthy)', undefined, 'unhealthy'],
    ['Up 3 minutes (health: starting)', undefined, 'starting'],
    ['Up 3 minutes', { Status: 'healthy' }, 'healthy'],
    ['Up 3 minutes', { Status: 'none' }, undefined],
    ['Up 3 minutes', { Status: 7 }, undefined],
    ['Up 3 minutes', null, undefined],
    ['Exited (0) 3 minutes ago', undefined, undefined],
    ['Up 3 minutes (Paused)', undefined, undefined],
  ])('%j with %j is %j', (status, health, verdict) => {
    expect(healthOf(status, health)).toBe(verdict)
  })
})
