import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { run, tryRun } from './run.ts'

interface Deb {
  readonly package: string
  readonly version: string
  readonly sha256: string
  readonly source: string
  readonly licence: string
  /** Its copyright file, a path in the package. */
  readonly copyright?: string
  readonly files: readonly string[]
}

/** rpm/runtime.json: what the runtime is made of, to the byte. */
export interface RuntimeManifest {
  /** Of the package; to be raised when anything but Node's version changes. */
  readonly release: string
  readonly node: { readonly package: string; readonly version: string; readonly integrity: string }
  readonly debs: readonly Deb[]
}

export function readManifest(): RuntimeManifest {
  return JSON.parse(readFileSync('rpm/runtime.json', 'utf8')) as RuntimeManifest
}

/** Path of Node's npm package in `folder`, fetched unless it is there. Throws when its bytes are not the pinned ones. */
export function fetchNode({ node }: RuntimeManifest, folder: string): string {
  const file = join(folder, `${node.package}-${node.version}.tgz`)
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    run('npm', ['pack', '--silent', '--pack-destination', folder, `${node.package}@${node.version}`])
  }
  const [algorithm = '', wanted = ''] = node.integrity.split(/-(.*)/)
  check(file, algorithm, 'base64', wanted)
  return file
}

/** Path of a Debian package in `folder`, fetched unless it is there. Throws when its bytes are not the pinned ones. */
export function fetchDeb({ package: name, version, sha256 }: Deb, folder: string): string {
  const file = join(folder, `${name}_${version}_amd64.deb`)
  if (!existsSync(file)) {
    mkdirSync(join(folder, 'partial'), { recursive: true })
    // As root, not as apt's own user, who may not write here.
    const asked = ['-o', 'APT::Sandbox::User=root', `${name}=${version}`]
    const cwd = join(folder, 'partial')
    if (tryRun('apt-get', ['download', '-q', ...asked], { cwd }) === undefined) {
      run('apt-get', ['update', '-q'])
      if (tryRun('apt-get', ['download', '-q', ...asked], { cwd }) === undefined) throw new Error(gone(name, version))
    }
    renameSync(join(cwd, `${name}_${version}_amd64.deb`), file)
  }
  check(file, 'sha256', 'hex', sha256)
  return file
}

function gone(name: string, version: string): string {
  return `apt-get does not find ${name} ${version}, which rpm/runtime.json names. Its sources must be Debian 12's; if Debian
has replaced that version, put the new one and its sha256 into rpm/runtime.json: the runtime changes with it.`
}

function check(file: string, algorithm: string, encoding: 'hex' | 'base64', wanted: string): void {
  const found = createHash(algorithm).update(readFileSync(file)).digest(encoding)
  if (found !== wanted) throw new Error(`${file} is not what rpm/runtime.json names: ${algorithm} ${found}. Delete it.`)
}
