import { describe, expect, it } from 'vitest'
import { diagnosisOf } from '../../src/base/errors.ts'
import { deregister } from '../../src/operations/deregister.ts'
import { register } from '../../src/operations/register.ts'
import { FakeContext, refusal, SIGNAL, vmRecord } from './fake-context.ts'

const args = { vmuuid: 'x', container: '' }

describe('register', () => {
  it.each([[{}], [{ 'xscontainer-monitor': 'False' }], [{ 'xscontainer-monitor': 'true' }]])(
    'sets the key where it was %j, halted or not',
    async (otherConfig) => {
      const context = new FakeContext()
      context.vm = vmRecord({ otherConfig: otherConfig, powerState: 'Halted' })
      expect(await register.run(context, args, SIGNAL)).toBe('')
      expect(context.done).toEqual(['setKeys {"xscontainer-monitor":"True"}'])
    },
  )

  it('is fine where it is so already', async () => {
    const context = new FakeContext()
    expect(await register.run(context, args, SIGNAL)).toBe('')
    expect(context.done).toEqual([])
  })

  it.each([
    [{ isTemplate: true }, 'template'],
    [{ isSnapshot: true, isTemplate: true }, 'snapshot'],
    [{ isControlDomain: true }, 'control domain'],
  ])('refuses %j', async (change, word) => {
    const context = new FakeContext()
    context.vm = vmRecord({ ...change, otherConfig: {}, name: 'evil\x1B[2J' })
    const error = await refusal(register.run(context, args, SIGNAL))
    expect(diagnosisOf(error).kind).toBe('not-a-vm')
    expect(String(error)).toContain(`VM "evil\uFFFD[2J" (${context.vm.uuid}) is a ${word}`)
    expect(context.done).toEqual([])
  })
})

describe('deregister', () => {
  const wipe =
    'setKeys {"docker_ps":null,"docker_info":null,"docker_version":null,"docker_top":null,"xscontainer-status":null,"xscontainer-updated":null}'

  it.each([[{}], [{ 'xscontainer-monitor': 'True' }]])('ends the monitoring first, then wipes: %j', async (config) => {
    const context = new FakeContext()
    context.vm = vmRecord({ otherConfig: config })
    expect(await deregister.run(context, args, SIGNAL)).toBe('')
    expect(context.done).toEqual(['setKeys {"xscontainer-monitor":"False"}', wipe])
  })

  it('wipes what is left of one that was deregistered before', async () => {
    const context = new FakeContext()
    context.vm = vmRecord({ otherConfig: { 'xscontainer-monitor': 'False' } })
    expect(await deregister.run(context, args, SIGNAL)).toBe('')
    expect(context.done).toEqual([wipe])
  })
})
