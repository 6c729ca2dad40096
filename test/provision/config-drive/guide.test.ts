import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkTemplate } from '../../../src/provision/config-drive/check-template.ts'
import { fillTemplate } from '../../../src/provision/config-drive/fill-template.ts'

test('the templates in the guide are taken, and let the pool key in', () => {
  const guide = readFileSync('docs/config-drive-templates.md', 'utf8')
  const blocks = [...guide.matchAll(/```\n([^]*?)```/g)].map(([, block = '']) => block)
  const templates = blocks.filter((block) => /^(?:#cloud-config|\{)/.test(block))
  expect(templates).toHaveLength(2)
  for (const template of templates) {
    checkTemplate(template)
    const facts = { vmName: 'Web 01', publicKeyBase64: 'AAAA', hostInternalDevice: undefined }
    const { userData, keyLineActive } = fillTemplate(template, facts)
    expect(keyLineActive).toBe(true)
    expect(userData).toContain('ssh-rsa AAAA')
    expect(userData).toContain('web01')
  }
})

test('the refusal in the guide is the one that is given', () => {
  const guide = readFileSync('docs/config-drive-templates.md', 'utf8')
  const told = /^The config drive template is at fault.*$/m.exec(guide)?.[0] ?? 'none'
  expect(() => checkTemplate('#cloud-config\nhostname: web\n\n# start\nruncmd: sh: x\n')).toThrow(told)
})
