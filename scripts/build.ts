/** Bundles the executables into dist/: one file each, nothing needed beside it but Node. */
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { gzipSync } from 'node:zlib'

/** ssh2 sets up WebAssembly for chacha20-poly1305 (16 MB of address space, 2 MB of memory); we never offer that cipher. */
const NO_POLY1305 =
  'module.exports = async () => ({ _malloc: () => 0, cwrap: () => () => { throw new Error("left out") } })'

/**
 * The monitor's first lines are a shell script to sh and a comment to JavaScript. They start Node with a small young
 * generation, a heap that grows slowly and one malloc arena: less memory for little CPU time (docs/decisions/0007).
 */
const HEAP = '--max-semi-space-size=2 --initial-old-space-size=12 --heap-growing-percent=10 --no-memory-reducer'
const MONITOR_HEAD = `#!/bin/sh
":" //; MALLOC_ARENA_MAX=1 exec node ${HEAP} "$0" "$@"`
const COMMAND_HEAD = '#!/usr/bin/env node'
const PLUGIN_HEAD = `#!/bin/sh
":" //; exec node --no-warnings "$0" "$@"`

const IMPORT_META_URL = `const importMetaUrl = require('node:url').pathToFileURL(__filename).href;`

/**
 * Parts that we never use: dockerode's BuildKit sessions bring gRPC and protobuf, its images tar, and requests go by our
 * own modem; keys with a passphrase are refused before they are read.
 */
const UNUSED = /^@grpc\/|^protobufjs|^docker-modem$|^tar-fs$|^@balena\/dockerignore$|^bcrypt-pbkdf$/

const leftOut: Plugin = {
  name: 'left-out',
  setup(bundle) {
    bundle.onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: 'unused' }))
    bundle.onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'module.exports = {}' }))
    // ssh2's native helpers are optional.
    bundle.onResolve({ filter: /sshcrypto\.node$|^cpu-features$/ }, ({ path }) => ({ path, namespace: 'left-out' }))
    bundle.onResolve({ filter: /crypto\/poly1305\.js$/ }, ({ path }) => ({ path, namespace: 'left-out' }))
    bundle.onLoad({ filter: /poly1305/, namespace: 'left-out' }, () => ({ contents: NO_POLY1305 }))
    // ssh2 takes its JavaScript implementation when these cannot be loaded.
    bundle.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: 'throw new Error("left out")' }))
  },
}

/** What a call of the plugin may need, but hardly any does: packed in comments at the end of the file, at no cost. */
const PACKED = ['do-here', 'do-there']

const unpack = (name: string) => `
const text = require('node:fs').readFileSync(__filename, 'latin1')
const start = text.lastIndexOf('/*${name}:') + ${name.length + 3}
const packed = Buffer.from(text.slice(start, text.indexOf('*/', start)), 'base64')
const code = require('node:zlib').gunzipSync(packed).toString()
const names = ['exports', 'require', 'module', '__filename', '__dirname']
const run = require('node:vm').compileFunction(code, names, { filename: __filename + ' (${name})' })
run(module.exports, require, module, __filename, __dirname)`

const packedAtTheEnd: Plugin = {
  name: 'packed',
  setup(bundle) {
    const filter = new RegExp(`/(?:${PACKED.join('|')})\\.ts$`)
    bundle.onResolve({ filter }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: basename(path, '.ts'), namespace: 'packed' } : undefined,
    )
    bundle.onLoad({ filter: /./, namespace: 'packed' }, ({ path }) => ({ contents: unpack(path) }))
  },
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

/** The code of a bundle that starts at this file. */
async function bundle(entry: string, head: string, plugins: Plugin[] = []): Promise<string> {
  const options = {
    entryPoints: [entry],
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    plugins: [leftOut, ...plugins],
    define: { 'import.meta.url': 'importMetaUrl', XSCONTAINER_VERSION: JSON.stringify(version) },
    banner: { js: head },
    logLevel: 'warning',
  } satisfies BuildOptions
  const { outputFiles } = await build(options)
  return outputFiles[0]!.text
}

/** In one step: what runs or starts meanwhile sees the old file or the new one. */
function install(file: string, code: string): void {
  writeFileSync(`${file}.new`, code)
  chmodSync(`${file}.new`, 0o755)
  renameSync(`${file}.new`, file)
}

async function plugin(): Promise<string> {
  const parts = [await bundle('src/bin/plugin.ts', PLUGIN_HEAD, [packedAtTheEnd])]
  for (const name of PACKED) {
    const code = gzipSync(await bundle(`src/app/plugin/${name}.ts`, IMPORT_META_URL), { level: 9 })
    parts.push(`/*${name}:${code.toString('base64')}*/\n`)
  }
  return parts.join('')
}

for (const folder of ['dist/bin', 'dist/plugins']) mkdirSync(folder, { recursive: true })
// The checkout is an ES module package; the bundles are CommonJS, wherever they are copied to.
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
install(
  'dist/bin/xscontainer-monitor',
  await bundle('src/bin/xscontainer-monitor.ts', `${MONITOR_HEAD}\n${IMPORT_META_URL}`),
)
install('dist/bin/xscontainer', await bundle('src/bin/xscontainer.ts', `${COMMAND_HEAD}\n${IMPORT_META_URL}`))
install(
  'dist/bin/xscontainer-prepare-vm',
  await bundle('src/bin/xscontainer-prepare-vm.ts', `${COMMAND_HEAD}\n${IMPORT_META_URL}`),
)
install('dist/plugins/xscontainer', await plugin())
