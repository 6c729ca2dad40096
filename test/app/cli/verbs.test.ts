import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { mainHelp, verbHelp } from '../../../src/app/cli/help.ts'
import { VERB_TEXTS } from '../../../src/app/cli/help-texts.ts'
import { VERBS } from '../../../src/app/cli/verbs.ts'

const completion = readFileSync('completion/xscontainer.bash', 'utf8')

describe.each(Object.entries(VERBS))('%s', (name, spec) => {
  test('can be loaded', async () => {
    expect(typeof (await spec.load())).toBe('function')
  })

  test('stands in the help, with a text of its own', () => {
    expect(mainHelp(VERBS)).toContain(`\n  ${spec.synopsis}\n        ${spec.summary}\n`)
    expect(verbHelp(name, spec)).toContain('EXIT STATUS')
    expect(VERB_TEXTS[name]).toMatch(/\n\n$/)
  })

  test('all its options are explained, and completed', () => {
    const [line = ''] = completion
      .split('\n')
      .filter((each) => new RegExp(`^ +([a-z]+ \\| )*${name}( \\| [a-z]+)*\\) options=`).test(each))
    for (const [long, { short }] of Object.entries(spec.options)) {
      expect(verbHelp(name, spec)).toContain(`--${long}`)
      if (short !== undefined) expect(verbHelp(name, spec)).toMatch(new RegExp(`-${short}\\b`))
      expect(line).toContain(`--${long}`)
    }
  })

  test('is offered by the completion', () => {
    const offered = [...completion.matchAll(/compgen -W '([^']*)'/g)].map(([, words = '']) => words.split(/\s+/))
    expect(offered.map((words) => words.includes(name))).toEqual([true, true])
  })
})

test('no help is wider than a terminal, and no text is left over', () => {
  const all = [mainHelp(VERBS), ...Object.entries(VERBS).map(([name, spec]) => verbHelp(name, spec))]
  for (const line of all.join('\n').split('\n')) expect(line.length).toBeLessThanOrEqual(120)
  expect(Object.keys(VERB_TEXTS).sort()).toEqual(Object.keys(VERBS).sort())
})
