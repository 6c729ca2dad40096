/** Bundles the executables into dist/: one file each, nothing needed beside it but Node. */
import { build, type Plugin } from 'esbuild'
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

const EXECUTABLES = {
  'bin/xscontainer-monitor': { entry: 'src/bin/xscontainer-monitor.ts', head: 'monitor' },
  'bin/xscontainer': { entry: 'src/bin/xscontainer.ts', head: 'command' },
} as const

/** ssh2 sets up WebAssembly for chacha20-poly1305 (16 MB of address space, 2 MB of memory); we never offer that cipher. */
const NO_POLY1305 =
  'module.exports = async () => ({ _malloc: () => 0, cwrap: () => () => { throw new Error("left out") } })'

/**
 * The monitor's first lines are a shell script to sh and a comment to JavaScript. They start Node with a young
 * generation of 2 MB and a heap that grows slowly: less memory for more CPU time (docs/decisions/0007).
 */
const MONITOR_HEAD = `#!/bin/sh
":" //; exec node --max-semi-space-size=2 --optimize-for-size "$0" "$@"`
const COMMAND_HEAD = '#!/usr/bin/env node'

/**
 * Parts that we never use: dockerode's BuildKit sessions bring gRPC and protobuf (8 MB of memory), and ssh2's native
 * helpers are optional.
 */
const leftOut: Plugin = {
  name: 'left-out',
  setup(bundle) {
    bundle.onResolve({ filter: /^@grpc\/|sshcrypto\.node$|^cpu-features$/ }, ({ path }) => ({
      path,
      namespace: 'left-out',
    }))
    bundle.onLoad({ filter: /^@grpc\//, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }))
    bundle.onResolve({ filter: /crypto\/poly1305\.js$/ }, ({ path }) => ({ path, namespace: 'left-out' }))
    bundle.onLoad({ filter: /poly1305/, namespace: 'left-out' }, () => ({ contents: NO_POLY1305 }))
    // ssh2 takes its JavaScript implementation when these cannot be loaded.
    bundle.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: 'throw new Error("left out")' }))
  },
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
mkdirSync('dist/bin', { recursive: true })
// The checkout is an ES module package; the bundles are CommonJS, wherever they are copied to.
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
for (const [name, { entry, head }] of Object.entries(EXECUTABLES)) {
  const outfile = `dist/${name}.new`
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    plugins: [leftOut],
    define: { 'import.meta.url': 'importMetaUrl', XSCONTAINER_VERSION: JSON.stringify(version) },
    banner: {
      js: `${head === 'monitor' ? MONITOR_HEAD : COMMAND_HEAD}\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href;`,
    },
    logLevel: 'warning',
  })
  chmodSync(outfile, 0o755)
  // In one step: what runs or starts meanwhile sees the old file or the new one.
  renameSync(outfile, `dist/${name}`)
}
