import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { bufferSource } from '../../../src/provision/iso/byte-source.ts'
import { readIso } from '../../../src/provision/iso/read-iso.ts'
import { StoppedError } from '../../../src/base/errors.ts'
import { writeIso } from '../../../src/provision/iso/write-iso.ts'
import { PUBLIC_KEY, TEMPLATE, useOperationSim } from './sim-host.ts'

const sim = useOperationSim()
const UNKNOWN = '6e1c8cb1-5c8a-4e0b-8a55-1b0a2f0e3c11'

async function filesOf(vm: { readonly ref: string }): Promise<Record<string, string>> {
  const { vdiRef } = sim.marked(vm)[0]!
  const image = await readIso(bufferSource(sim.pool.vdiContent(vdiRef)!))
  const files = await Promise.all(
    image.files.map(async ({ path }) => [path, (await image.read(path, 2 << 20))!.toString()] as const),
  )
  return Object.fromEntries(files)
}

describe('what is on the drive', () => {
  afterEach(() => rmSync(join(sim.dir, 'isos'), { recursive: true, force: true }))

  test('without a tools ISO', async () => {
    const vm = sim.vm('Halted', 'Web 01')
    await sim.create(vm, TEMPLATE.replaceAll('\n', '%BR%'))
    const written = TEMPLATE.replaceAll('\n', '\r\n')
    expect(await filesOf(vm)).toEqual({
      'openstack/latest/user_data': written.replace('%CONTAINERRSAPUB%', PUBLIC_KEY),
      'openstack/latest/user_data.template': written,
      'openstack/latest/meta_data.json': expect.stringContaining(vm.uuid) as string,
    })
  })

  test('the device on the host-internal network', async () => {
    const { network, internalNetwork } = sim.pool.objects
    const configuration = '#cloud-config\n%HINEXISTS%\nhostname: eth%HIN%\n%ENDHINEXISTS%\nlocale: C\n'
    const on = sim.pool.createVm({ name: 'on', powerState: 'Halted', vifs: [network, internalNetwork] })
    await sim.create(on, configuration)
    expect((await filesOf(on))['openstack/latest/user_data']).toContain('hostname: eth1')
    const off = sim.vm()
    await sim.create(off, configuration)
    expect((await filesOf(off))['openstack/latest/user_data']).not.toContain('hostname')
  })

  test('the Linux agent of the newest tools ISO that has it; one that is broken is named in the log', async () => {
    mkdirSync(join(sim.dir, 'isos'))
    const iso = (text: string) =>
      writeIso({
        label: 'TOOLS',
        now: new Date(0),
        files: [
          { path: 'Linux/install.sh', data: Buffer.from(text) },
          { path: 'Windows/setup.exe', data: Buffer.from('MZ') },
        ],
      })
    for (const [name, data] of [
      ['guest-tools.iso', Buffer.from('no ISO at all')],
      ['xs-tools-7.9.0.iso', iso('older')],
      ['xs-tools-7.10.0.iso', iso('newest')],
      ['other.iso', iso('another')],
    ] as const)
      writeFileSync(join(sim.dir, 'isos', name), data)
    const vm = sim.vm()
    await sim.create(vm)
    const files = await filesOf(vm)
    expect(Object.keys(files).filter((path) => path.startsWith('agent/'))).toEqual(['agent/install.sh'])
    expect(files['agent/install.sh']).toBe('newest')
    expect(JSON.stringify(sim.recording.lines)).toContain('guest-tools.iso')
  })

  test('a drive for a template', async () => {
    const template = sim.pool.createVm({ name: 'my template', powerState: 'Halted', template: true })
    await sim.create(template)
    expect(sim.marked(template)).toHaveLength(1)
  })
})

describe('offered for container management', () => {
  const monitor = (vm: { readonly ref: string }) => sim.pool.otherConfig(vm)['xscontainer-monitor']

  test('is a VM that gets the key', async () => {
    const vm = sim.vm()
    await sim.create(vm)
    expect(monitor(vm)).toBe('False')
  })

  test.each(['#cloud-config\nhostname: x\n', '#cloud-config\n#  - ssh-rsa %CONTAINERRSAPUB%\nhostname: x\n'])(
    'is none without it, or with it in a comment: %j',
    async (configuration) => {
      const vm = sim.vm()
      await sim.create(vm, configuration)
      expect(sim.marked(vm)).toHaveLength(1)
      expect(monitor(vm)).toBeUndefined()
    },
  )

  test.each(['True', 'False'])('stays as it was decided: %s', async (decided) => {
    const vm = sim.pool.createVm({ name: 'on', powerState: 'Halted', otherConfig: { 'xscontainer-monitor': decided } })
    await sim.create(vm)
    expect(monitor(vm)).toBe(decided)
  })
})

