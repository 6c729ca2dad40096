import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../../src/base/errors.ts'
import { checkTemplate, MOST_TEMPLATE_BYTES } from '../../../src/provision/config-drive/check-template.ts'
import { DEFAULT_TEMPLATE } from '../../../src/provision/config-drive/default-template.ts'
import { jsonFault } from '../../../src/provision/config-drive/json-fault.ts'
import { holds } from '../../fuzz/holds.ts'

/** What is wrong with a template, for users; undefined: nothing. */
function refusal(template: string): string | undefined {
  try {
    checkTemplate(template)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(RefusedError)
    return (error as RefusedError).message
  }
}

describe('templates that guests can read', () => {
  test.each([
    ['the default', DEFAULT_TEMPLATE],
    ['the default with CRLF', DEFAULT_TEMPLATE.replaceAll('\n', '\r\n')],
    ['nothing but a first line', '#cloud-config'],
    ['no final line end', '#cloud-config\na: 1'],
    ['a byte order mark and empty lines', '\uFEFF\r\n\n#cloud-config\na: 1\n'],
    [
      'placeholders where YAML would want quotes',
      '#cloud-config\na: %VMNAMETOHOSTNAME%\nb: %CONTAINERRSAPUB%\nc: %XSHIN%\n',
    ],
    ['blocks at the begin of lines', '#cloud-config\na:\n  - 1\n%XSHINEXISTS%\n  - 2\n%XSENDHINEXISTS%\n  - 3\n'],
    ['a block that ends in a line', '#cloud-config\na: |\n  x%HINEXISTS%\n  y%ENDHINEXISTS%\n'],
    ['keys that repeat', '#cloud-config\na: 1\na: 2\n'],
    ['brackets that end at the begin of a line', '#cloud-config\na: [\n  1\n]\n'],
    ['anchors and merges', '#cloud-config\na: &a {x: 1}\nb:\n  <<: *a\n  c: *a\n'],
    ['a comment right after a quote', '#cloud-config\na: "x"#c\n'],
    ['a first line in capitals', '#Cloud-Config\na: 1\n'],
    ['an archive', '#cloud-config-archive\n- type: text/cloud-config\n  content: x\n'],
    ['a script', '#!/bin/sh\necho "unbalanced\n'],
    ['a boothook', '#cloud-boothook\n#!/bin/sh\n'],
    ['an include', '#include\nhttps://example.org/user-data\n'],
    ['an include once', '#include-once\nhttps://example.org/user-data\n'],
    ['several parts', 'Content-Type: multipart/mixed; boundary="=="\nMIME-Version: 1.0\n\n--==\n'],
    ['a Jinja template', '## template: jinja\n#cloud-config\na: {{ v1.region }}\n{% if x %}\nb: 1\n{% endif %}\n'],
    ['Ignition', '{"ignition": {"version": "3.4.0"}, "x": "ssh-rsa %CONTAINERRSAPUB%"}'],
    ['Ignition with a first line of its own', '#ignition\n{"ignition": {"version": "3.4.0"}}\n'],
    ['Ignition with a block', '{"a": 1%HINEXISTS%, "b": %HIN%%ENDHINEXISTS%}'],
  ])('%s', (_, template) => {
    expect(refusal(template)).toBeUndefined()
  })

  test('one of a megabyte', () => {
    const script = `#cloud-config\nwrite_files:\n  - path: /x\n    content: |\n${'      some line of a long file\n'.repeat(30_000)}`
    expect(Buffer.byteLength(script)).toBeGreaterThan(900_000)
    expect(refusal(script)).toBeUndefined()
    expect(refusal('#!/bin/sh\n'.padEnd(MOST_TEMPLATE_BYTES, '#'))).toBeUndefined()
  })
})

