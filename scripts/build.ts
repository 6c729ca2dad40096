/** Bundles the executables into dist/: one file each, nothing needed beside it but Node. */
import { build, type Plugin } from 'esbuild'
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

const EXECUTABLES = {
  'bin/xscontainer-monitor': 'src/bin/xscontainer-monitor.ts',
  'bin/xscontainer': 'src/bin/xscontainer.ts',
}

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
    // ssh2 takes its JavaScript implementation when these cannot be loaded.
    bundle.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: 'throw new Error("left out")' }))
  },
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
mkdirSync('dist/bin', { recursive: true })
// The checkout is an ES module package; the bundles are CommonJS, wherever they are copied to.
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
for (const [name, entry] of Object.entries(EXECUTABLES)) {
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
    keepNames: true,
    legalComments: 'none',
    plugins: [leftOut],
    define: { 'import.meta.url': 'importMetaUrl', XSCONTAINER_VERSION: JSON.stringify(version) },
    banner: { js: `#!/usr/bin/env node\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href;` },
    logLevel: 'warning',
  })
  chmodSync(outfile, 0o755)
  // In one step: what runs or starts meanwhile sees the old file or the new one.
  renameSync(outfile, `dist/${name}`)
}