describe('refused', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['no VM uuid', { vmuuid: '' }, /without its argument vmuuid/],
    ['no SR uuid', { sruuid: '' }, /without its argument sruuid/],
    ['no template', { configuration: '' }, /without its argument configuration/],
    ['a VM uuid that is none', { vmuuid: '../x' }, /argument vmuuid is "\.\.\/x", which is not the uuid of a VM/],
    ['an SR uuid that is none', { sruuid: 'Local storage' }, /argument sruuid is "Local storage"/],
    ['a VM that is not there', { vmuuid: UNKNOWN }, /no VM with the uuid "6e1c8cb1/],
    ['an SR that is not there', { sruuid: UNKNOWN }, /no storage repository with the uuid "6e1c8cb1/],
    ['a template of no kind', { configuration: 'hello\nworld\n' }, /line 1/],
    ['YAML that is wrong', { configuration: '#cloud-config%BR%a: [1,%BR%b: }%BR%' }, /line \d/],
    ['JSON that is wrong', { configuration: '{"ignition": {"version": "3.4.0",}}' }, /line 1/],
    [
      'a template of more than 1 MiB',
      { configuration: `#cloud-config\n# ${'x'.repeat(1 << 20)}\n` },
      /1048592 bytes|bytes, more than/,
    ],
  ])('%s', async (_, wrong, message) => {
    const args = { vmuuid: sim.vm().uuid, sruuid: sim.sr, configuration: TEMPLATE, ...wrong }
    const disks = sim.disks()
    await expect(sim.run('create_config_drive', args)).rejects.toMatchObject({ name: 'RefusedError', message })
    expect(sim.disks()).toEqual(disks)
  })

  test('a snapshot, and the control domain', async () => {
    const snapshot = sim.pool.snapshotVm(sim.vm(), 'before')
    await expect(sim.create(snapshot)).rejects.toThrow(/"before" is a snapshot/)
    const dom0 = [...sim.pool.db.rows('VM')].find((vm) => vm.get('is_control_domain') === true)!
    await expect(sim.create({ uuid: dom0.text('uuid') })).rejects.toThrow(/is a control domain/)
  })
})

test('a template of just under 1 MiB', async () => {
  const vm = sim.vm()
  const text = `${TEMPLATE}# ${'x'.repeat((1 << 20) - TEMPLATE.length - 3)}\n`
  await sim.create(vm, text)
  expect((await filesOf(vm))['openstack/latest/user_data.template']).toBe(text)
})

describe('storage', () => {
  const pbd = (host: number) =>
    [...sim.pool.db.rows('PBD')].find((row) => row.get('host') === sim.pool.hosts[host]!.ref)!
  afterEach(async () => {
    for (const host of [0, 1]) sim.pool.db.set(pbd(host), 'currently_attached', true)
  })

  test('that only another host has: for whoever can ask that one', async () => {
    const vm = sim.vm()
    const vdiuuid = await sim.create(vm)
    await sim.call('PBD.unplug', pbd(0).ref)
    const elsewhere = { diagnosis: { kind: 'vm-elsewhere' } }
    await expect(sim.create(vm)).rejects.toMatchObject(elsewhere)
    await expect(sim.run('get_config_drive_configuration', { vdiuuid })).rejects.toMatchObject(elsewhere)
  })

  test('that no host has is named', async () => {
    const vm = sim.vm()
    for (const host of [0, 1]) await sim.call('PBD.unplug', pbd(host).ref)
    await expect(sim.create(vm)).rejects.toMatchObject({
      diagnosis: { kind: 'sr-detached', cause: /"Shared storage"/ },
    })
  })

  test('that the host of the running VM does not have', async () => {
    const vm = sim.pool.createVm({ name: 'far', host: sim.pool.hosts[1]! })
    await sim.call('PBD.unplug', pbd(1).ref)
    await expect(sim.create(vm)).rejects.toMatchObject({
      diagnosis: { kind: 'sr-not-at-vm', cause: /"Shared storage" is not attached to the host that VM "far" runs on/ },
    })
  })
})

