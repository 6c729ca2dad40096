import { describe, expect, it } from 'vitest'
import { info } from '../../src/observations/info.ts'
import { version } from '../../src/observations/version.ts'
import { answer, BUDGET, context, engineWith, golden, SIGNAL, type Json } from './support.ts'

const observe = (document: Json, previous?: Awaited<ReturnType<typeof info.observe>>) =>
  info.observe(engineWith({ info: document }), context(previous), SIGNAL)
const encode = async (document: Json, budget = BUDGET) => info.encode(await observe(document), budget)

describe('docker_info', () => {
  it.each(['docker', 'podman'] as const)('of %s', async (engine) => {
    await expect(await encode(answer(engine, 'info'))).toMatchFileSnapshot(golden(`docker_info.${engine}`))
  })

  it.each([
    { SystemTime: '2026-11-22T10:05:00Z' },
    { NFd: 25, NGoroutines: 99, NEventsListener: 7 },
    { DriverStatus: [['Data Space Used', '12.1 GB']] },
  ])('stays what it was when only %j changed', async (change) => {
    const document = answer('docker', 'info')
    const before = await observe(document)
    expect(await observe({ ...document, ...change }, before)).toBe(before)
  })

  it.each([{ Containers: 40 }, { Name: 'other' }, { New: 1 }, { SystemTime: 'x', Images: 9 }, { Labels: ['a=b'] }])(
    'is new when %j changed, volatile members included',
    async (change) => {
      const document = answer('docker', 'info')
      const before = await observe(document)
      const after = await observe({ ...document, NFd: 99, ...change }, before)
      expect(after).not.toBe(before)
      expect(info.encode(after, BUDGET)).toContain('<NFd>99</NFd>')
    },
  )

  it('is new when a member is gone', async () => {
    const { NFd: _gone, ...document } = answer('docker', 'info')
    const before = await observe(answer('docker', 'info'))
    expect(await observe(document, before)).not.toBe(before)
    expect(await observe({ ...document, Other: 1 }, before)).not.toBe(before)
  })

  it('leaves out huge members and keeps the small ones', async () => {
    const xml = await encode(
      { ID: 'a', A: 'x'.repeat(12_000), B: 'x'.repeat(12_000), Huge: 'y'.repeat(1e6), NCPU: 2 },
      20_000,
    )
    expect(xml).toBe('<docker_info><ID>a</ID><NCPU>2</NCPU><truncated>3</truncated></docker_info>')
  })

  it('leaves out members at the end when there are too many, within its budget', async () => {
    const document = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`Member${index}`, index]))
    const xml = await encode(document, 10_000)
    expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(10_000)
    expect(xml).toMatch(/^<docker_info><Member0>0<\/Member0>.*<truncated>4\d{3}<\/truncated><\/docker_info>$/)
  })

  it.each([
    ['container', 'start', true],
    ['container', 'die', true],
    ['container', 'destroy', true],
    ['container', 'rename', false],
    ['container', 'exec_start', false],
    ['image', 'pull', true],
    ['network', 'create', false],
  ])('is due after %s %s: %s', (type, action, due) => {
    expect(info.dueAfter({ type, action, id: '' })).toBe(due)
  })
})

describe('docker_version', () => {
  it.each(['docker', 'podman'] as const)('of %s', async (engine) => {
    const value = await version.observe(engineWith({ version: answer(engine, 'version') }), context(), SIGNAL)
    await expect(version.encode(value, BUDGET)).toMatchFileSnapshot(golden(`docker_version.${engine}`))
  })

  it('stays what it was while the engine says the same', async () => {
    const engine = engineWith({ version: answer('docker', 'version') })
    const before = await version.observe(engine, context(), SIGNAL)
    expect(await version.observe(engine, context(before), SIGNAL)).toBe(before)
    const updated = engineWith({ version: { ...answer('docker', 'version'), Version: '29.0.0' } })
    expect(await version.observe(updated, context(before), SIGNAL)).not.toBe(before)
  })
})
