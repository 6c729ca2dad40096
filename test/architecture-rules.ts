import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import ts from 'typescript'

/** A source file, with its path below src. */
export interface Source {
  readonly path: string
  readonly text: string
}

export interface Import {
  /** As written: `./x.ts`, `ssh2`, `node:fs`. */
  readonly name: string
  /** Types only: nothing of it is left at run time. */
  readonly typeOnly: boolean
}

export interface Rules {
  /** Folder to the folders that it may import besides itself. A name with `type:` before it: types only. */
  readonly arrows: Readonly<Record<string, readonly string[]>>
  /** Package to the only folder or file that may import it. */
  readonly owners: Readonly<Record<string, string>>
  readonly mostLines: number
}

/** All TypeScript files below a folder. */
export function readSources(root: string, below = ''): Source[] {
  return readdirSync(join(root, below)).flatMap((name) => {
    const path = posix.join(below, name)
    if (statSync(join(root, path)).isDirectory()) return readSources(root, path)
    return name.endsWith('.ts') ? [{ path, text: readFileSync(join(root, path), 'utf8') }] : []
  })
}

/** Every import and re-export of a file, also `import()`. */
export function importsOf({ path, text }: Source): Import[] {
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const named = node.importClause?.namedBindings
      const elements = named !== undefined && ts.isNamedImports(named) ? named.elements : []
      const allTypes =
        node.importClause?.name === undefined && elements.length > 0 && elements.every(({ isTypeOnly }) => isTypeOnly)
      const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword || allTypes
      found.push({ name: node.moduleSpecifier.text, typeOnly })
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ name: node.moduleSpecifier.text, typeOnly: node.isTypeOnly })
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      found.push({ name: argument && ts.isStringLiteral(argument) ? argument.text : '?', typeOnly: false })
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) found.push({ name: node.argument.literal.text, typeOnly: true })
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return found
}

/** What breaks the rules, one sentence each. */
export function violations(sources: readonly Source[], rules: Rules): string[] {
  return [
    ...sources.flatMap((source) => importsOf(source).flatMap((one) => wrongImport(source, one, sources, rules))),
    ...sources.flatMap((source) => wrongFile(source, rules)),
    ...cycles(sources).map((cycle) => `import cycle: ${cycle.join(' -> ')}`),
  ]
}

function wrongImport({ path }: Source, { name, typeOnly }: Import, sources: readonly Source[], rules: Rules): string[] {
  if (!name.startsWith('.')) return wrongPackage(path, name, rules)
  const target = posix.join(dirname(path), name)
  if (!sources.some((source) => source.path === target)) return [`${path} imports ${name}, which is not there`]
  const [from, to] = [folderOf(path), folderOf(target)]
  const allowed = rules.arrows[from]
  if (allowed === undefined) return [`${path}: no rule says what ${from} may import`]
  if (from === to || allowed.includes(to) || (typeOnly && allowed.includes(`type:${to}`))) return []
  return [`${path} imports ${target}: ${from} may not import ${to}`]
}

function wrongPackage(path: string, name: string, { owners }: Rules): string[] {
  if (name.startsWith('node:')) return []
  const owner = owners[name]
  if (owner === undefined) return [`${path} imports ${name}, which has no owner`]
  return path.startsWith(`${owner}/`) ? [] : [`${path} imports ${name}: only ${owner} may`]
}

function wrongFile({ path, text }: Source, { mostLines }: Rules): string[] {
  const lines = text.split('\n').length - 1
  const isDefault = (node: ts.Statement) =>
    ts.isExportAssignment(node) ||
    (ts.canHaveModifiers(node) &&
      ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) === true) ||
    (ts.isExportDeclaration(node) &&
      node.exportClause !== undefined &&
      ts.isNamedExports(node.exportClause) &&
      node.exportClause.elements.some((element) => element.name.text === 'default'))
  const parsed = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  return [
    ...(lines > mostLines ? [`${path} has ${lines} lines, more than ${mostLines}`] : []),
    ...(parsed.statements.some(isDefault) ? [`${path} has a default export`] : []),
    ...(/(^|\/)[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/.test(path) ? [] : [`${path} is not named in kebab-case`]),
  ]
}

/** Files that import each other in a circle, types aside: each circle once, from its first file to itself. */
export function cycles(sources: readonly Source[]): string[][] {
  const edges = new Map(
    sources.map((source) => [
      source.path,
      importsOf(source)
        .filter(({ name, typeOnly }) => name.startsWith('.') && !typeOnly)
        .map(({ name }) => posix.join(dirname(source.path), name)),
    ]),
  )
  const found: string[][] = []
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) return void found.push([...trail.slice(start), path])
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) walk(path, [])
  return found
}

function folderOf(path: string): string {
  return path.split('/')[0]!
}