describe('reading', () => {
  const read = (vdiuuid: string) => sim.run('get_config_drive_configuration', { vdiuuid })

  test('a drive that a running VM has for itself: of a snapshot, which goes again', async () => {
    const vm = sim.vm('Running')
    const uuid = await sim.create(vm)
    // XAPI plugs no read-only disk into such a guest, and lets nobody read beside one that may write.
    expect(sim.marked(vm)[0]?.vbd).toMatchObject({ mode: 'RW', currently_attached: true })
    const disks = sim.pool.db.table('VDI').rows.size
    expect(await read(uuid)).toBe(TEMPLATE)
    expect(sim.pool.db.table('VDI').rows.size).toBe(disks)
    sim.pool.before('VDI.snapshot', () => {
      throw new Error('simulated')
    })
    await expect(read(uuid)).rejects.toThrow(/HTTP status 500/)
  })

  test("the predecessor's drive, as mkisofs has written it", async () => {
    const folder = join(sim.dir, 'old')
    mkdirSync(join(folder, 'openstack/latest'), { recursive: true })
    writeFileSync(join(folder, 'openstack/latest/user_data'), 'filled')
    const image = join(sim.dir, 'old.iso')
    const make = () => execFileSync('genisoimage', ['-quiet', '-R', '-V', 'config-2', '-o', image, folder])
    make()
    const vdi = sim.pool.db.create('VDI', { SR: sim.pool.objects.sr, virtual_size: String(2 << 20) })
    const put = async () => sim.pool.setVdiContent(vdi.ref, (await import('node:fs')).readFileSync(image))
    await put()
    // Its first versions kept no template.
    expect(await read(vdi.text('uuid'))).toBe('filled')
    writeFileSync(join(folder, 'openstack/latest/user_data.template'), '#cloud-config\r\n# mine\r\n')
    make()
    await put()
    expect(await read(vdi.text('uuid'))).toBe('#cloud-config\r\n# mine\r\n')
  })

  test.each([
    ['of zeros', Buffer.alloc(100)],
    ['of something else', Buffer.from('x'.repeat(100_000))],
    ['with another ISO', writeIso({ label: 'cidata', now: new Date(0), files: [] })],
  ])('a disk %s is no config drive', async (_, content) => {
    const vdi = sim.pool.db.create('VDI', {
      SR: sim.pool.objects.sr,
      virtual_size: String(2 << 20),
      name_label: 'root',
    })
    sim.pool.setVdiContent(vdi.ref, content)
    await expect(read(vdi.text('uuid'))).rejects.toMatchObject({
      name: 'RefusedError',
      diagnosis: { kind: 'not-a-config-drive', cause: /"root" is not a config drive/ },
    })
  })

  test('a disk of gigabytes is not read to find that out', async () => {
    const vdi = sim.pool.db.create('VDI', { SR: sim.pool.objects.sr, virtual_size: String(8 * 1024 ** 3) })
    await expect(read(vdi.text('uuid'))).rejects.toThrow(/it has 8192 MiB/)
  })

  test('a disk that is not there, and a uuid that is none', async () => {
    await expect(read(UNKNOWN)).rejects.toMatchObject({ diagnosis: { kind: 'no-such-vdi' } })
    await expect(read('x')).rejects.toMatchObject({ diagnosis: { kind: 'bad-uuid' } })
  })
})

describe('the default template', () => {
  const file = () => join(sim.dir, 'template')
  const ask = () => sim.run('get_config_drive_default', { templateuuid: UNKNOWN })
  afterEach(() => rmSync(file(), { force: true }))

  test('comes with xscontainer', async () => {
    expect(await ask()).toMatch(/^#cloud-config\n[^]*- ssh-rsa %CONTAINERRSAPUB%\n/)
  })

  test("is the administrator's where there is one", async () => {
    writeFileSync(file(), TEMPLATE)
    expect(await ask()).toBe(TEMPLATE)
  })

  test.each<[string, string | Buffer, RegExp]>([
    ['of no kind', 'hello\n', /^[^ ]*\/template: .*line 1/],
    ['with wrong YAML', '#cloud-config\na: 1\n  b: 2\n', /^[^ ]*\/template: .*line \d/],
    ['that is no text', Buffer.from([0xff, 0xfe, 0, 1]), /\/template cannot be used: it is not UTF-8/],
    [
      'that is too large to be sent back',
      `#cloud-config\n#${'x'.repeat(200_000)}\n`,
      /\/template cannot be used: .*100 KiB/,
    ],
  ])('a file %s is named', async (_, content, message) => {
    writeFileSync(file(), content)
    await expect(ask()).rejects.toMatchObject({ name: 'RefusedError', message })
  })

  test('a folder in its place', async () => {
    mkdirSync(file())
    await expect(ask()).rejects.toThrow(/template cannot be used: it cannot be read \(EISDIR\)/)
    rmSync(file(), { recursive: true })
  })

  test('is asked for with the uuid of a template', async () => {
    await expect(sim.run('get_config_drive_default', {})).rejects.toThrow(/without its argument templateuuid/)
    await expect(sim.run('get_config_drive_default', { templateuuid: 'x' })).rejects.toThrow(
      /not the uuid of a template/,
    )
  })
})

describe('interrupted', () => {
  test.each(['VDI.create', 'VDI.get_record', 'task.create', 'task.get_record', 'VBD.create', 'VBD.plug', 'VBD.unplug'])(
    'while XAPI does %s: the VM has what it had',
    async (method) => {
      const vm = sim.vm('Running')
      const uuid = await sim.create(vm)
      const [disks, before] = [sim.disks(), sim.drives(vm)]
      const stop = new AbortController()
      let done = () => {}
      const finished = new Promise<void>((resolve) => (done = resolve))
      sim.pool.before(method, async () => {
        sim.pool.before(method, undefined)
        stop.abort(new StoppedError('Ctrl-C'))
        await new Promise((resolve) => setTimeout(resolve, 50))
        done()
      })
      await expect(sim.create(vm, TEMPLATE, stop.signal)).rejects.toThrow('Ctrl-C')
      await finished
      expect(sim.marked(vm).map(({ vdi }) => vdi['uuid'])).toEqual([uuid])
      expect(sim.drives(vm)).toEqual(before)
      expect(sim.disks()).toEqual(disks)
      expect([...sim.pool.db.rows('task')]).toEqual([])
    },
  )
})
