import { readManifest } from './fetch-parts.ts'
import { run } from './run.ts'

interface Component {
  readonly name: string
  readonly group?: string
  readonly [key: string]: unknown
}

interface Bom {
  readonly components: readonly Component[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

/** CycloneDX, by npm: the packages of which something is in the bundles. The same bytes for the same commit. */
export function programsBom(packages: readonly string[], version: string, epoch: string): string {
  const bom = JSON.parse(run('npm', ['sbom', '--sbom-format', 'cyclonedx'])) as Bom
  const fullName = ({ name, group }: Component) => (group === undefined ? name : `${group}/${name}`)
  const components = bom.components
    .filter((component) => packages.includes(fullName(component)))
    .map((component) => ({ ...component, properties: undefined }))
    .sort((a, b) => fullName(a).localeCompare(fullName(b), 'en'))
  const missing = packages.filter((name) => !components.some((component) => fullName(component) === name))
  if (missing.length > 0) throw new Error(`npm's bill of materials lacks ${missing.join(', ')}`)
  return document('xscontainer', version, epoch, components)
}

/** CycloneDX: what the runtime is made of, from rpm/runtime.json. */
export function runtimeBom(version: string, epoch: string): string {
  const { node, debs } = readManifest()
  const [algorithm = '', hash = ''] = node.integrity.split(/-(.*)/)
  const hex = Buffer.from(hash, 'base64').toString('hex')
  const components: Component[] = [
    {
      type: 'application',
      name: 'node',
      version: node.version,
      purl: `pkg:npm/${node.package}@${node.version}`,
      hashes: [{ alg: algorithm.replace('sha', 'SHA-'), content: hex }],
      licenses: [{ license: { id: 'MIT' } }],
    },
    ...debs.map((deb) => ({
      type: 'library',
      name: deb.package,
      version: deb.version,
      purl: `pkg:deb/debian/${encodeURIComponent(deb.package)}@${encodeURIComponent(deb.version)}?arch=amd64&distro=bookworm`,
      hashes: [{ alg: 'SHA-256', content: deb.sha256 }],
      licenses: [{ expression: deb.licence }],
    })),
  ]
  return document('xscontainer-runtime', version, epoch, components)
}

function document(name: string, version: string, epoch: string, components: readonly Component[]): string {
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: new Date(Number(epoch) * 1000).toISOString(),
      component: { type: 'application', name, version, 'bom-ref': `${name}@${version}` },
    },
    components,
  }
  return `${JSON.stringify(bom, undefined, 2)}\n`
}
