/** `make rpm`: the three packages and their source packages in dist/packages. */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { runtimeBom } from './bill-of-materials.ts'
import { buildPackage, buildSourcePackage, PACKAGES, rebuild, WORK } from './build-package.ts'
import { readManifest } from './fetch-parts.ts'
import { makeRuntime, unpackedNode } from './make-runtime.ts'
import { updateUuid, updateXml, xsPackages, xsRepository } from './pack-documents.ts'
import { keepVersion, packageVersion } from './package-version.ts'
import { run, tryRun } from './run.ts'
import { stagePrograms } from './stage-programs.ts'

const DOWNLOADS = join(process.cwd(), WORK, 'downloads')
/** Not dist, whose programs may be in use. */
const BUILT = join(WORK, 'programs')
/** What decides the runtime's bytes, besides the tools that make it. */
const RUNTIME_SOURCES = [
  'rpm/runtime.json',
  'rpm/build-macros',
  'rpm/xscontainer-runtime.spec.in',
  'scripts/package/make-runtime.ts',
  'scripts/package/bill-of-materials.ts',
  'scripts/package/build-package.ts',
]

rmSync(PACKAGES, { recursive: true, force: true })
mkdirSync(DOWNLOADS, { recursive: true })
const version = packageVersion()
const manifest = readManifest()
const runtimeVersion = `${manifest.node.version}-${manifest.release}`

console.log(`xscontainer ${version.version}-${version.release}, runtime ${runtimeVersion}`)
run(unpackedNode(DOWNLOADS), ['--import', 'tsx', 'scripts/build.ts', BUILT])
const runtime = buildRuntime()
const programs = buildPackage({
  name: 'xscontainer',
  ...version,
  values: { RUNTIME: runtimeVersion },
  stage: (tree) => stagePrograms(tree, BUILT, version),
})
const update = buildPackage({
  name: 'update-xscontainer',
  ...version,
  values: { RUNTIME: runtimeVersion, UUID: updateUuid(version) },
  stage: stageRecords,
})
keepVersion(version)
for (const file of [runtime, programs, update]) console.log(`${PACKAGES}/RPMS/${basename(file)}`)

/** Packing 115 MB takes a minute or two: done anew only when something about the runtime has changed. */
function buildRuntime(): string {
  const { release, node } = manifest
  const epoch = runtimeEpoch()
  const name = 'xscontainer-runtime'
  const kept = join(WORK, 'runtime', runtimeInputs(epoch))
  const [source, built] = [
    `SRPMS/${name}-${node.version}-${release}.src.rpm`,
    `RPMS/${name}-${node.version}-${release}.x86_64.rpm`,
  ]
  const keep = (file: string) => copy(join(PACKAGES, file), join(kept, file))
  if (existsSync(join(kept, source))) copy(join(kept, source), join(PACKAGES, source))
  else {
    buildSourcePackage({
      name,
      version: node.version,
      release,
      epoch,
      values: {},
      stage(tree) {
        makeRuntime(tree, DOWNLOADS)
        writeFileSync(join(tree, 'opt/xscontainer/share/doc/sbom.cdx.json'), runtimeBom(runtimeVersion, epoch))
      },
    })
    keep(source)
  }
  if (existsSync(join(kept, built))) copy(join(kept, built), join(PACKAGES, built))
  else {
    rebuild(join(process.cwd(), PACKAGES, source), { name, epoch })
    keep(built)
  }
  return join(PACKAGES, built)
}

/** The same for the same bytes: of what decides them, and of the tools that make them. */
function runtimeInputs(epoch: string): string {
  const tools = ['rpmbuild', 'patchelf', 'strip'].map((tool) => run(tool, ['--version']).split('\n')[0])
  const hash = createHash('sha256').update([epoch, ...tools].join('\n'))
  for (const file of RUNTIME_SOURCES) hash.update(readFileSync(file))
  return hash.digest('hex').slice(0, 20)
}

/** The time of the commit that last changed the runtime: later commits leave its bytes as they are. */
function runtimeEpoch(): string {
  const told =
    process.env['SOURCE_DATE_EPOCH'] ?? tryRun('git', ['log', '-1', '--format=%ct', '--', ...RUNTIME_SOURCES])
  return told?.trim() || version.epoch
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  if (from !== to) copyFileSync(from, to)
}

function stageRecords(tree: string): void {
  const installed = [runtime, programs].reduce((sum, file) => sum + installedBytes(file), 0)
  const files = [runtime, programs].map((file) => ({
    path: `Packages/${basename(file)}`,
    label: basename(file).replace(/-\d.*/, ''),
    bytes: readFileSync(file),
  }))
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), text, { mode: 0o644 })
  }
  const pack = 'etc/xensource/installed-repos/xs:xscontainer'
  put(`${pack}/XS-REPOSITORY`, xsRepository(version))
  put(`${pack}/XS-PACKAGES`, xsPackages(files))
  put(`var/update/applied/${updateUuid(version)}`, updateXml(version, installed))
}

function installedBytes(file: string): number {
  return Number(run('rpm', ['-qp', '--nosignature', '--qf', '%{SIZE}', file]))
}
