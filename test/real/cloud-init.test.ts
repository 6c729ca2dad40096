import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { checkTemplate } from '../../src/provision/config-drive/check-template.ts'
import { configDriveImage } from '../../src/provision/config-drive/config-drive-image.ts'
import { DEFAULT_TEMPLATE } from '../../src/provision/config-drive/default-template.ts'
import { withLineBreaks } from '../../src/provision/config-drive/line-breaks.ts'
import { openGuestShell } from '../../src/transports/ssh/guest-shell.ts'
import { parsePrivateKey } from '../../src/transports/ssh/ssh-key.ts'
import { installPlugin, xenOrchestra } from '../scenarios/plugin-clients.ts'
import { World } from '../scenarios/world.ts'
import { CloudInitGuest } from './cloud-init-guest.ts'
import { describeReal } from './describe-real.ts'
import { RealSshd } from './real-sshd.ts'
import { testKey } from './test-key.ts'

const KEY = testKey()
const KEY_BASE64 = KEY.publicKey.split(' ')[1] ?? ''
const VM = 'f00dcafe-0000-4000-8000-00000000c10d'

/** The image of a drive as the plugin makes it, without a pool around. */
function driveOf(template: string, vmName = 'Web 01', hostInternalDevice?: string): Buffer {
  checkTemplate(template)
  const facts = { vmName, publicKeyBase64: KEY_BASE64, hostInternalDevice }
  return configDriveImage({ ...facts, vmUuid: VM, template, agent: [], now: new Date('2026-01-02T03:04:05Z') }).image
}

/** An ISO of guest tools, made by other software than ours: the agent in it takes notes of being run. */
function toolsIso(folder: string): void {
  const linux = join(folder, 'content', 'Linux')
  mkdirSync(linux, { recursive: true })
  for (const name of ['xe-daemon', 'xe-linux-distribution']) {
    writeFileSync(join(linux, name), `#!/bin/sh\necho ${name} "$@" >>/run/calls\n`, { mode: 0o755 })
  }
  execFileSync('genisoimage', ['-quiet', '-R', '-J', '-o', join(folder, 'guest-tools.iso'), join(folder, 'content')])
}

/** What the plugin makes of its default template for a new VM, as Xen Orchestra calls it: the bytes of the VDI. */
async function driveByPlugin(world: World, tools: string): Promise<Buffer> {
  installPlugin(world)
  toolsIso(tools)
  const vm = world.pool.createVm({ name: 'Web 01', host: world.pool.hosts[0]!, powerState: 'Halted', otherConfig: {} })
  const client = await xenOrchestra(world)
  const configuration = await client.call('get_config_drive_default', vm, { templateuuid: vm.uuid })
  expect(configuration).toContain('\n  - ssh-rsa %CONTAINERRSAPUB%\n')
  const sruuid = world.pool.db.row('SR', world.pool.objects.sr).text('uuid')
  const uuid = await client.call('create_config_drive', vm, {
    sruuid,
    configuration: configuration.replaceAll('\n', '%BR%'),
  })
  expect(world.pool.otherConfig(vm)).toMatchObject({ 'xscontainer-monitor': 'False' })
  const content = world.pool.vdiContent(world.pool.db.byUuid('VDI', uuid)?.ref ?? '')
  if (content === undefined) throw new Error(`nothing was imported into VDI ${uuid}`)
  return content
}

