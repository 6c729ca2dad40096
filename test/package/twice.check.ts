import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PACKAGES, run } from './packages.ts'

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
  // What is fetched is checked by its hash anyway; what was built is not taken along.
  cpSync('.cache/package/downloads', join(folder, '.cache/package/downloads'), { recursive: true })
}

test('built once more in another folder, at another time, all packages and the pack have the same bytes', () => {
  const { release } = JSON.parse(readFileSync(join(PACKAGES, 'version.json'), 'utf8')) as { release: string }
  checkOut(release)
  const env = { TZ: 'Pacific/Auckland', LANG: 'C.UTF-8' }
  run('env', ['-C', folder, 'make', '--no-print-directory', 'pack'], env)
  const again = hashes(join(folder, 'dist/packages'))
  expect(Object.keys(again).filter((file) => file.startsWith('RPMS/'))).toHaveLength(3)
  expect(again).toEqual(hashes(PACKAGES))
}, 600_000)
