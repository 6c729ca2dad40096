import type { Row } from './row.ts'
import { internalError, XapiError } from './xapi-error.ts'
import type { Value, XapiType } from './xapi-types.ts'

/** What an expression of get_all_records_where says of an object. */
export type Predicate = (row: Row) => boolean

type Operand = (row: Row) => string

/**
 * Parses `field "power_state" = "Running" and not (field "is_a_template" = "true")`. Bad syntax is INVALID_VALUE; an
 * unknown field is INTERNAL_ERROR, but only once an object is looked at.
 */
export function parseExpression(text: string): Predicate {
  const tokens = tokenize(text)
  const parser = new Parser(tokens, text)
  return parser.whole()
}

function tokenize(text: string): string[] {
  const tokens: string[] = []
  const pattern = /\s*("[^"]*"|[()=]|[A-Za-z]+)/y
  while (pattern.lastIndex < text.length) {
    if (text.slice(pattern.lastIndex).trim() === '') break
    const match = pattern.exec(text)
    if (match?.[1] === undefined) throw badSyntax(text)
    tokens.push(match[1])
  }
  return tokens
}

class Parser {
  private readonly tokens: readonly string[]
  private readonly text: string
  private at = 0

  constructor(tokens: readonly string[], text: string) {
    this.tokens = tokens
    this.text = text
  }

  whole(): Predicate {
    const predicate = this.or()
    if (this.at < this.tokens.length) throw badSyntax(this.text)
    return predicate
  }

  private or(): Predicate {
    const left = this.and()
    if (!this.accept('or')) return left
    const right = this.or()
    return (row) => left(row) || right(row)
  }

  private and(): Predicate {
    const left = this.not()
    if (!this.accept('and')) return left
    const right = this.and()
    return (row) => left(row) && right(row)
  }

  private not(): Predicate {
    if (!this.accept('not')) return this.atom()
    const inner = this.not()
    return (row) => !inner(row)
  }

  private atom(): Predicate {
    if (this.accept('true')) return () => true
    if (this.accept('false')) return () => false
    if (!this.accept('(')) return this.comparison()
    const inner = this.or()
    this.expect(')')
    return inner
  }

  private comparison(): Predicate {
    const left = this.operand()
    this.expect('=')
    const right = this.operand()
    return (row) => left(row) === right(row)
  }

  private operand(): Operand {
    const isField = this.accept('field')
    const token = this.tokens[this.at++]
    if (token?.startsWith('"') !== true) throw badSyntax(this.text)
    const literal = token.slice(1, -1)
    return isField ? (row) => fieldText(row, literal) : () => literal
  }

  private accept(word: string): boolean {
    if (this.tokens[this.at] !== word) return false
    this.at++
    return true
  }

  private expect(word: string): void {
    if (!this.accept(word)) throw badSyntax(this.text)
  }
}

/** The field as the database stores it. Nested names are written with two underscores: name__label. */
function fieldText(row: Row, name: string): string {
  if (name === '_ref') return row.ref
  const flat = name.replaceAll('__', '_')
  const nestedOnly = name === 'name_label' || name === 'name_description'
  const field = nestedOnly ? undefined : (row.cls.fields.get(name) ?? row.cls.fields.get(flat))
  if (field === undefined) throw internalError('missing field', name, '')
  return storedText(row.get(field.name), field.type)
}

function storedText(value: Value, type: XapiType): string {
  if (type.kind === 'set') return `(${(value as readonly Value[]).map((v) => `'${storedText(v, type.of)}'`).join(' ')})`
  if (type.kind !== 'map') return String(value)
  const pairs = value as readonly (readonly [string, Value])[]
  return `(${pairs.map(([k, v]) => `('${k}' '${storedText(v, type.value)}')`).join(' ')})`
}

function badSyntax(text: string): XapiError {
  return new XapiError('INVALID_VALUE', 'expr', text)
}
