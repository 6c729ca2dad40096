import { describe, expect, test } from 'vitest'
import { cycles, importsOf, readSources, violations, type Rules, type Source } from './architecture-rules.ts'

/** The arrows: who may import whom. */
const RULES: Rules = {
  arrows: {
    base: [],
    model: ['base'],
    xapi: ['model', 'base'],
    transports: ['model', 'base'],
    engine: ['model', 'base'],
    documents: ['type:engine', 'model', 'base'],
    observations: ['documents', 'engine', 'model', 'base'],
    operations: ['documents', 'engine', 'model', 'base'],
    publish: ['model', 'base'],
    monitor: ['type:observations', 'type:engine', 'publish', 'model', 'base'],
    provision: ['model', 'base'],
    control: ['type:operations', 'model', 'base'],
    app: [
      'base', 'model', 'xapi', 'transports', 'engine', 'documents', 'observations', 'operations', 'publish', 'monitor',
      'provision', 'control',
    ], // prettier-ignore
    bin: ['app', 'base'],
  },
  owners: {
    'xmlrpc/lib/deserializer.js': 'xapi',
    ssh2: 'transports/ssh',
    'node-forge': 'provision/certificates',
    dockerode: 'engine',
    pino: 'base',
    'node-cron': 'base',
    'smol-toml': 'app',
    sax: 'app/cli',
    yaml: 'provision/config-drive',
  },
  mostLines: 300,
}

test('src keeps to its rules', () => {
  const sources = readSources('src')
  expect(sources.length).toBeGreaterThan(60)
  expect(violations(sources, RULES)).toEqual([])
})

test('every rule is about a folder or a package that is used', () => {
  const sources = readSources('src')
  const folders = new Set(sources.map(({ path }) => path.split('/')[0]))
  expect(Object.keys(RULES.arrows).filter((name) => !folders.has(name))).toEqual([])
  const packages = new Set(sources.flatMap(importsOf).map(({ name }) => name))
  expect(Object.keys(RULES.owners).filter((name) => !packages.has(name))).toEqual([])
})

/** Made-up sources: path to text. */
function made(files: Readonly<Record<string, string>>): Source[] {
  return Object.entries(files).map(([path, text]) => ({ path, text }))
}

describe('the checker', () => {
  const target = {
    'base/clock.ts': 'export const x = 1\n',
    'engine/engine.ts': 'export const x = 1\n',
    'app/daemon.ts': 'export const x = 1\n',
    'xapi/session.ts': 'export const x = 1\n',
  }

  test.each([
    ['a wrong arrow', 'model/a.ts', "import { x } from '../xapi/session.ts'", 'model may not import xapi'],
    [
      'a wrong arrow of a re-export',
      'model/a.ts',
      "export { x } from '../xapi/session.ts'",
      'model may not import xapi',
    ],
    [
      'a wrong arrow of types',
      'model/a.ts',
      "import type { x } from '../xapi/session.ts'",
      'model may not import xapi',
    ],
    ['a wrong arrow of import()', 'xapi/a.ts', "await import('../engine/engine.ts')", 'xapi may not import engine'],
    [
      'a wrong arrow of a type of import()',
      'xapi/a.ts',
      "type A = import('../engine/engine.ts').x",
      'xapi may not import engine',
    ],
    ['base that knows something', 'base/a.ts', "import '../app/daemon.ts'", 'base may not import app'],
    ['more than types', 'monitor/a.ts', "import { x } from '../engine/engine.ts'", 'monitor may not import engine'],
    [
      'more than types among types',
      'monitor/a.ts',
      "import { type y, x } from '../engine/engine.ts'",
      'monitor may not import engine',
    ],
    ['bin past app', 'bin/a.ts', "import { x } from '../xapi/session.ts'", 'bin may not import xapi'],
    [
      'a folder without a rule',
      'tools/a.ts',
      "import { x } from '../base/clock.ts'",
      'no rule says what tools may import',
    ],
    ['a package of others', 'engine/a.ts', "import ssh2 from 'ssh2'", 'only transports/ssh may'],
    ['a package of a neighbour', 'transports/tls/a.ts', "import ssh2 from 'ssh2'", 'only transports/ssh may'],
    ['a package of nobody', 'app/a.ts', "import _ from 'lodash'", 'lodash, which has no owner'],
    ['a package path', 'app/a.ts', "import x from 'ssh2/lib/client.js'", 'has no owner'],
    ['import() of something unknown', 'app/a.ts', 'await import(name)', 'has no owner'],
    ['a file that is not there', 'app/a.ts', "import '../base/missing.ts'", 'which is not there'],
    ['an import without extension', 'app/a.ts', "import '../base/clock'", 'which is not there'],
    ['a default export', 'app/a.ts', 'export default 5', 'has a default export'],
    ['a default function', 'app/a.ts', 'export default function f() {}', 'has a default export'],
    ['a default by name', 'app/a.ts', 'const a = 1\nexport { a as default }', 'has a default export'],
    ['a long file', 'app/a.ts', '\n'.repeat(301), 'has 301 lines'],
    ['a name in camel case', 'app/vmWatch.ts', '', 'kebab-case'],
  ])('finds %s', (_, path, text, why) => {
    const found = violations(made({ ...target, [path]: text }), RULES)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(why)
    expect(found[0]).toContain(path)
  })

  test.each([
    ['allowed arrows', 'xapi/a.ts', "import { x } from '../base/clock.ts'"],
    ['the folder itself', 'xapi/a.ts', "import { x } from './session.ts'"],
    ['types where types are allowed', 'monitor/a.ts', "import type { x } from '../engine/engine.ts'"],
    ['types one by one', 'monitor/a.ts', "import { type x } from '../engine/engine.ts'"],
    ['the owner', 'transports/ssh/a.ts', "import ssh2 from 'ssh2'"],
    ['what Node brings', 'base/a.ts', "import { readFileSync } from 'node:fs'"],
    [
      'words in comments and texts',
      'base/a.ts',
      "// import '../app/daemon.ts'\nexport const a = \"import '../app/daemon.ts'\"",
    ],
    ['300 lines', 'app/a.ts', '\n'.repeat(300)],
  ])('allows %s', (_, path, text) => {
    expect(violations(made({ ...target, [path]: text }), RULES)).toEqual([])
  })

  test('finds cycles, of any length, once each; types make none', () => {
    const round = made({
      'app/a.ts': "import './b.ts'",
      'app/b.ts': "import './c.ts'\nimport './d.ts'",
      'app/c.ts': "import './a.ts'",
      'app/d.ts': "import type { x } from './b.ts'",
      'app/e.ts': "import './e.ts'",
    })
    expect(cycles(round)).toEqual([
      ['app/a.ts', 'app/b.ts', 'app/c.ts', 'app/a.ts'],
      ['app/e.ts', 'app/e.ts'],
    ])
    expect(violations(round, RULES)).toHaveLength(2)
  })
})
