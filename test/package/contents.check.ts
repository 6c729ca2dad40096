import { statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ALL, ask, PROGRAMS, RUNTIME, UPDATE } from './packages.ts'

/** All that rpm 4.11 of CentOS 7 can resolve and what a dom0 has, besides each other. */
const MAY_REQUIRE =
  /^(\/bin\/(ba)?sh|rpmlib\((CompressedFileNames|FileDigests|PayloadFilesHavePrefix|PayloadIsXz)\) .*|xscontainer(-runtime)? = .*)$/

describe.each(ALL)('%s', (file) => {
  test('requires nothing that rpm 4.11 or a dom0 lacks', () => {
    expect(ask(file, '--requires').filter((line) => !MAY_REQUIRE.test(line))).toEqual([])
  })

  test('is packed as rpm 4.11 can unpack it, and says nothing of where it was built', () => {
    const [facts] = ask(file, '--qf', '%{PAYLOADCOMPRESSOR} %{PAYLOADFORMAT} %{BUILDHOST} %{RPMVERSION}')
    expect(facts).toMatch(/^xz cpio reproducible \d/)
  })

  test('everything in it is root’s, and nobody else may write it', () => {
    for (const line of ask(file, '--qf', '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\n]')) {
      expect(line).toMatch(/^[d-]r[w-][x-]r?-?[x-]?-?[r-]?-?[x-]? root root \//)
      expect(line).not.toMatch(/^.{5}w|^.{8}w/)
    }
  })
})

test('the programs are where clients, XAPI and systemd look for them', () => {
  const files = ask(PROGRAMS, '--list').filter((file) => !file.startsWith('/usr/share/doc/xscontainer/docs/'))
  expect(files.sort()).toEqual([
    '/etc/bash_completion.d/xscontainer',
    '/etc/logrotate.d/xscontainer',
    '/etc/xapi.d/plugins/xscontainer',
    '/etc/xensource/bugtool/xscontainer',
    '/etc/xensource/bugtool/xscontainer.xml',
    '/etc/xensource/bugtool/xscontainer/xscontainer_logs.xml',
    '/etc/xscontainer',
    '/etc/xscontainer/xscontainer.toml',
    '/usr/bin/xscontainer',
    '/usr/bin/xscontainer-monitor',
    '/usr/bin/xscontainer-prepare-vm',
    '/usr/lib/systemd/system-preset/80-xscontainer.preset',
    '/usr/lib/systemd/system/xscontainer-monitor.service',
    '/usr/share/doc/xscontainer',
    '/usr/share/doc/xscontainer/CHANGELOG.md',
    '/usr/share/doc/xscontainer/LICENSE',
    '/usr/share/doc/xscontainer/README.md',
    '/usr/share/doc/xscontainer/THIRD-PARTY-LICENSES',
    '/usr/share/doc/xscontainer/docs',
    '/usr/share/doc/xscontainer/sbom.cdx.json',
    '/var/log/xscontainer.log',
  ])
  expect(ask(PROGRAMS, '--configfiles').sort()).toEqual([
    '/etc/logrotate.d/xscontainer',
    '/etc/xscontainer/xscontainer.toml',
  ])
})

test('the runtime is Node and eight libraries, below /opt/xscontainer', () => {
  const files = ask(RUNTIME, '--list').filter((file) => !file.startsWith('/opt/xscontainer/share/doc/'))
  const libraries = ['ld-linux-x86-64.so.2', 'libc.so.6', 'libdl.so.2', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0']
  expect(files.filter((file) => file.startsWith('/opt/xscontainer/lib/'))).toEqual(
    [...libraries, 'libresolv.so.2', 'libstdc++.so.6'].map((name) => `/opt/xscontainer/lib/${name}`),
  )
  expect(files).toContain('/opt/xscontainer/bin/node')
  expect(files.every((file) => file.startsWith('/opt/xscontainer'))).toBe(true)
})

test('the records are an applied update and a pack', () => {
  const files = ask(UPDATE, '--list')
  expect(
    files.filter((file) => /^\/var\/update\/applied\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(file)),
  ).toHaveLength(1)
  expect(files).toContain('/etc/xensource/installed-repos/xs:xscontainer/XS-REPOSITORY')
})

test('all of it is at most 32 MB to copy and 120 MB on disk, and newer than the predecessor', () => {
  const bytes = ALL.reduce((sum, file) => sum + statSync(file).size, 0)
  const installed = ALL.reduce((sum, file) => sum + Number(ask(file, '--qf', '%{SIZE}')[0]), 0)
  console.log(`packages ${(bytes / 1e6).toFixed(1)} MB, installed ${(installed / 1e6).toFixed(1)} MB`)
  expect(bytes).toBeLessThanOrEqual(32e6)
  expect(installed).toBeLessThanOrEqual(120e6)
  expect(Number(ask(PROGRAMS, '--qf', '%{VERSION}')[0]?.split('.')[0])).toBeGreaterThan(10)
})
