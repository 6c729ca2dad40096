import { describe, expect, it } from 'vitest'
import { diagnosisOf, RefusedError, TransientError } from '../../src/base/errors.ts'
import { KEY } from '../../src/model/fields.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { pause } from '../../src/operations/pause.ts'
import { restart } from '../../src/operations/restart.ts'
import { start } from '../../src/operations/start.ts'
import { stop } from '../../src/operations/stop.ts'
import { unpause } from '../../src/operations/unpause.ts'
import type { ContainerState } from '../sim/guest/sim-container.ts'
import { FakeContext, refusal, SIGNAL, vmRecord } from './fake-context.ts'

const ALL = [start, stop, restart, pause, unpause]
const act = (context: FakeContext, operation: Operation, container = 'web') =>
  operation.run(context, { vmuuid: 'x', container }, SIGNAL)
const web = (state: ContainerState) => new FakeContext({ containers: [{ name: 'web', state }] })
const stateOf = ({ sim }: FakeContext) => sim.store.find('web').live.state

describe('lifecycle operations', () => {
  it.each([
    { name: 'start', operation: start, before: 'exited', after: 'running' },
    { name: 'start', operation: start, before: 'running', after: 'running' },
    { name: 'stop', operation: stop, before: 'running', after: 'exited' },
    { name: 'stop', operation: stop, before: 'exited', after: 'exited' },
    { name: 'restart', operation: restart, before: 'running', after: 'running' },
    { name: 'restart', operation: restart, before: 'exited', after: 'running' },
    { name: 'pause', operation: pause, before: 'running', after: 'paused' },
    { name: 'unpause', operation: unpause, before: 'paused', after: 'running' },
  ] as const)('$name of one that is $before', async ({ operation, before, after }) => {
    const context = web(before)
    expect(await act(context, operation)).toBe('')
    expect(stateOf(context)).toBe(after)
    expect(context.done).toEqual(['refreshList'])
    expect(context.sim.requestCount(new RegExp(`^POST /containers/web/${operation.name}$`))).toBe(1)
  })

  it.each([
    { name: 'stop', operation: stop, state: 'running', status: /^Exited/ },
    { name: 'pause', operation: pause, state: 'running', status: /\(Paused\)$/ },
    { name: 'unpause', operation: unpause, state: 'paused', status: /^Up [^(]*$/ },
  ] as const)('$name refreshes the list until the list shows it', async ({ operation, state, status }) => {
    const lag = { die: 150, pause: 150, unpause: 150 }
    const context = new FakeContext({ containers: [{ name: 'web', state }], listLagMs: lag })
    await act(context, operation)
    expect((await (await context.engine(SIGNAL)).list(SIGNAL))[0]?.Status).toMatch(status)
    expect(new Set(context.done)).toEqual(new Set(['refreshList']))
  })

  it.each([
    { name: 'start', operation: start, state: 'exited' },
    { name: 'restart', operation: restart, state: 'running' },
  ] as const)('$name refreshes the list until the list shows it', async ({ operation, state }) => {
    const context = new FakeContext({ containers: [{ name: 'web', state }], listLagMs: { die: 0, start: 700 } })
    await act(context, operation)
    expect((await (await context.engine(SIGNAL)).list(SIGNAL))[0]?.Status).toMatch(/^Up/)
  })

  it.each([
    { name: 'start', operation: start, state: 'exited' },
    { name: 'restart', operation: restart, state: 'exited' },
    { name: 'start', operation: start, state: 'restarting' },
  ] as const)('$name of one that is $state at once: nothing is waited for', async ({ operation, state }) => {
    const context = web('exited')
    const refreshList = context.refreshList.bind(context)
    context.refreshList = (signal) => {
      const container = context.sim.store.find('web')
      container.live = container.listed = { ...container.live, state }
      return refreshList(signal)
    }
    await act(context, operation)
    expect(context.done).toEqual(['refreshList'])
  })

  it('look once where the list shows it at once', async () => {
    const context = web('running')
    await act(context, pause)
    expect(context.sim.requestCount(/containers\/json$/)).toBe(1)
  })

  it('do not wait for a list that never shows it, nor where none is published', async () => {
    const context = new FakeContext({ containers: [{ name: 'web' }], listLagMs: { pause: 3_600_000 } })
    await act(context, pause)
    expect(context.sim.requestCount(/containers\/json$/)).toBeLessThan(40)
    let asked = 0
    context.refreshList = () => Promise.resolve(void asked++)
    await act(context, stop)
    expect(asked).toBe(1)
  })

  it('take a full id, and the beginning of one', async () => {
    const context = web('running')
    const { id } = context.sim.store.find('web')
    await act(context, stop, id)
    await act(context, start, id.slice(0, 10))
    expect(stateOf(context)).toBe('running')
  })

  it.each([
    ['is not there', pause, 'nobody', 'engine-not-found', 'No such container: nobody'],
    ['could be two', pause, 'ab', 'engine-rejected', 'Multiple IDs found with provided prefix: ab'],
    ['is in no state for it', unpause, 'web', 'engine-error', 'is not paused'],
    ['is paused already', pause, 'frozen', 'engine-conflict', 'is already paused'],
  ])('tell the administrator too when the container %s', async (_name, operation, container, kind, text) => {
    const context = new FakeContext({
      containers: [
        { name: 'web', id: 'ab1' },
        { name: 'frozen', id: 'ab2', state: 'paused' },
      ],
    })
    const error = await refusal(act(context, operation, container))
    expect(diagnosisOf(error).kind).toBe(kind)
    expect(String(error)).toContain(text)
    const title = `Container Management cannot ${operation.name} ${container}: ${diagnosisOf(error).cause}`
    expect(context.done).toEqual([`tell ${title}: ${(error as Error).message}`])
  })

  it('tell when the engine cannot be reached', async () => {
    const context = web('running')
    const lost = new TransientError({ kind: 'ssh-timeout', cause: 'The guest is silent', cure: 'Look at it' })
    context.failing.set('engine', lost)
    expect(await refusal(act(context, stop))).toBe(lost)
    const title = 'Container Management cannot stop web: The guest is silent'
    expect(context.done).toEqual([`tell ${title}: The guest is silent. Look at it`])
  })

  it('fail with their own reason when that cannot be told', async () => {
    const context = web('running')
    context.failing.set('tell', new Error('no messages today'))
    expect(diagnosisOf(await refusal(act(context, unpause))).kind).toBe('engine-error')
  })

  it('succeed when only the list could not be brought up to date', async () => {
    const context = web('running')
    context.failing.set('refreshList', new TransientError({ kind: 'x', cause: 'x', cure: 'x' }))
    expect(await act(context, stop)).toBe('')
    context.failing.set('refreshList', new Error('the caller is gone'))
    expect(await refusal(act(context, start))).toEqual(new Error('the caller is gone'))
  })

  it.each(ALL)('$name asks nothing about what can be no container, and tells nobody', async (operation) => {
    const context = web('running')
    for (const text of ['../../version', 'a b', '', 'wéb', 'web/../x']) {
      const error = await refusal(act(context, operation, text))
      expect(error).toBeInstanceOf(RefusedError)
      expect(diagnosisOf(error).kind).toBe('bad-container')
    }
    expect([context.sim.requests.size, context.done]).toEqual([0, []])
  })

  it.each(ALL)('$name is refused where actions are off', async (operation) => {
    for (const setting of ['off', 'OFF', ' Off ']) {
      const context = web('running')
      context.pool = { 'xscontainer-actions': setting }
      expect(diagnosisOf(await refusal(act(context, operation))).kind).toBe('actions-off')
      expect([context.sim.requests.size, context.done]).toEqual([0, []])
    }
  })

  it('is allowed with any other setting', async () => {
    const context = web('running')
    context.pool = { 'xscontainer-actions': 'on' }
    expect(await act(context, stop)).toBe('')
  })

  it.each([
    ['was never registered', vmRecord({ otherConfig: {} }), 'not-registered'],
    ['was deregistered', vmRecord({ otherConfig: { [KEY.monitor]: 'False' } }), 'not-registered'],
    ['is halted', vmRecord({ powerState: 'Halted' }), 'not-running'],
    ['is suspended', vmRecord({ powerState: 'Suspended' }), 'not-running'],
  ])('is refused for a VM that %s', async (_name, vm, kind) => {
    const context = web('running')
    context.vm = vm
    const error = await refusal(act(context, stop))
    expect(diagnosisOf(error).kind).toBe(kind)
    expect(String(error)).toContain('VM "shop" (3f9b2c1e-7d9a-4a53-9b1c-0d5a6c8e7f10)')
    expect([context.sim.requests.size, context.done]).toEqual([0, []])
  })
})