describeReal('a new VM with a config drive and cloud-init', ['cloudInit', 'sshd', 'isoTools'], () => {
  let booted: CloudInitGuest

  beforeAll(async () => {
    booted = await CloudInitGuest.start()
  })
  afterAll(() => booted.stop())

  test('the default template, made by the plugin, lets the pool key in as core, and starts Docker and the agent', async () => {
    const tools = booted.guest.path('tools')
    await World.during({ key: KEY.privateKey, settings: { config_drive: { tools_isos: tools } } }, async (world) => {
      await booted.boot(await driveByPlugin(world, tools))
    })
    expect(await booted.read('/home/core/.ssh/authorized_keys')).toBe(`ssh-rsa ${KEY_BASE64}\n`)
    expect(await booted.guest.exec('stat', '-c', '%U %a', '/home/core/.ssh/authorized_keys')).toBe('core 600\n')
    expect((await booted.guest.exec('id', '-nG', 'core')).split(/\s/)).toContain('docker')
    expect((await booted.read('/etc/hostname')).trim()).toBe('web01')
    expect(await booted.calls()).toEqual([
      'systemctl enable --now docker.service',
      'systemctl daemon-reload',
      'systemctl enable --now xscontainer-guest-agent.service',
    ])
    await booted.guest.exec('sh', '/opt/xscontainer/guest-agent.sh')
    expect((await booted.calls()).slice(3)).toEqual([
      'xe-linux-distribution /var/cache/xe-linux-distribution',
      'xe-daemon',
    ])

    const sshd = await RealSshd.start(booted.guest, { network: '127.61.9' })
    const login = { username: 'core', login: { privateKey: parsePrivateKey(KEY.privateKey) } }
    const where = {
      vmUuid: VM,
      address: sshd.address,
      port: sshd.port,
      pinnedHostKey: undefined,
      connectTimeoutMs: 10_000,
    }
    const signal = new AbortController().signal
    const shell = await openGuestShell(systemClock, { ...where, ...login }, signal)
    expect(await shell.run('id -un', undefined, signal)).toMatchObject({ exitCode: 0, stdout: 'core\n' })
    shell.close()
    await sshd.stop()
  })

  test('on an image without Docker, and on the host-internal network, Docker is installed, and an address taken there', async () => {
    await booted.guest.hide('dockerd', 'podman')
    await booted.boot(driveOf(DEFAULT_TEMPLATE, 'Web 01', '3'))
    expect((await booted.calls()).slice(0, 3)).toEqual([
      'apt-get update -q',
      'apt-get install -y -q docker.io',
      'networkctl reload',
    ])
    const network = await booted.read('/etc/systemd/network/00-host-internal.network')
    expect(network).toContain('Name=eth3 enX3\n')
    expect(network).toContain('UseRoutes=false\n')
  })

  test('a script runs though the client sent it with %BR%, which stands for CRLF', async () => {
    const script = '#!/bin/sh%BR%echo "%VMNAMETOHOSTNAME% got %CONTAINERRSAPUB%" >/run/script-ran%BR%'
    await booted.boot(driveOf(withLineBreaks(script)))
    expect(await booted.read('/run/script-ran')).toBe(`web01 got ${KEY_BASE64}\n`)
  })

  test("a template of the predecessor's kind lets the pool key in as the image's own user", async () => {
    const old = [
      '#cloud-config',
      'hostname: %XSVMNAMETOHOSTNAME%',
      'ssh_authorized_keys:',
      '  # - ssh-rsa <Your public key>',
      '  - ssh-rsa %XSCONTAINERRSAPUB%',
      'coreos:',
      '  units:',
      '%XSHINEXISTS%',
      '    - name: 00-eth%XSHIN%.network',
      '      runtime: true',
      '      content: |',
      '        [Match]',
      '        Name=eth%XSHIN%%XSENDHINEXISTS%',
      '    - name: etcd.service',
      '      command: start',
      'write_files:',
      '  - path: /etc/sysctl.d/10-enable-arp-notify.conf',
      '    permissions: 0644',
      '    content: |',
      '      net.ipv4.conf.all.arp_notify = 1',
    ]
    await booted.boot(driveOf(`\uFEFF${old.join('\r\n')}`, 'Old Web'))
    expect(await booted.read('/home/debian/.ssh/authorized_keys')).toBe(`ssh-rsa ${KEY_BASE64}\n`)
    expect((await booted.read('/etc/hostname')).trim()).toBe('oldweb')
  })
})