describe('templates that no guest can read are refused with the line at fault', () => {
  test.each([
    ['no text', '', /line 1.*the template is empty/],
    ['nothing but empty lines', '\n \r\n', /line 1.*the template is empty/],
    ['something else', '\n\nhello\nworld\n', /line 3, "hello".*by its first line/],
    ['YAML without a first line', 'hostname: x\n', /line 1.*Put #cloud-config above/],
    ['Butane', 'variant: fcos\nversion: 1.5.0\n', /line 1, "variant: fcos".*Butane/],
    ['a list in JSON', '[1]', /line 1/],
    ['a part without MIME version', 'Content-Type: text/cloud-config\n\n#cloud-config\n', /line 1/],
    ['almost cloud-config', '#cloud-configs\na: 1\n', /line 1/],
    ['Jinja around something else', '## template: jinja\nhello\n', /line 1/],
    ['a tab for indentation', '#cloud-config\na:\n\tb: 1\n', /line 3, "b: 1".*Tabs/],
    ['a colon too much', '#cloud-config\r\na: 1\r\nb: c: d\r\n', /line 3, "b: c: d".*Nested mappings/],
    ['a quote that does not end', '#cloud-config\na: 1\nb: "x\nc: 1\nd: 1\n', /line 3, "b: \\"x".*Missing closing/],
    ['a list for a map', '#cloud-config\n# first\n- a\n', /line 3, "- a".*wants a map/],
    ['a map for a list', '#cloud-config-archive\na: 1\n', /line 2, "a: 1".*wants a list/],
    ['a text for a map', '#cloud-config\nhello\n', /line 2, "hello".*wants a map/],
    ['several documents', '#cloud-config\na: 1\n---\nb: 1\n', /line 3, "---".*one document/],
    ['a tag that cloud-init does not know', '#cloud-config\na: !mine b\n', /line 2.*!mine/],
    ['an alias to nothing', '#cloud-config\na: 1\nb: *c\n', /line 3, "b: \*c".*no anchor &c/],
    [
      'a block without end',
      '#cloud-config\na: 1\n%HINEXISTS%\nb: 1\n',
      /line 3, "%HINEXISTS%".*without its counterpart/,
    ],
    ['an end without a block', '#cloud-config\n%XSENDHINEXISTS%\n', /line 2.*%XSENDHINEXISTS% stands without/],
    [
      'a block in a block',
      '#cloud-config\n%HINEXISTS%\n%HINEXISTS%\n%ENDHINEXISTS%\n',
      /line 2.*without its counterpart/,
    ],
    ['a fault after a block', '#cloud-config\n%HINEXISTS%\na: 1\n%ENDHINEXISTS%\nb: c: d\n', /line 5, "b: c: d"/],
    ['a fault after long values', '#cloud-config\na: %CONTAINERRSAPUB%\nb: c: d\n', /line 3, "b: c: d"/],
    ['a fault in a block', '#cloud-config\na: 1\n%HINEXISTS%\nb: c: d\n%ENDHINEXISTS%\n', /line 4, "b: c: d"/],
    [
      'a fault without the block',
      '#cloud-config\n%HINEXISTS%a: "%ENDHINEXISTS%b"\n',
      /line 2.*without the host-internal network/,
    ],
    ['a control character', '#cloud-config\na: 1\nb: \x1b[0m\n', /line 3.*no text has/],
    ['half a character', '#cloud-config\na: \uD800\n', /line 2.*no text has/],
    ['a comma too much', '{\n  "a": 1,\n}', /line 3, "}".*a name in quotes/],
    ['a comment in JSON', '{\n  // why\n  "a": 1\n}', /line 2.*a name in quotes/],
    ['JSON that does not end', '{"a": [1, 2\n', /line 2.*"," or "\]"/],
    ['two of JSON', '{}\n{}', /line 2.*the end/],
    ['#ignition above YAML', '#ignition\nvariant: fcos\n', /line 2, "variant: fcos".*JSON wants "{"/],
    ['a device without network in JSON', '{\n"a": %HIN%}', /line 2.*without the host-internal network/],
  ])('%s', (_, template, why) => {
    expect(refusal(template)?.replace(/\n/g, ' ')).toMatch(why)
  })

  test('a line that may hold a password is not told in full', () => {
    const told = refusal(`#cloud-config\nchpasswd: root: ${'x'.repeat(50)}hunter2\n`)
    expect(told).toMatch(/line 2, "chpasswd/)
    expect(told).not.toContain('hunter2')
  })

  test('one over the limit is refused with its size', () => {
    expect(refusal('#!/bin/sh\n'.padEnd(MOST_TEMPLATE_BYTES + 1, '#'))).toContain(
      `has ${MOST_TEMPLATE_BYTES + 1} bytes`,
    )
    expect(refusal(`#!/bin/sh\n${'ü'.repeat(MOST_TEMPLATE_BYTES / 2)}`)).toContain('bytes, more than the')
  })

  test('what is made to exhaust the reader is refused', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh']) {
      bomb.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`)
    }
    expect(refusal(`#cloud-config\n${bomb.join('\n')}\n`)).toMatch(/line 3.*more of it than any guest can hold/)
    expect(refusal(`#cloud-config\na: ${'['.repeat(20_000)}\n`)).toMatch(/line 2.*nests too deep/)
    expect(refusal(`{"a": ${'['.repeat(200_000)}`)).toMatch(/line 1.*a value/)
    expect(refusal(`#cloud-config\n${'# %HINEXISTS%\n'.repeat(50_000)}`)).toMatch(/line 2.*counterpart/)
  })
})

describe('where JSON is at fault', () => {
  test('is found for all that is no JSON, and for nothing that is', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '0.5e3',
      'true',
      'nul',
      ' ',
      '\n',
      '\\',
      'é',
    )
    const text = fc.oneof(
      fc.json(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    )
    holds(
      fc.property(text, (json) => {
        const fault = jsonFault(json)
        let valid = true
        try {
          JSON.parse(json)
        } catch {
          valid = false
        }
        expect(fault === undefined).toBe(valid)
        if (fault !== undefined) expect(fault.at).toBeLessThanOrEqual(json.length)
      }),
      { numRuns: 5000 },
    )
  })
})
