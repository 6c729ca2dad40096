import { beforeEach, expect, test } from 'vitest'
import { findTemplates, installTemplate, offersUefi, removeTemplates } from '../../../src/app/template/pool-template.ts'
import { TEMPLATE_KEY } from '../../../src/app/template/coreos-record.ts'
import { useSimSession } from '../../xapi/sim-session.ts'

const { sim, state } = useSimSession()
const { signal } = new AbortController()
const templates = () => [...sim.pool.db.rows('VM')].filter((vm) => vm.get('is_a_template') === true)
const named = () => templates().filter((vm) => vm.get('name_label') === 'CoreOS')

/** Hosts as of 2023: the pool has none. */
beforeEach(() => {
  for (const row of named()) sim.pool.db.remove(row)
})

test('made through XAPI, as clients look for it and systems of today need it', async () => {
  const { template, made } = await installTemplate(state.session, signal)
  expect(made).toBe(true)
  expect(template).toMatchObject({ isOurs: true, uefi: true })
  const record = sim.pool.record('VM', template.ref)!
  expect(record).toMatchObject({
    name_label: 'CoreOS',
    is_a_template: true,
    is_a_snapshot: false,
    power_state: 'Halted',
    HVM_boot_policy: 'BIOS order',
    HVM_boot_params: { order: 'cdn', firmware: 'uefi' },
    domain_type: 'hvm',
    PV_bootloader: '',
    VBDs: [],
  })
  const config = record['other_config'] as Record<string, string>
  // XenCenter tells the kind of such templates only by their names, and both read the disks from here.
  expect(config).toMatchObject({ default_template: 'true', [TEMPLATE_KEY]: template.uuid })
  expect(config['disks']).toMatch(
    /^<provision><disk bootable="true" device="0" size="21474836480" sr="" type="system"\/><\/provision>$/,
  )
  const GIB = 1024 ** 3
  const [least, low, high, most] = ['static_min', 'dynamic_min', 'dynamic_max', 'static_max'].map((name) =>
    Number(record[`memory_${name}`]),
  ) as [number, number, number, number]
  // XAPI's own rule, and room for Fedora CoreOS to lay out its disk anew.
  expect(least <= low && low <= high && high <= most).toBe(true)
  expect(low).toBeGreaterThanOrEqual(4 * GIB)
  expect(record['recommendations']).toContain('<restriction field="supports-uefi" value="yes"/>')
})

test('once: a second install, on another host too, leaves it as it is', async () => {
  const first = await installTemplate(state.session, signal)
  const before = sim.pool.record('VM', first.template.ref)
  expect(await installTemplate(state.session, signal)).toEqual({ template: first.template, made: false })
  expect(sim.pool.record('VM', first.template.ref)).toEqual(before)
})

test('two hosts at the same moment: one template, and both name that', async () => {
  const results = await Promise.all([1, 2, 3].map(() => installTemplate(state.session, signal)))
  expect(named()).toHaveLength(1)
  expect(results.map(({ template }) => template.ref)).toEqual(Array(3).fill(named()[0]?.ref))
  expect(results.filter(({ made }) => made)).toHaveLength(1)
})

test("the vendor's stays as it is, when installing and when removing", async () => {
  const vendor = sim.pool.createVm({ name: 'CoreOS', template: true, powerState: 'Halted' })
  const before = sim.pool.record('VM', vendor.ref)
  expect(await installTemplate(state.session, signal)).toMatchObject({ made: false, template: { isOurs: false } })
  expect(await removeTemplates(state.session, signal)).toEqual([])
  expect(sim.pool.record('VM', vendor.ref)).toEqual(before)
})

test('removed: ours only, and no VM or template that was made of it', async () => {
  const others = templates().map(({ ref }) => ref)
  const { template } = await installTemplate(state.session, signal)
  // Clones have all of other_config, our key too.
  const vm = sim.pool.cloneVm(template, 'CoreOS')
  expect(await findTemplates(state.session, signal)).toHaveLength(2)
  expect((await removeTemplates(state.session, signal)).map(({ ref }) => ref)).toEqual([template.ref])
  expect(
    templates()
      .map(({ ref }) => ref)
      .sort(),
  ).toEqual([...others, vm.ref].sort())
  expect(await removeTemplates(state.session, signal)).toEqual([])
})

test('no VM of that name, and no snapshot of one, is taken for a template', async () => {
  const vm = sim.pool.createVm({ name: 'CoreOS', powerState: 'Halted' })
  sim.pool.snapshotVm(vm, 'CoreOS')
  expect(await findTemplates(state.session, signal)).toEqual([])
  sim.pool.destroyVm(vm)
})

test('a template that cannot be marked is taken back', async () => {
  sim.pool.before('VM.add_to_other_config', () => {
    throw new Error('simulated')
  })
  await expect(installTemplate(state.session, signal)).rejects.toThrow(/VM.add_to_other_config/)
  sim.pool.before('VM.add_to_other_config', undefined)
  expect(named()).toEqual([])
})

test.each([
  ['3.4.0', true],
  ['3.1.0', true],
  ['3.0.0', false],
  ['2.7.0', false],
])('platform %s offers UEFI: %s', async (version, offers) => {
  const hosts = [...sim.pool.db.rows('host')]
  const before = hosts.map((host) => host.get('software_version'))
  sim.pool.db.set(hosts[0]!, 'software_version', [['platform_version', version]])
  expect(await offersUefi(state.session, signal)).toBe(offers)
  if (!offers) {
    const { template } = await installTemplate(state.session, signal)
    expect(template.uefi).toBe(false)
    expect(sim.pool.record('VM', template.ref)).toMatchObject({ HVM_boot_params: { order: 'cdn' } })
  }
  hosts.forEach((host, i) => sim.pool.db.set(host, 'software_version', before[i]!))
})

test('hosts that do not say their version: what templates support counts', async () => {
  const host = [...sim.pool.db.rows('host')][0]!
  const before = host.get('software_version')
  sim.pool.db.set(host, 'software_version', [])
  const [template] = templates()
  sim.pool.db.set(template!, 'recommendations', '<restrictions></restrictions>')
  expect(await offersUefi(state.session, signal)).toBe(false)
  sim.pool.db.set(
    template!,
    'recommendations',
    '<restrictions><restriction field="supports-uefi" value="yes"/></restrictions>',
  )
  expect(await offersUefi(state.session, signal)).toBe(true)
  sim.pool.db.set(host, 'software_version', before)
})
