import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { PACKAGES } from './build-package.ts'
import { groupsXml, updateXml, xsPackages, xsRepository } from './pack-documents.ts'
import type { PackageVersion } from './package-version.ts'
import { run } from './run.ts'

export const PACK = join(PACKAGES, 'pack')
export const REPO = join(PACKAGES, 'repo')

const README = `xscontainer: container management for XenServer and XCP-ng

  XenServer 7.0      xe-install-supplemental-pack FILE.iso
  XenServer 7.1 .. 8 the same, or XenCenter: Tools, Install Update; the pack must be signed, and its key be known
  XCP-ng             yum install ./Packages/*.rpm

docs/packaging.md of the source, and /usr/share/doc/xscontainer on a host, have it in full.
`

/** The packages in the order in which they need each other. */
export function packages(): string[] {
  const files = readdirSync(join(PACKAGES, 'RPMS')).map((file) => join(PACKAGES, 'RPMS', file))
  const rank = (file: string) => (file.includes('runtime') ? 0 : basename(file).startsWith('update-') ? 2 : 1)
  return files.sort((a, b) => rank(a) - rank(b))
}

/** One tree for XenServer 7.0 (XS-REPOSITORY, install) and for 7.1 and later (update.xml, repodata). */
export function makePackTree(version: PackageVersion): void {
  rmSync(PACK, { recursive: true, force: true })
  mkdirSync(join(PACK, 'Packages'), { recursive: true })
  const files = packages().map((file) => {
    const path = `Packages/${basename(file)}`
    place(file, join(PACK, path), version.epoch)
    return { path, label: basename(file).replace(/-\d.*/, ''), bytes: readFileSync(file) }
  })
  // As in the record that the last package brings, which cannot count itself.
  const payload = packages().filter((file) => !basename(file).startsWith('update-'))
  const installed = payload.reduce((sum, file) => sum + installedBytes(file), 0)
  const put = (name: string, text: string, mode = 0o644) => writeFileSync(join(PACK, name), text, { mode })
  put('XS-REPOSITORY', xsRepository(version))
  put('XS-PACKAGES', xsPackages(files))
  put('install', readFileSync('rpm/files/pack-install', 'utf8'), 0o755)
  put('update.xml', updateXml(version, installed))
  put('README', README)
  index(PACK, version.epoch)
}

/** A plain repository for yum and dnf. */
export function makeRepository({ epoch }: PackageVersion): void {
  rmSync(REPO, { recursive: true, force: true })
  mkdirSync(REPO, { recursive: true })
  for (const file of packages()) place(file, join(REPO, basename(file)), epoch)
  index(REPO, epoch)
}

/** The repository's index tells the files' times too. */
function place(from: string, to: string, epoch: string): void {
  copyFileSync(from, to)
  utimesSync(to, Number(epoch), Number(epoch))
}

/** gzip, and no databases: yum of CentOS 7 reads nothing newer. */
function index(folder: string, epoch: string): void {
  const groups = join(PACKAGES, 'comps.xml')
  writeFileSync(groups, groupsXml())
  const form = ['--general-compress-type=gz', '--no-database', '--revision', epoch, '--set-timestamp-to-revision']
  run('createrepo_c', ['--quiet', ...form, '-g', join(process.cwd(), groups), folder])
  rmSync(groups)
}

/** Writes the pack as an ISO image; its path. */
export function makeIso({ version, release, epoch }: PackageVersion, suffix = ''): string {
  const file = join(PACKAGES, `xscontainer-${version}-${release}${suffix}.iso`)
  rmSync(file, { force: true })
  const names = ['-A', 'xscontainer', '-V', 'XSCONTAINER', '-J', '-joliet-long', '-r']
  // All times are those of the commit, whenever and wherever the files were written.
  const times = ['--set_all_file_dates', `=${epoch}`]
  run('xorriso', ['-report_about', 'WARNING', '-as', 'mkisofs', '-quiet', ...names, ...times, '-o', file, PACK], {
    env: { SOURCE_DATE_EPOCH: epoch },
  })
  return file
}

/** SHA256SUMS of everything that is handed out. */
export function writeSums(): void {
  const files = ['.', 'RPMS', 'SRPMS', 'repo', 'repo/repodata']
    .filter((folder) => existsSync(join(PACKAGES, folder)))
    .flatMap((folder) => readdirSync(join(PACKAGES, folder), { withFileTypes: true }).filter((entry) => entry.isFile()))
    .map((entry) => join(entry.parentPath, entry.name).slice(PACKAGES.length + 1))
    .filter((file) => file !== 'SHA256SUMS')
  const lines = files.sort().map((file) => {
    const hash = createHash('sha256').update(readFileSync(join(PACKAGES, file)))
    return `${hash.digest('hex')}  ${file}\n`
  })
  writeFileSync(join(PACKAGES, 'SHA256SUMS'), lines.join(''))
}

function installedBytes(file: string): number {
  return Number(run('rpm', ['-qp', '--nosignature', '--qf', '%{SIZE}', file]))
}
