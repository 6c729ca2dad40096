import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { XMLParser } from 'fast-xml-parser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Dom0 } from './dom0.ts'
import { ALL, PACKAGES, run, UPDATE } from './packages.ts'
import { standIn } from './predecessor.ts'

let folder: string
let iso: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xsc-pack-'))
  const found = readdirSync(PACKAGES).filter((file) => file.endsWith('.iso') && !file.includes('.signed.'))
  expect(found).toHaveLength(1)
  iso = join(PACKAGES, found[0]!)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' })

/** A file of the image, as isoinfo reads it by its Rock Ridge name. */
function inIso(path: string): string {
  return run('isoinfo', ['-R', '-i', iso, '-x', `/${path}`])
}

test('the image has both layouts, by Rock Ridge and by Joliet names', () => {
  for (const names of ['-R', '-J']) {
    const files = run('isoinfo', [names, '-f', '-i', iso]).trim().split('\n')
    expect(files).toEqual(expect.arrayContaining(['/XS-REPOSITORY', '/XS-PACKAGES', '/install', '/update.xml']))
    expect(files).toEqual(expect.arrayContaining(ALL.map((file) => `/Packages/${basename(file)}`)))
    expect(files).toContain('/repodata/repomd.xml')
    expect(files.filter((file) => /TRANS\.TBL|treeinfo/.test(file))).toEqual([])
  }
  expect(run('isoinfo', ['-R', '-l', '-i', iso])).toMatch(/^-r.xr.xr.x .* install *$/m)
})

test('XenServer 7.0: the packages are those that XS-PACKAGES lists, in an order in which they can be installed', () => {
  const { packages } = parser.parse(inIso('XS-PACKAGES')) as { packages: { package: Record<string, string>[] } }
  expect(packages.package.map((one) => one['#text'])).toEqual(ALL.map((file) => `Packages/${basename(file)}`))
  for (const [i, file] of ALL.entries()) {
    const bytes = readFileSync(file)
    const md5 = createHash('md5').update(bytes).digest('hex')
    expect(packages.package[i]).toMatchObject({ type: 'rpm', size: String(bytes.length), md5 })
  }
  const { repository } = parser.parse(inIso('XS-REPOSITORY')) as { repository: Record<string, unknown> }
  expect(repository).toMatchObject({ originator: 'xs', name: 'xscontainer', product: 'XCP' })
  // XAPI takes the first child's text for the description.
  expect(Object.keys(repository).filter((key) => typeof repository[key] === 'object' || key === 'description')[0]).toBe(
    'description',
  )
})

test('XenServer 7.1: update.xml has what XAPI asks of it, and is the record that the package brings', () => {
  const text = inIso('update.xml')
  const { update } = parser.parse(text) as { update: Record<string, unknown> }
  expect(update['name-label']).toBe('xscontainer')
  expect(update['uuid']).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect(Number(update['installation-size'])).toBeGreaterThan(50e6)
  expect(update['name-description']).toBe('XSContainer Management')
  expect(update).not.toHaveProperty('key')
  const record = run('sh', ['-c', `rpm2cpio ${UPDATE} | cpio -i --quiet --to-stdout './var/update/applied/*'`])
  expect(record).toBe(text)
})

test('the pack for 7.0 installs itself where it may, says what is wrong where not, and once is enough', () => {
  const dom0 = new Dom0()
  try {
    cpSync(join(PACKAGES, 'pack'), join(dom0.root, 'mnt'), { recursive: true })
    const install = () => dom0.run(['/bin/bash', '-c', '/mnt/install -b 2>&1; echo "exit $?"'])
    dom0.put('etc/xensource-inventory', "PLATFORM_VERSION='1.9.0'\n")
    // dom0's own tools, of which the chroot has none.
    for (const tool of ['sed', 'md5sum', 'id', 'dirname']) dom0.addProgram(run('which', [tool]).trim())
    dom0.put('usr/bin/rpm', '#!/bin/sh\necho "$*" >>/rpm.log\ncase $1 in -q) exit 1 ;; esac\n', 0o755)
    expect(install()).toMatch(/7\.0 or later is needed, this is platform 1\.9\.0\nexit 1\n/)
    dom0.put('etc/xensource-inventory', "PLATFORM_VERSION='2.1.0'\nINSTALLATION_UUID='aa'\n")
    expect(install()).toBe('xscontainer: installed\nexit 0\n')
    expect(dom0.read('rpm.log')).toContain(
      `-Uh --nosignature ${ALL.map((file) => `Packages/${basename(file)}`).join(' ')}`,
    )
    expect(dom0.read('xe.log')).toBe('host-refresh-pack-info host-uuid=aa\n')
    dom0.put('mnt/Packages/' + basename(UPDATE), 'damaged')
    expect(install()).toMatch(/damaged: copy it once more\nexit 1\n$/)
  } finally {
    dom0.remove()
  }
})

