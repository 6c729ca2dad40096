import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, PACKAGES, RUNTIME, run } from './packages.ts'

const KEPT = '.cache/package'
const ELSEWHERE = { TZ: 'Pacific/Auckland', LANG: 'C.UTF-8' }

let folder: string
beforeAll(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'xsc-twice-')), 'another/checkout')
})
afterAll(() => rmSync(join(folder, '../..'), { recursive: true, force: true }))

/** sha256 of each file that is handed out, by its path. */
function hashes(packages: string): Record<string, string> {
  const files = readdirSync(packages, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.(rpm|iso)$/.test(file) && !/^pack\/|\.signed\./.test(file),
  )
  const hash = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(packages, file)))
      .digest('hex')
  return Object.fromEntries(files.sort().map((file) => [file, hash(file)]))
}

/** The same source elsewhere: the commit that was packaged or, where there were changes, the files as they are. */
function checkOut(release: string): void {
  run('git', ['clone', '--quiet', '--shared', '.', folder])
  if (release.endsWith('.dirty')) {
    run('sh', ['-c', 'git ls-files -z | tar -c --null -T - | tar -x -C "$0"', folder])
  } else {
    run('git', ['-C', folder, 'checkout', '--quiet', /\.g([0-9a-f]+)$/.exec(release)?.[1] ?? 'HEAD'])
  }
  run('cp', ['-al', 'node_modules', folder])
  // What is fetched is checked by its hash anyway. Nothing that was built is taken along but the packed runtime, which
  // takes a minute of two processors to pack: its source package is made anew, and what is in it compared below.
  run('mkdir', ['-p', join(folder, KEPT)])
  run('cp', ['-al', join(KEPT, 'downloads'), join(folder, KEPT)])
  for (const inputs of readdirSync(join(KEPT, 'runtime'))) {
    const packed = join(KEPT, 'runtime', inputs, 'RPMS')
    if (existsSync(packed)) cpSync(packed, join(folder, packed), { recursive: true })
  }
}

/** All that rpm knows of a package and all that is in it, but for how that is compressed. */
function contents(file: string): string[] {
  const tags = run('rpm', ['-qp', '--nosignature', '--xml', file]).split(/(?=<rpmTag name=)/)
  const packed = /^<rpmTag name="(Sigmd5|Sigsize|Sha1header|Sha256header|Payload\w*|Archivesize|Require\w+)"/
  const requires = ask(file, '--requires').filter((line) => !line.startsWith('rpmlib(PayloadIsXz)'))
  const hash = run('sh', ['-c', 'rpm2cpio "$0" | sha256sum', file])
  return [...tags.filter((tag) => !packed.test(tag)), ...requires, hash]
}

test('built once more in another folder, at another time, all packages and the pack have the same bytes', () => {
  const { release } = JSON.parse(readFileSync(join(PACKAGES, 'version.json'), 'utf8')) as { release: string }
  checkOut(release)
  run('env', ['-C', folder, 'make', '--no-print-directory', 'pack'], ELSEWHERE)
  const again = hashes(join(folder, 'dist/packages'))
  expect(Object.keys(again).filter((file) => file.startsWith('RPMS/'))).toHaveLength(3)
  expect(Object.keys(again).filter((file) => file.startsWith('SRPMS/'))).toHaveLength(3)
  expect(again).toEqual(hashes(PACKAGES))
}, 600_000)

test('a plain rpmbuild --rebuild of the runtime’s source package has the same in it, packed in less time', () => {
  const sources = readdirSync(join(folder, 'dist/packages/SRPMS'))
  const source = sources.find((file) => file.startsWith('xscontainer-runtime-'))!
  const [time = ''] = ask(RUNTIME, '--qf', '%{BUILDTIME}')
  const defines = ['--define', `_topdir ${folder}/rebuilt`, '--define', 'payload w1.gzdio']
  const words = ['--quiet', '--nodeps', ...defines, '--rebuild', join(folder, 'dist/packages/SRPMS', source)]
  run('rpmbuild', words, { ...ELSEWHERE, SOURCE_DATE_EPOCH: time })
  const [rebuilt = ''] = readdirSync(join(folder, 'rebuilt/RPMS/x86_64'))
  expect(contents(join(folder, 'rebuilt/RPMS/x86_64', rebuilt))).toEqual(contents(RUNTIME))
}, 600_000)
