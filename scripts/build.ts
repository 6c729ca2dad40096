/** Bundles the executables into dist/, or the folder that is named: one file each, nothing needed beside it but Node. */
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'

/** ssh2 sets up WebAssembly for chacha20-poly1305 (16 MB of address space, 2 MB of memory); we never offer that cipher. */
const NO_POLY1305 =
  'module.exports = async () => ({ _malloc: () => 0, cwrap: () => () => { throw new Error("left out") } })'

/**
 * The monitor's first lines are a shell script to sh and a comment to JavaScript. They start Node with a small young
 * generation, a heap that grows slowly and one malloc arena: less memory for little CPU time (docs/decisions/0007). It
 * turns the compilers on with its first guest, and has garbage collected as long as there is none.
 */
const HEAP = '--max-semi-space-size=4 --initial-old-space-size=12 --heap-growing-percent=20 --single-threaded-gc'
const BEFORE_GUESTS = '--no-opt --no-maglev --expose-gc'
const MONITOR_HEAD = `#!/bin/sh
":" //; MALLOC_ARENA_MAX=1 exec node ${HEAP} ${BEFORE_GUESTS} "$0" "$@"`
/** These come to know passwords and keys: a crash must not leave them in a core dump. The monitor's unit sees to that. */
const COMMAND_HEAD = `#!/bin/sh
":" //; ulimit -c 0; exec node "$0" "$@"`
const PLUGIN_HEAD = `#!/bin/sh
":" //; ulimit -c 0; exec node --no-warnings "$0" "$@"`

/** A quarter of a monitor's memory before it has guests, and of no use until then: loaded when something of them is used. */
const LATE =
  /^(?:ssh2|dockerode|(?:node:)?(?:assert|child_process|crypto|fs\/promises|https|timers\/promises|tls|v8|worker_threads))$/
