import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { programsBom } from './bill-of-materials.ts'
import { licenceTexts } from './licences.ts'
import type { PackageVersion } from './package-version.ts'

/** What starts the programs, whatever PATH and Node's variables are where they are called. */
const NODE = '/opt/xscontainer/bin/node'
const CLEAN = 'unset NODE_OPTIONS NODE_EXTRA_CA_CERTS NODE_PATH;'

/** What the build makes, and what that becomes on a host. */
const PROGRAMS = {
  'bin/xscontainer': 'usr/bin/xscontainer',
  'bin/xscontainer-monitor': 'usr/bin/xscontainer-monitor',
  'bin/xscontainer-prepare-vm': 'usr/bin/xscontainer-prepare-vm',
  'plugins/xscontainer': 'etc/xapi.d/plugins/xscontainer',
}

const DOC = 'usr/share/doc/xscontainer'
const FILES = {
  'systemd/xscontainer-monitor.service': 'usr/lib/systemd/system/xscontainer-monitor.service',
  'rpm/files/xscontainer.preset': 'usr/lib/systemd/system-preset/80-xscontainer.preset',
  'rpm/files/xscontainer.logrotate': 'etc/logrotate.d/xscontainer',
  'rpm/files/bugtool-capability.xml': 'etc/xensource/bugtool/xscontainer.xml',
  'rpm/files/bugtool-logs.xml': 'etc/xensource/bugtool/xscontainer/xscontainer_logs.xml',
  'rpm/xscontainer.toml': 'etc/xscontainer/xscontainer.toml',
  'completion/xscontainer.bash': 'etc/bash_completion.d/xscontainer',
  LICENSE: `${DOC}/LICENSE`,
  'README.md': `${DOC}/README.md`,
  'CHANGELOG.md': `${DOC}/CHANGELOG.md`,
}

/** Puts everything of the package xscontainer into `tree` as it will lie on a host; `built` has the built programs. */
export function stagePrograms(tree: string, built: string, { version, epoch }: PackageVersion): void {
  const put = (to: string, content: string | Buffer, mode = 0o644) => {
    const path = join(tree, to)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    chmodSync(path, mode)
  }
  for (const [from, to] of Object.entries(PROGRAMS)) put(to, packagedProgram(join(built, from)), 0o755)
  for (const [from, to] of Object.entries(FILES)) put(to, readFileSync(from))
  const packages = JSON.parse(readFileSync(join(built, 'packages.json'), 'utf8')) as string[]
  put(`${DOC}/THIRD-PARTY-LICENSES`, licenceTexts(packages))
  put(`${DOC}/sbom.cdx.json`, programsBom(packages, version, epoch))
  cpSync('docs', join(tree, DOC, 'docs'), { recursive: true, filter: (path) => !path.includes('decisions') })
}

/** A built program whose first lines start the packaged Node. They are shell to sh and a comment to JavaScript. */
function packagedProgram(file: string): string {
  const text = readFileSync(file, 'utf8')
  const [first = '', second = ''] = text.split('\n', 2)
  const exec = /^":" \/\/; (.*)exec node (.*)"\$0" "\$@"$/.exec(second)
  if (first !== '#!/bin/sh' || exec === null) throw new Error(`${file} does not begin as expected: ${first} ${second}`)
  const [, before = '', flags = ''] = exec
  const head = `":" //; ${CLEAN} ${before}exec ${NODE} ${flags}"$0" "$@"`
  return `#!/bin/sh\n${head}${text.slice(first.length + 1 + second.length)}`
}
