import { describe, expect, test } from 'vitest'
import { agentFiles, configDriveImage, readTemplate } from '../../../src/provision/config-drive/config-drive-image.ts'
import { bufferSource } from '../../../src/provision/iso/byte-source.ts'
import { readIso, type IsoImage } from '../../../src/provision/iso/read-iso.ts'
import { writeIso, type IsoEntry } from '../../../src/provision/iso/write-iso.ts'

const NOW = new Date('2026-01-02T03:04:05Z')
const TEMPLATE = '\uFEFF#cloud-config\r\nhostname: %VMNAMETOHOSTNAME%\r\n- ssh-rsa %CONTAINERRSAPUB%'
const AGENT: readonly IsoEntry[] = [{ path: 'agent/xe-daemon', data: Buffer.from('#!/bin/sh\n'), executable: true }]

function drive(template = TEMPLATE) {
  const facts = { vmName: 'Wéb "1"', publicKeyBase64: 'AAAA', hostInternalDevice: undefined }
  return configDriveImage({ ...facts, vmUuid: 'f00d', template, agent: AGENT, now: NOW })
}

function open(image: Buffer): Promise<IsoImage> {
  return readIso(bufferSource(image))
}

async function textOf(image: Buffer, path: string): Promise<string | undefined> {
  return (await (await open(image)).read(path, 1 << 20))?.toString()
}

describe('a config drive', () => {
  test('has what guests look for, and the agent', async () => {
    const { image, keyLineActive } = drive()
    expect(keyLineActive).toBe(true)
    const iso = await open(image)
    expect(iso.label).toBe('config-2')
    expect(iso.files.map(({ path }) => path).sort()).toEqual([
      'agent/xe-daemon',
      'openstack/latest/meta_data.json',
      'openstack/latest/user_data',
      'openstack/latest/user_data.template',
    ])
    expect(await textOf(image, 'openstack/latest/user_data')).toBe('#cloud-config\r\nhostname: wb1\r\n- ssh-rsa AAAA')
    expect(JSON.parse((await textOf(image, 'openstack/latest/meta_data.json')) ?? '')).toEqual({
      uuid: 'f00d',
      name: 'Wéb "1"',
      hostname: 'wb1',
    })
  })

  test('gives the template back as the user wrote it, also after the padding of a disk', async () => {
    const disk = Buffer.concat([drive().image, Buffer.alloc(2 << 20)])
    expect(await readTemplate(await open(disk))).toBe(TEMPLATE)
  })

  test('is the same for the same facts', () => {
    expect(drive().image.equals(drive().image)).toBe(true)
  })

  test('of the predecessor, without a template, gives what the guest reads', async () => {
    const files = [{ path: 'openstack/latest/user_data', data: Buffer.from('#cloud-config\n') }]
    expect(await readTemplate(await open(writeIso({ label: 'config-2', files, now: NOW })))).toBe('#cloud-config\n')
  })

  test('that is none, or has too much for one, is refused', async () => {
    const other = writeIso({ label: 'tools', files: [{ path: 'a', data: Buffer.alloc(1) }], now: NOW })
    await expect(open(other).then(readTemplate)).rejects.toThrow(
      'There is no openstack/latest/user_data on the ISO image "tools"',
    )
    const files = [{ path: 'openstack/latest/user_data.template', data: Buffer.alloc(5 << 20) }]
    await expect(open(writeIso({ label: 'x', files, now: NOW })).then(readTemplate)).rejects.toThrow(
      /has 5242880 bytes/,
    )
  })
})

describe("the agent's files of a tools ISO", () => {
  async function taken(files: readonly IsoEntry[]): Promise<IsoEntry[]> {
    return agentFiles(await open(writeIso({ label: 'tools', files, now: NOW })))
  }

  test('are taken from its Linux folder, and its programs may be run', async () => {
    const files = [
      { path: 'Linux/xe-daemon', data: Buffer.from('\x7fELF..', 'latin1') },
      { path: 'Linux/install.sh', data: Buffer.from('#!/bin/bash\n') },
      { path: 'Linux/xe-linux-distribution.service', data: Buffer.from('[Unit]\n') },
      { path: 'Linux/xen-vcpu-hotplug.rules', data: Buffer.from('x') },
      { path: 'Linux/versions.deb', data: Buffer.from('x') },
      { path: 'Linux/xe-guest-utilities_7.30.0-1_amd64.deb', data: Buffer.from('x') },
      { path: 'Linux/xe-guest-utilities_7.30.0-1_i386.deb', data: Buffer.from('x') },
      { path: 'Linux/sub/xe-daemon', data: Buffer.from('x') },
      { path: 'setup.exe', data: Buffer.from('x') },
    ]
    const found = await taken(files)
    expect(found.map(({ path, executable }) => [path, executable]).sort()).toEqual([
      ['agent/install.sh', true],
      ['agent/versions.deb', false],
      ['agent/xe-daemon', true],
      ['agent/xe-guest-utilities_7.30.0-1_amd64.deb', false],
      ['agent/xe-linux-distribution.service', false],
      ['agent/xen-vcpu-hotplug.rules', false],
    ])
  })

  test('of an ISO with plain names are found as well', async () => {
    expect((await taken([{ path: 'LINUX/INSTALL.SH', data: Buffer.from('x') }])).map(({ path }) => path)).toEqual([
      'agent/INSTALL.SH',
    ])
  })

  test('that would make each drive large are left out', async () => {
    const large = { path: 'Linux/xe-guest-utilities_large.tgz', data: Buffer.alloc(33 << 20) }
    const found = await taken([large, { path: 'Linux/xe-daemon', data: Buffer.from('x') }])
    expect(found.map(({ path }) => path)).toEqual(['agent/xe-daemon'])
  })

  test('are none where it has none', async () => {
    expect(await taken([{ path: 'setup.exe', data: Buffer.alloc(1) }])).toEqual([])
  })
})