/** What packages take of these as soon as they are loaded, in place of the whole. */
const INSTEAD: readonly (readonly [importer: RegExp, path: RegExp, contents: string])[] = [
  // Names of its tasks: a count tells them apart as well.
  [/\/node-cron\//, /crypto$/, 'let count = 0\nexports.randomUUID = () => String(++count)'],
  // Nothing here runs in another thread.
  [/\/pino\//, /worker_threads$/, 'exports.isMainThread = true'],
]

/** Stands for a module that is a function with members. */
const functionAtUse = (name: string) => `
module.exports = new Proxy(function () {}, {
  apply: (_, self, words) => require('${name}')(...words),
  get: (_, member) => require('${name}')[member],
})`

/** Stands for a package whose default export is a class. */
const classAtUse = (name: string) => `
let loaded
module.exports = new Proxy(class {}, {
  construct: (_, words) => Reflect.construct((loaded ??= require('${name}')), words),
})`

function lateContents(path: string): string {
  if (path === 'dockerode') return classAtUse(path)
  if (/assert$/.test(path)) return functionAtUse(path)
  return `${membersAtUse(path)}\nfunction load() { return require('${path}') }`
}

const lateParts: Plugin = {
  name: 'late',
  setup(bundle) {
    bundle.onResolve({ filter: LATE }, ({ path, namespace, importer }) => {
      if (namespace !== 'file') return undefined
      const instead = INSTEAD.findIndex(([from, what]) => from.test(importer) && what.test(path))
      return instead < 0 ? { path, namespace: 'late' } : { path: String(instead), namespace: 'instead' }
    })
    bundle.onLoad({ filter: /./, namespace: 'instead' }, ({ path }) => ({ contents: INSTEAD[Number(path)]![2] }))
    bundle.onLoad({ filter: /./, namespace: 'late' }, ({ path }) => ({
      contents: lateContents(path),
      resolveDir: process.cwd(),
    }))
  },
}

const IMPORT_META_URL = `const importMetaUrl = require('node:url').pathToFileURL(__filename).href;`

/**
 * Parts that we never use: dockerode's BuildKit sessions bring gRPC and protobuf, its images tar, and requests go by our
 * own modem; keys with a passphrase are refused before they are read; no log goes through a thread.
 */
const UNUSED = /^@grpc\/|^protobufjs|^docker-modem$|^tar-fs$|^@balena\/dockerignore$|^bcrypt-pbkdf$|^thread-stream$/

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
/** Large packages that few runs need: packed in the same way, and unpacked when something of them is used first. */
const RARE = ['node-forge', 'yaml']

const unpack = (name: string) => `
const text = require('node:fs').readFileSync(__filename, 'latin1')
const start = text.lastIndexOf('/*${name}:') + ${name.length + 3}
const packed = Buffer.from(text.slice(start, text.indexOf('*/', start)), 'base64')
const code = require('node:zlib').gunzipSync(packed).toString()
const names = ['exports', 'require', 'module', '__filename', '__dirname']
const run = require('node:vm').compileFunction(code, names, { filename: __filename + ' (${name})' })
run(module.exports, require, module, __filename, __dirname)`

/** A module that has the members of the one of this name, which `load()` gives when one is used first. */
const membersAtUse = (name: string) => `
let loaded
for (const name of ${JSON.stringify(Object.keys(createRequire(import.meta.url)(name) as object))})
  Object.defineProperty(exports, name, { enumerable: true, get: () => (loaded ??= load())[name] })`

const unpackAtUse = (name: string) => `${membersAtUse(name)}
function load() {
  const module = { exports: {} }
  ${unpack(name)}
  return module.exports
}`

const rareAtTheEnd: Plugin = {
  name: 'rare',
  setup(bundle) {
    bundle.onResolve({ filter: new RegExp(`^(?:${RARE.join('|')})$`) }, ({ path, namespace }) =>
      namespace === 'file' ? { path, namespace: 'rare' } : undefined,
    )
    bundle.onLoad({ filter: /./, namespace: 'rare' }, ({ path }) => {
      packages.add(path)
      return { contents: unpackAtUse(path) }
    })
  },
}

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

/** Other people's packages of which something is in the bundles: their licences ship too. */
const packages = new Set<string>()

/** The code of a bundle that starts at this file, or of what `entry` says. */
async function bundle(
  entry: string | { readonly contents: string },
  head: string,
  plugins: Plugin[] = [rareAtTheEnd],
): Promise<string> {
  const options = {
    ...(typeof entry === 'string' ? { entryPoints: [entry] } : { stdin: { ...entry, resolveDir: process.cwd() } }),
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    plugins: [leftOut, lateParts, ...plugins],
    // node-cron's; the real one has its price.
    inject: ['src/base/local-date-format.ts'],
    define: {
      'import.meta.url': 'importMetaUrl',
      'Intl.DateTimeFormat': 'LocalDateFormat',
      XSCONTAINER_VERSION: JSON.stringify(version),
    },
    banner: { js: head },
    logLevel: 'warning',
    metafile: true,
  } satisfies BuildOptions
  const { outputFiles, metafile } = await build(options)
  for (const path of Object.keys(metafile.inputs)) {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
    if (name !== undefined) packages.add(name)
  }
  return outputFiles[0]!.text
}

/** A part to stand at the end of a file. */
function packed(name: string, code: string): string {
  return `/*${name}:${gzipSync(code, { level: 9 }).toString('base64')}*/\n`
}

async function rareParts(): Promise<string> {
  const part = async (name: string) =>
    packed(name, await bundle({ contents: `module.exports = require('${name}')` }, '', []))
  return (await Promise.all(RARE.map(part))).join('')
}

/** In one step: what runs or starts meanwhile sees the old file or the new one. */
function install(file: string, code: string): void {
  writeFileSync(`${file}.new`, code)
  chmodSync(`${file}.new`, 0o755)
  renameSync(`${file}.new`, file)
}

async function plugin(): Promise<string> {
  const part = async (name: string) => packed(name, await bundle(`src/app/plugin/${name}.ts`, IMPORT_META_URL))
  const parts = await Promise.all(PACKED.map(part))
  return [await bundle('src/bin/plugin.ts', PLUGIN_HEAD, [packedAtTheEnd]), ...parts, rare].join('')
}

const out = process.argv[2] ?? 'dist'
const rare = await rareParts()
for (const folder of ['bin', 'plugins']) mkdirSync(join(out, folder), { recursive: true })
// The checkout is an ES module package; the bundles are CommonJS, wherever they are copied to.
writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n')
for (const [name, head] of [
  ['xscontainer-monitor', MONITOR_HEAD],
  ['xscontainer', COMMAND_HEAD],
  ['xscontainer-prepare-vm', COMMAND_HEAD],
] as const) {
  install(join(out, 'bin', name), (await bundle(`src/bin/${name}.ts`, `${head}\n${IMPORT_META_URL}`)) + rare)
}
install(join(out, 'plugins/xscontainer'), await plugin())
writeFileSync(join(out, 'packages.json'), `${JSON.stringify([...packages].sort(), undefined, 2)}\n`)