test('dnf installs all three from the repository by the name of the last one, with nothing but a shell there', () => {
  const dom0 = new Dom0({ systemd: false, xapi: false })
  try {
    const base = join(folder, 'base')
    standIn('base', base)
    run('createrepo_c', ['--quiet', base])
    const repos = [`--repofrompath=ours,file://${PACKAGES}/repo`, `--repofrompath=base,file://${base}`]
    const conf = ['--disablerepo=*', '--enablerepo=ours,base', '--nogpgcheck', `--setopt=cachedir=${folder}/cache`]
    const root = [`--installroot=${dom0.root}`, '--releasever=7', '--setopt=reposdir=/nowhere']
    run('dnf', ['-y', '-q', ...repos, ...conf, ...root, 'install', 'update-xscontainer'])
    expect(dom0.run(['/usr/bin/xscontainer', '--version'])).toMatch(/^xscontainer \d/)
    expect(dom0.has('etc/xensource/installed-repos/xs:xscontainer/XS-REPOSITORY')).toBe(true)
  } finally {
    dom0.remove()
  }
})

test('signed with a key that the host trusts, the pack passes the checks that XAPI makes; changed, it does not', () => {
  const home = join(folder, 'signer')
  mkdirSync(home, { mode: 0o700 })
  const env = { GNUPGHOME: home }
  run(
    'gpg',
    ['--batch', '--quiet', '--passphrase', '', '--quick-gen-key', 'check <check@test>', 'rsa2048', 'sign'],
    env,
  )
  const [, id = ''] = /^fpr:+([0-9A-F]+):/m.exec(run('gpg', ['--with-colons', '--list-keys'], env)) ?? []
  run('make', ['--no-print-directory', 'sign', `KEY=${id}`], env)

  const host = join(folder, 'host')
  mkdirSync(host, { mode: 0o700 })
  const gpg = ['--homedir', host, '--no-default-keyring', '--keyring', 'pubring.gpg']
  run('gpg', [...gpg, '--quiet', '--import', join(PACKAGES, 'pack/RPM-GPG-KEY-xscontainer')])
  const verify = (path: string) =>
    run('sh', ['-c', 'gpg "$@" 2>&1 || true', 'sh', ...gpg, '--status-fd', '1', '--verify', `${path}.asc`, path])
  const update = join(PACKAGES, 'pack/update.xml')
  expect(verify(update)).not.toContain('TRUST_ULTIMATE')
  run('sh', ['-c', `echo ${id}:6: | gpg --homedir ${host} --quiet --import-ownertrust`])
  for (const file of [update, join(PACKAGES, 'pack/repodata/repomd.xml')]) {
    expect(verify(file)).toMatch(/GOODSIG[^]*VALIDSIG[^]*TRUST_ULTIMATE/)
  }
  cpSync(update, join(folder, 'update.xml'))
  cpSync(`${update}.asc`, join(folder, 'update.xml.asc'))
  run('sh', ['-c', `echo >>${folder}/update.xml`])
  expect(verify(join(folder, 'update.xml'))).toContain('BADSIG')
  const signed = readdirSync(PACKAGES).find((file) => file.endsWith('.signed.iso'))
  expect(run('isoinfo', ['-R', '-f', '-i', join(PACKAGES, signed!)])).toContain('/update.xml.asc')
})

test('SHA256SUMS is right about all that is handed out', () => {
  expect(run('sh', ['-c', `cd ${PACKAGES} && sha256sum --check --strict SHA256SUMS | grep -v ': OK$' || true`])).toBe(
    '',
  )
})
