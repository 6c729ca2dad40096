import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../../src/base/errors.ts'
import { DEFAULT_TEMPLATE } from '../../../src/provision/config-drive/default-template.ts'
import { fillTemplate, type TemplateFacts } from '../../../src/provision/config-drive/fill-template.ts'
import { withLineBreaks } from '../../../src/provision/config-drive/line-breaks.ts'

const FACTS: TemplateFacts = {
  vmName: 'Web-01 (test)',
  publicKeyBase64: 'AAAAB3Nz+/a==',
  hostInternalDevice: undefined,
}
const ON_NETWORK: TemplateFacts = { ...FACTS, hostInternalDevice: '2' }

function filled(template: string, facts: TemplateFacts = FACTS): string {
  return fillTemplate(`#cloud-config\n${template}`, facts).userData.replace('#cloud-config\n', '')
}

describe('placeholders', () => {
  test.each(['', 'XS'])('with the prefix %j are filled in wherever they stand', (xs) => {
    expect(filled(`a: %${xs}VMNAMETOHOSTNAME%-%${xs}VMNAMETOHOSTNAME%`)).toBe('a: web01test-web01test')
    expect(filled(`- ssh-rsa %${xs}CONTAINERRSAPUB%`)).toBe('- ssh-rsa AAAAB3Nz+/a==')
    expect(filled(`a: eth%${xs}HIN%`, ON_NETWORK)).toBe('a: eth2')
  })

  test('what only looks like one stays', () => {
    const text = 'a: %HINT% %BR% %vmnametohostname% 50% %XS% %%'
    expect(filled(text)).toBe(text)
  })

  test('the device is left out where there is no such network', () => {
    expect(filled('a: eth%HIN%')).toBe('a: eth')
  })

  test('values are not searched for placeholders again', () => {
    expect(filled('%CONTAINERRSAPUB%', { ...FACTS, publicKeyBase64: '%HIN%' })).toBe('%HIN%')
  })

  test.each([
    ['Ünï-cödé', 'ncd'],
    ['007', '007'],
    ['a'.repeat(200), 'a'.repeat(63)],
    ['日本語', 'vm'],
    ['\u212Aelvin', 'elvin'],
    ['', 'vm'],
  ])('the name %s becomes the host name %s', (vmName, hostName) => {
    expect(filled('%VMNAMETOHOSTNAME%', { ...FACTS, vmName })).toBe(hostName)
  })

  test('a key that is no word is refused, without being told', () => {
    const bad = () => filled('%CONTAINERRSAPUB%', { ...FACTS, publicKeyBase64: 'AAAA\nruncmd: x' })
    expect(bad).toThrow(RefusedError)
    expect(bad).not.toThrow(/AAAA/)
  })
})

describe('blocks for the host-internal network', () => {
  const block = 'a: 1\n%HINEXISTS%\nb: eth%HIN%\n%ENDHINEXISTS%\nc: 3\n'

  test('are dropped with all that is in them where there is none', () => {
    expect(filled(block)).toBe('a: 1\n\nc: 3\n')
  })

  test('stay without their marks where there is one', () => {
    expect(filled(block, ON_NETWORK)).toBe('a: 1\n\nb: eth2\n\nc: 3\n')
  })

  test.each([
    ['%XSHINEXISTS%', '%XSENDHINEXISTS%'],
    ['%XSHINEXISTS%', '%ENDXSHINEXISTS%'],
    ['%HINEXISTS%', '%XSENDHINEXISTS%'],
  ])('are known as %s .. %s as well', (begin, end) => {
    expect(filled(`a ${begin} b ${end}c`)).toBe('a c')
    expect(filled(`a ${begin} b ${end}c`, ON_NETWORK)).toBe('a  b c')
  })

  test('there may be several', () => {
    const two = 'a %HINEXISTS%x%ENDHINEXISTS%b %XSHINEXISTS%y%XSENDHINEXISTS%c'
    expect(filled(two)).toBe('a b c')
    expect(filled(two, ON_NETWORK)).toBe('a xb yc')
  })

  test('a mark without its counterpart stays', () => {
    expect(filled('a %HINEXISTS% b')).toBe('a %HINEXISTS% b')
    expect(filled('a %ENDHINEXISTS% b')).toBe('a %ENDHINEXISTS% b')
  })
})

