/** `make sign KEY=id`: signs what XAPI and yum verify, with a key that gpg has, and writes the ISO anew. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeIso, PACK, REPO, writeSums } from './pack-tree.ts'
import { keptVersion } from './package-version.ts'
import { run } from './run.ts'

const KEY_FILE = 'RPM-GPG-KEY-xscontainer'
const RSA = '1'

const [key = ''] = process.argv.slice(2)
if (key === '') throw new Error('Which key? make sign KEY=id, where gpg --list-secret-keys shows the id')
// gpg of dom0 is 2.0 and its rpm 4.11: neither knows elliptic curves.
const [primary = ''] = run('gpg', ['--with-colons', '--list-keys', key])
  .split('\n')
  .filter((line) => /^pub:/.test(line))
if (primary.split(':')[3] !== RSA)
  throw new Error(`The key ${key} is no RSA key: hosts before XCP-ng 9 cannot verify it`)

const publicKey = run('gpg', ['--armor', '--export', key])
for (const folder of [PACK, REPO]) writeFileSync(join(folder, KEY_FILE), publicKey)
for (const file of [join(PACK, 'update.xml'), join(PACK, 'repodata/repomd.xml'), join(REPO, 'repodata/repomd.xml')]) {
  rmSync(`${file}.asc`, { force: true })
  run('gpg', ['--batch', '--local-user', key, '--digest-algo', 'SHA256', '--armor', '--detach-sign', file])
}
console.log(makeIso(keptVersion(), '.signed'))
writeSums()
