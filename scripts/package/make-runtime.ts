import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { fetchDeb, fetchNode, readManifest, type RuntimeManifest } from './fetch-parts.ts'
import { run } from './run.ts'

/** Where the runtime lies on a host. Its files name each other by this path: it works without /proc and from any folder. */
const PREFIX = '/opt/xscontainer'
const LOADER = 'ld-linux-x86-64.so.2'

/** Puts the runtime into `tree` as it will lie on a host: Node and a C library of its own, which dom0's is too old for. */
export function makeRuntime(tree: string, downloads: string): RuntimeManifest {
  const manifest = readManifest()
  const home = join(tree, PREFIX)
  const doc = join(home, 'share/doc')
  for (const folder of ['bin', 'lib', 'share/doc']) mkdirSync(join(home, folder), { recursive: true })
  const work = mkdtempSync(join(downloads, 'unpacked-'))
  try {
    addNode(home, downloads)
    for (const deb of manifest.debs) {
      const from = join(work, deb.package)
      run('dpkg-deb', ['-x', fetchDeb(deb, downloads), from])
      for (const file of deb.files) place(realpathSync(join(from, file)), join(home, 'lib', basename(file)), 0o644)
      if (deb.copyright !== undefined) place(join(from, deb.copyright), join(doc, `copyright-${deb.package}`), 0o644)
    }
    chmodSync(join(home, 'lib', LOADER), 0o755)
    writeFileSync(join(doc, 'SOURCES'), sources(manifest), { mode: 0o644 })
  } finally {
    rmSync(work, { recursive: true })
  }
  return manifest
}

/** The order matters: strip after patchelf would break the file. */
function addNode(home: string, downloads: string): void {
  const node = join(home, 'bin/node')
  const unpacked = unpackedNode(downloads)
  place(unpacked, node, 0o755)
  place(join(unpacked, '../../LICENSE'), join(home, 'share/doc/LICENSE-node'), 0o644)
  run('strip', ['--strip-all', node])
  // DT_RPATH, not DT_RUNPATH: it wins over LD_LIBRARY_PATH and holds for what libstdc++ looks up too.
  const rpath = ['--force-rpath', '--set-rpath', `${PREFIX}/lib`]
  run('patchelf', ['--set-interpreter', `${PREFIX}/lib/${LOADER}`, ...rpath, node])
}

function place(from: string, to: string, mode: number): void {
  cpSync(from, to)
  chmodSync(to, mode)
}

function sources({ node, debs }: RuntimeManifest): string {
  const list = debs.map(
    (deb) => `${deb.package} ${deb.version}  source ${deb.source}  ${deb.licence}  sha256 ${deb.sha256}`,
  )
  return `What this folder's programs and libraries are, unchanged but for stripped symbols and the paths in bin/node.

node ${node.version}, npm package ${node.package}  MIT  ${node.integrity}
${list.join('\n')}

The libraries are those of Debian 12 (bookworm). Their complete source is at https://snapshot.debian.org/ under the
source package and version above; a copy may be had from whoever gave you this package.
`
}

/** The Node that is packaged, as it is: to build with, so that what is built does not depend on the builder's own. */
export function unpackedNode(downloads: string): string {
  const manifest = readManifest()
  const archive = fetchNode(manifest, downloads)
  const folder = join(downloads, `node-${manifest.node.version}-unpacked`)
  if (!existsSync(folder)) {
    mkdirSync(`${folder}.new`, { recursive: true })
    run('tar', ['-xzf', archive, '-C', `${folder}.new`, 'package/bin/node', 'package/LICENSE'])
    renameSync(`${folder}.new`, folder)
  }
  return join(folder, 'package/bin/node')
}
