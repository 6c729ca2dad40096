import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'
import { sourceTarball } from './source-tarball.ts'

export const PACKAGES = 'dist/packages'
export const WORK = '.cache/package'

export interface Recipe {
  readonly name: string
  readonly version: string
  readonly release: string
  readonly epoch: string
  /** Replaces @NAME@ in the spec. */
  readonly values: Readonly<Record<string, string>>
  /** Puts the package's files into this folder, as they will lie on a host. */
  readonly stage: (tree: string) => void
}

/**
 * Builds a source package, and the package from that: so anybody who has the source package gets the same bytes. Both
 * land in `PACKAGES`, with spec and tarball as other build environments want them. Path of the package.
 */
export function buildPackage(recipe: Recipe): string {
  return rebuild(buildSourcePackage(recipe), recipe)
}

/** Path of the source package. */
export function buildSourcePackage(recipe: Recipe): string {
  const { name, version } = recipe
  const work = join(process.cwd(), WORK, name)
  rmSync(work, { recursive: true, force: true })
  const [spec, sources] = [join(work, 'SPECS'), join(work, 'SOURCES')]
  for (const folder of [spec, sources]) mkdirSync(folder, { recursive: true })
  const source = `${name}-${version}`
  recipe.stage(join(work, 'tree', source))
  sourceTarball(join(work, 'tree'), source, join(sources, `${source}.tar.gz`), recipe.epoch)
  writeFileSync(join(spec, `${name}.spec`), fillSpec(recipe))
  keepForOthers(work, recipe)
  rpmbuild(work, recipe, ['-bs', join(spec, `${name}.spec`)])
  const [sourcePackage = ''] = collect(join(work, 'SRPMS'), 'SRPMS')
  rmSync(work, { recursive: true })
  return sourcePackage
}

/** Builds the package of a source package; its path. */
export function rebuild(sourcePackage: string, recipe: Pick<Recipe, 'name' | 'epoch'>): string {
  const work = join(process.cwd(), WORK, recipe.name)
  rpmbuild(work, recipe, ['--rebuild', sourcePackage])
  const [built = ''] = collect(join(work, 'RPMS'), 'RPMS')
  rmSync(work, { recursive: true })
  return built
}

function fillSpec({ name, version, release, values }: Recipe): string {
  const all: Record<string, string> = {
    MACROS: readFileSync('rpm/build-macros', 'utf8'),
    VERSION: version,
    RELEASE: release,
    ...values,
  }
  const template = readFileSync(`rpm/${name}.spec.in`, 'utf8')
  return template.replace(/@([A-Z]+)@/g, (whole, key: string) => all[key] ?? fail(`${name}.spec.in: no ${whole}`))
}

function fail(what: string): never {
  throw new Error(what)
}

function rpmbuild(topdir: string, { epoch }: Pick<Recipe, 'epoch'>, args: readonly string[]): void {
  // rpm's own database of what is installed says nothing about a Debian.
  const defines = ['--define', `_topdir ${topdir}`, '--nodeps', '--quiet']
  run('rpmbuild', [...defines, ...args], { env: { SOURCE_DATE_EPOCH: epoch } })
}

/** Moves packages to where they are handed out; their paths there. */
function collect(from: string, kind: 'RPMS' | 'SRPMS'): string[] {
  const to = join(process.cwd(), PACKAGES, kind)
  mkdirSync(to, { recursive: true })
  const files = readdirSync(from, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.rpm'))
  return files.map((file) => {
    const target = join(to, file.replace(/.*\//, ''))
    renameSync(join(from, file), target)
    return target
  })
}

/** As xcp-ng-build-env takes it: a folder with SPECS and SOURCES. */
function keepForOthers(work: string, { name, version }: Recipe): void {
  const folder = join(PACKAGES, 'build-env', name)
  rmSync(folder, { recursive: true, force: true })
  for (const file of [`SPECS/${name}.spec`, `SOURCES/${name}-${version}.tar.gz`]) {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    copyFileSync(join(work, file), join(folder, file))
  }
}
