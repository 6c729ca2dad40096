import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { configDisks, drivesOf, filesOn, isMarked, marked, plainVm, srUuid, TEMPLATE } from './config-drives.ts'
import { callHost, installPlugin, pluginLog, untilDaemonsListen } from './plugin-clients.ts'
import { POOL_PUBLIC_LINE, World } from './world.ts'

const KEY = POOL_PUBLIC_LINE.split(' ')[1]

describe.each(['up', 'down'])('with the daemons %s', (daemons) => {
  let world: World
  const call = async (host: number, fn: string, args: Readonly<Record<string, string>>) => {
    const answer = await callHost(world, world.pool.hosts[host]!, fn, args)
    expect(answer).toMatch(/^True/)
    return answer.slice(4)
  }

  beforeAll(async () => {
    world = await World.start({
      hosts: 2,
      settings: { config_drive: { template: '/nonexistent', tools_isos: '/nonexistent' } },
    })
    installPlugin(world)
    for (const host of world.pool.hosts) if (daemons === 'up') await world.startDaemon(host)
    await untilDaemonsListen(world)
  })
  afterAll(() => world.stop())

  test('Xen Orchestra: the default template, a drive of it, and the VM is monitored', async () => {
    const vm = world.pool.createVm({ name: 'Web 01', host: world.pool.hosts[1]!, powerState: 'Running' })
    const template = [...world.pool.db.rows('VM')].find((row) => row.get('name_label') === 'CoreOS')!
    const text = await call(1, 'get_config_drive_default', { templateuuid: template.text('uuid') })
    expect(text).toMatch(/^#cloud-config\n/)
    const vdi = await call(1, 'create_config_drive', { vmuuid: vm.uuid, sruuid: srUuid(world), configuration: text })
    expect(world.config(vm)['xscontainer-monitor']).toBe('False')
    await call(1, 'register', { vmuuid: vm.uuid, container: '' })
    expect(world.config(vm)['xscontainer-monitor']).toBe('True')

    const [drive, ...others] = drivesOf(world, vm)
    expect(others).toEqual([])
    expect(drive?.vdi).toMatchObject({ uuid: vdi, name_label: 'Automatic Config Drive', type: 'user' })
    expect(isMarked(drive!.vdi) && isMarked(drive!.vbd)).toBe(true)
    expect(drive?.vbd).toMatchObject({ type: 'Disk', currently_attached: true, bootable: false })
    const files = await filesOn(world, drive!)
    expect(files['openstack/latest/user_data.template']).toBe(text)
    expect(files['openstack/latest/user_data']).toContain(`ssh-rsa ${KEY}`)
    expect(JSON.parse(files['openstack/latest/meta_data.json']!)).toMatchObject({ uuid: vm.uuid, hostname: 'web01' })
  })

  test('XenCenter, by the coordinator: a drive for a new VM, then it is shown and edited', async () => {
    const vm = plainVm(world, 'shop')
    const configuration = TEMPLATE.replaceAll('\n', '%BR%')
    const first = await call(0, 'create_config_drive', { vmuuid: vm.uuid, sruuid: srUuid(world), configuration })
    const shown = await call(0, 'get_config_drive_configuration', { vdiuuid: first })
    // XML knows no CR.
    expect(shown).toBe(TEMPLATE)
    expect((await filesOn(world, marked(world, vm)[0]!))['openstack/latest/user_data.template']).toBe(
      TEMPLATE.replaceAll('\n', '\r\n'),
    )
    const edited = `${shown}packages: [jq]\n`
    const second = await call(0, 'create_config_drive', {
      vmuuid: vm.uuid,
      sruuid: srUuid(world),
      configuration: edited,
    })
    expect(second).not.toBe(first)
    expect(drivesOf(world, vm).map(({ vdi }) => vdi['uuid'])).toEqual([second])
    expect(marked(world, vm)).toHaveLength(1)
    expect(configDisks(world)).not.toContain(first)
    expect(await call(0, 'get_config_drive_configuration', { vdiuuid: second })).toBe(edited)
    expect(world.config(vm)['xscontainer-monitor']).toBe('False')
  })

  test('no task is left in XAPI, and no session in any log', () => {
    expect([...world.pool.db.rows('task')]).toEqual([])
    for (const host of world.pool.hosts) expect(pluginLog(world, host)).not.toMatch(/OpaqueRef:[0-9a-f]/)
    for (const daemon of world.daemons) expect(daemon.lastLines(10_000)).not.toMatch(/OpaqueRef:[0-9a-f]/)
  })
})
