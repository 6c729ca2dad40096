import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { withFileSource } from '../../../src/provision/iso/byte-source.ts'
import { readIso, type IsoImage } from '../../../src/provision/iso/read-iso.ts'
import { writeIso } from '../../../src/provision/iso/write-iso.ts'
import { useFolder } from '../../fakes/guest-home.ts'
import { describeReal } from '../../real/describe-real.ts'
import { contents, HARD_FILES, NOW, patterned } from './sample-files.ts'

const sharedFolder = useFolder('xsc-iso-', false)
let dir: string
beforeAll(() => void (dir = sharedFolder.path))

function run(program: string, ...args: string[]): Buffer {
  // The tools take names in the character set of the locale, which whoever runs the tests need not have.
  const env = { ...process.env, LC_ALL: 'C.UTF-8' }
  return execFileSync(program, args, { cwd: dir, env, maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Whether this kernel knows ISO 9660; where it does not, a line that nobody overlooks says so. */
function kernelMounts(): boolean {
  spawnSync('modprobe', ['-q', 'isofs'])
  const known = /\biso9660$/m.test(readFileSync('/proc/filesystems', 'utf8'))
  if (!known) process.stderr.write('\n*** NOT RUN: mounting our images: this kernel does not know iso9660\n\n')
  return known
}

/** All regular files below a folder of this machine. */
function filesBelow(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return contents(
    paths.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return { path: relative(folder, path), data: readFileSync(path) }
    }),
  )
}

/** All files of an image as our reader has them. */
async function filesOf(path: string): Promise<Record<string, string>> {
  return withFileSource(path, async (source) => {
    const iso: IsoImage = await readIso(source)
    const read = iso.files.map(async (file) => {
      return { path: file.path, data: (await iso.read(file.path, 8 << 20)) ?? Buffer.alloc(0) }
    })
    return contents(await Promise.all(read))
  })
}

describeReal('our images, read by others', ['isoTools'], () => {
  let image: string

  beforeAll(() => {
    image = join(dir, 'ours.iso')
    writeFileSync(image, writeIso({ label: 'config-2', files: HARD_FILES, now: NOW }))
  })

  test('bsdtar takes all files out of it', () => {
    const folder = join(dir, 'bsdtar')
    mkdirSync(folder)
    run('bsdtar', '-xf', image, '-C', folder)
    expect(filesBelow(folder)).toEqual(contents(HARD_FILES))
    expect(statSync(join(folder, 'agent/xe-daemon')).mode & 0o777).toBe(0o555)
    expect(statSync(join(folder, 'openstack/latest/user_data')).mode & 0o777).toBe(0o444)
    expect(statSync(join(folder, 'openstack/latest/user_data')).mtime).toEqual(NOW)
  })

  test('xorriso takes all files out of it, and finds nothing wrong with it', () => {
    const folder = join(dir, 'xorriso')
    const { stderr, status } = spawnSync('xorriso', ['-osirrox', 'on', '-indev', image, '-extract', '/', folder], {
      encoding: 'utf8',
    })
    expect(status).toBe(0)
    expect(stderr).not.toMatch(/WARNING|SORRY|MISHAP|FAILURE|FATAL/)
    expect(filesBelow(folder)).toEqual(contents(HARD_FILES))
    expect(stderr).toContain("Volume id    : 'config-2'")
  })

  test.each([
    ['-R', 'Rock Ridge', HARD_FILES.map(({ path }) => path)],
    ['-J', 'Joliet', ['openstack/latest/user_data.template', 'agent/empty too', 'sizes/70000']],
    ['', 'plain', ['OPENSTAC/LATEST/USER_DAT.TEM;1', 'AGENT/XE_DAEMO.;1', 'SIZES/70000.;1']],
  ])('isoinfo %s finds the names that are %s, and the bytes behind them', (option, _, paths) => {
    const names = option === '' ? [] : [option]
    const listed = run('isoinfo', ...names, '-f', '-i', image)
      .toString()
      .split('\n')
    for (const path of paths) expect(listed).toContain(`/${path}`)
    const large = paths.find((path) => /70000/.test(path)) ?? ''
    expect(run('isoinfo', ...names, '-i', image, '-x', `/${large}`).equals(patterned(70_000, 70_000))).toBe(true)
  })

  test.runIf(kernelMounts())('the kernel mounts it, and all files are there', () => {
    const folder = join(dir, 'mounted')
    mkdirSync(folder)
    // In a mount namespace of its own: nothing stays mounted whatever happens.
    const copy = 'mount -o loop,ro "$1" /mnt && cp -a /mnt/. "$2"'
    run('unshare', '--mount', 'sh', '-ec', copy, 'sh', image, folder)
    expect(filesBelow(folder)).toEqual(contents(HARD_FILES))
  })

  test('isovfy finds nothing wrong with it', () => {
    expect(run('isovfy', image).toString()).toMatch(/No errors found/)
  })

  test('blkid finds the label by which guests look for a config drive', () => {
    expect(run('blkid', '-o', 'value', '-s', 'LABEL', image).toString()).toBe('config-2\n')
  })
})

describeReal('images of others, read by us', ['isoTools'], () => {
  const DEEP = '1/2/3/4/5/6/7/8/9/10/deeper than level 1 allows'
  const files = [
    { path: 'Linux/xe-daemon', data: Buffer.from('#!/bin/sh\n') },
    { path: 'Linux/empty', data: Buffer.alloc(0) },
    { path: DEEP, data: Buffer.from('deep') },
    { path: 'ünï/grüße', data: Buffer.from('UTF-8') },
    { path: 'n'.repeat(220), data: Buffer.from('long') },
    { path: 'large.bin', data: patterned(300_000, 5) },
    ...Array.from({ length: 120 }, (_, i) => ({ path: `many/A Name That Is Long ${i}.text`, data: patterned(i, i) })),
  ]
  let folder: string

  beforeAll(() => {
    folder = join(dir, 'theirs')
    for (const { path, data } of files) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), data)
    }
    symlinkSync('large.bin', join(folder, 'link'))
  })

  test.each([
    ['genisoimage with Rock Ridge and Joliet', ['genisoimage', '-quiet', '-R', '-J', '-o']],
    ['genisoimage with Rock Ridge alone', ['genisoimage', '-quiet', '-r', '-V', 'CDROM', '-o']],
    ['xorriso with Rock Ridge and Joliet', ['xorriso', '-as', 'mkisofs', '-quiet', '-R', '-J', '-o']],
  ])('%s: all files, folders that it moved among them', async (_, [program = '', ...args]) => {
    const image = join(dir, 'rock-ridge.iso')
    rmSync(image, { force: true })
    run(program, ...args, image, folder)
    expect(await filesOf(image)).toEqual(contents(files))
  })

  test('bsdtar with Rock Ridge and Joliet', async () => {
    const image = join(dir, 'bsdtar.iso')
    run('bsdtar', '-cf', image, '--format', 'iso9660', '-C', folder, '.')
    expect(await filesOf(image)).toEqual(contents(files))
  })

  test('genisoimage with Joliet alone: names of up to 64 characters', async () => {
    const image = join(dir, 'joliet.iso')
    run('genisoimage', '-quiet', '-J', '-D', '-o', image, folder)
    const cut = files.map(({ path, data }) => ({ path: path.replace(/^(n{64})n+$/, '$1'), data }))
    expect(await filesOf(image)).toEqual(contents(cut))
  })

  test('genisoimage with plain names: in lower case, as Linux shows them', async () => {
    const image = join(dir, 'plain.iso')
    run('genisoimage', '-quiet', '-D', '-o', image, folder)
    const found = await filesOf(image)
    expect(Object.keys(found)).toHaveLength(files.length)
    expect(found).toMatchObject({
      'large.bin': patterned(300_000, 5).toString('hex'),
      'linux/xe_daemo': Buffer.from('#!/bin/sh\n').toString('hex'),
    })
  })
})
