import { readFileSync, writeFileSync } from 'node:fs'
import { run, tryRun } from './run.ts'

export interface PackageVersion {
  readonly version: string
  readonly release: string
  /** Seconds since 1970 of the commit that is packaged; every time in the packages is this. */
  readonly epoch: string
}

/**
 * Version and release of the packages, from `git describe`: 11.0.0-1 at the tag v11.0.0, 11.0.0-1.5.gabc1234 five commits
 * later. Before the first tag it is the version of package.json with a release that any tagged one exceeds:
 * 11.0.0-0.120.gabc1234. Changes that are not committed add `.dirty`.
 */
export function packageVersion(): PackageVersion {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  const epoch = process.env['SOURCE_DATE_EPOCH'] ?? tryRun('git', ['log', '-1', '--format=%ct'])?.trim()
  if (epoch === undefined) throw new Error('This is no git checkout: set SOURCE_DATE_EPOCH, seconds since 1970')
  const described = tryRun('git', ['describe', '--tags', '--always', '--long', '--match', 'v*', '--abbrev=7'])?.trim()
  if (described === undefined) return { version, release: '0', epoch }
  const dirty = run('git', ['status', '--porcelain', '--untracked-files=no']).trim() === '' ? '' : '.dirty'
  const tagged = /^v(\d+(?:\.\d+)*)-(\d+)-(g[0-9a-f]+)$/.exec(described)
  if (tagged === null) {
    const count = run('git', ['rev-list', '--count', 'HEAD']).trim()
    return { version, release: `0.${count}.g${described}${dirty}`, epoch }
  }
  const [, tag = '', commits = '', hash = ''] = tagged
  if (tag !== version) throw new Error(`The tag says v${tag}, package.json says ${version}: make them agree`)
  return { version, release: (commits === '0' ? '1' : `1.${commits}.${hash}`) + dirty, epoch }
}

const BUILT = 'dist/packages/version.json'

/** Has what is made of the packages later go by the version that they have, whatever is committed meanwhile. */
export function keepVersion(version: PackageVersion): void {
  writeFileSync(BUILT, `${JSON.stringify(version)}\n`)
}

/** The version of the packages that were built last. */
export function keptVersion(): PackageVersion {
  return JSON.parse(readFileSync(BUILT, 'utf8')) as PackageVersion
}
