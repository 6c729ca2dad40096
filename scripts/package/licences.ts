import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The licence texts of these npm packages, as their terms want them to go along. Throws when one comes without any. */
export function licenceTexts(packages: readonly string[]): string {
  const parts = packages.map((name) => {
    const folder = join('node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
      string,
      unknown
    >
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim())
    if (texts.length === 0) texts.push(inReadme(folder) ?? missing(name))
    return `${name} ${String(version)} (${String(license)})\n\n${texts.join('\n\n')}\n`
  })
  const line = `\n${'-'.repeat(100)}\n\n`
  return `The programs of xscontainer contain parts of these npm packages.\n${line}${parts.join(line)}`
}

/** Some packages have theirs in the README. */
function inReadme(folder: string): string | undefined {
  const file = ['README.md', 'readme.md', 'README'].map((name) => join(folder, name)).find((path) => existsSync(path))
  if (file === undefined) return undefined
  return /^#+ *licen[cs]e[^]*?(?=^#+ |(?![^]))/im.exec(readFileSync(file, 'utf8'))?.[0]
}

function missing(name: string): never {
  throw new Error(`${name} comes without a licence text: it cannot be shipped`)
}
