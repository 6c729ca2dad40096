/** `make pack`: the supplemental pack, a yum repository and SHA256SUMS, beside the packages that they are made of. */
import { makeIso, makePackTree, makeRepository, REPO, writeSums } from './pack-tree.ts'
import { keptVersion } from './package-version.ts'

const version = keptVersion()
makePackTree(version)
makeRepository(version)
console.log(makeIso(version))
console.log(`${REPO}/`)
writeSums()