describe('the key line', () => {
  test.each([
    ['  - ssh-rsa %CONTAINERRSAPUB%', true],
    ['  - ssh-rsa %XSCONTAINERRSAPUB%', true],
    ['  - "ssh-rsa %CONTAINERRSAPUB%" # of the pool', true],
    ['  # - ssh-rsa %CONTAINERRSAPUB%', false],
    ['#- ssh-rsa %CONTAINERRSAPUB%', false],
    ['a: b # %CONTAINERRSAPUB%', false],
    ['a: b#%CONTAINERRSAPUB%', true],
    ['hostname: %VMNAMETOHOSTNAME%', false],
    ['%HINEXISTS%\n- ssh-rsa %CONTAINERRSAPUB%\n%ENDHINEXISTS%', false],
    ['# comment\r\n- ssh-rsa %CONTAINERRSAPUB%\r\n', true],
  ])('%j is active: %s', (template, active) => {
    expect(fillTemplate(`#cloud-config\n${template}`, FACTS).keyLineActive).toBe(active)
  })

  test('of a block is active on the network', () => {
    const template = '#cloud-config\n%HINEXISTS%\n- ssh-rsa %CONTAINERRSAPUB%\n%ENDHINEXISTS%'
    expect(fillTemplate(template, ON_NETWORK).keyLineActive).toBe(true)
  })

  test('JSON has no comments', () => {
    expect(fillTemplate('{"a": "key #1: ssh-rsa %CONTAINERRSAPUB%"}', FACTS).keyLineActive).toBe(true)
  })

  test('of the default template is active, and stands there as clients look for it', () => {
    expect(DEFAULT_TEMPLATE).toMatch(/\n\s*- ssh-rsa %CONTAINERRSAPUB%\n/)
    expect(fillTemplate(DEFAULT_TEMPLATE, FACTS).keyLineActive).toBe(true)
  })
})

describe('what the guest reads', () => {
  test('begins with the first line that is not empty, without a byte order mark', () => {
    expect(fillTemplate('\uFEFF\r\n\n#cloud-config\r\na: 1', FACTS).userData).toBe('#cloud-config\r\na: 1')
  })

  test('keeps the line ends that the client sent, but for scripts, which run with those of Unix only', () => {
    expect(withLineBreaks('#cloud-config%BR%a: 1%BR%')).toBe('#cloud-config\r\na: 1\r\n')
    expect(fillTemplate(withLineBreaks('#cloud-config%BR%a: 1%BR%'), FACTS).userData).toBe('#cloud-config\r\na: 1\r\n')
    expect(fillTemplate(withLineBreaks('#!/bin/sh%BR%id%BR%'), FACTS).userData).toBe('#!/bin/sh\nid\n')
    const jinja = '## template: jinja%BR%#!/bin/sh%BR%id%BR%'
    expect(fillTemplate(withLineBreaks(jinja), FACTS).userData).toBe('## template: jinja\n#!/bin/sh\nid\n')
  })

  test('is JSON still when a value has quotes', () => {
    const facts = { ...FACTS, publicKeyBase64: 'AA"\\', hostInternalDevice: '1' }
    const { userData } = fillTemplate('{"key": "ssh-rsa %CONTAINERRSAPUB%", "device": %HIN%}', facts)
    expect(JSON.parse(userData)).toEqual({ key: 'ssh-rsa AA"\\', device: 1 })
  })

  test('is nothing but JSON where #ignition stands above it', () => {
    const { userData } = fillTemplate('#ignition\n{"name": "%VMNAMETOHOSTNAME%"}\n', FACTS)
    expect(JSON.parse(userData)).toEqual({ name: 'web01test' })
  })

  test('of the default template has no placeholder left, with the network and without', () => {
    for (const facts of [FACTS, ON_NETWORK]) {
      expect(fillTemplate(DEFAULT_TEMPLATE, facts).userData).not.toMatch(/%[A-Z]+%/)
    }
  })
})
