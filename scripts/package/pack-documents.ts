import { createHash } from 'node:crypto'
import type { PackageVersion } from './package-version.ts'

/** For names under which this product's releases are known; made once. */
const NAMESPACE = '6d9f3c1e-52b7-4f0a-9a6e-3d0c6b1f8e42'
const DESCRIPTION = 'XSContainer Management'
/** What XenCenter looks for begins with this. */
const LABEL = 'xscontainer'

/** A package file in a pack. */
export interface PackFile {
  readonly path: string
  readonly label: string
  readonly bytes: Buffer
}

/** One uuid for each release, a version 5 one of its name: XAPI takes one uuid for one update, whatever is in it. */
export function updateUuid({ version, release }: PackageVersion): string {
  const hash = createHash('sha1').update(Buffer.from(NAMESPACE.replaceAll('-', ''), 'hex'))
  const bytes = hash.update(`${LABEL}-${version}-${release}`).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** For XenServer 7.1 and later: what the update is; also the record of an applied one. */
export function updateXml(version: PackageVersion, installedBytes: number): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<update name-label="${LABEL}" version="${version.version}" uuid="${updateUuid(version)}" installation-size="${installedBytes}">
  <name-description>${DESCRIPTION}</name-description>
</update>
`
}

/** For XenServer 7.0, and the record of an installed pack. XAPI takes the first child's text for the description. */
export function xsRepository({ version, release }: PackageVersion): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<repository originator="xs" name="${LABEL}" product="XCP" version="${version}" build="${release}"><description>${DESCRIPTION}</description><requires originator="xcp" name="main" test="ge" product="XCP" version="2.1.0"/></repository>
`
}

/** For XenServer 7.0: the packages of the pack. */
export function xsPackages(files: readonly PackFile[]): string {
  const lines = files.map(({ path, label, bytes }) => {
    const md5 = createHash('md5').update(bytes).digest('hex')
    return `  <package label="${label}" type="rpm" size="${bytes.length}" md5="${md5}">${path}</package>\n`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<packages>\n${lines.join('')}</packages>\n`
}

/** yum's groups: XAPI installs the group `update`. */
export function groupsXml(): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>update</id>
    <name>update</name>
    <description>${DESCRIPTION}</description>
    <default>true</default>
    <uservisible>true</uservisible>
    <packagelist>
      <packagereq type="mandatory">update-${LABEL}</packagereq>
    </packagelist>
  </group>
</comps>
`
}
