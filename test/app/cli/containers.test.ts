import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readContainers } from '../../../src/app/cli/containers.ts'
import { PS } from './fixtures.ts'
import { holds } from '../../fuzz/holds.ts'

describe('readContainers', () => {
  test('reads what clients read', () => {
    expect(readContainers(PS)).toEqual([
      {
        id: 'aaaaaaaaaaaabbbb',
        container: 'aaaaaaaaaa',
        names: 'web',
        image: 'nginx:1',
        command: 'nginx -g daemon off; and more words',
        status: 'Up',
        created: 1_795_347_000,
        ports: [
          { IP: '0.0.0.0', PrivatePort: '80', PublicPort: '8080', Type: 'tcp' },
          { IP: '::', PrivatePort: '80', PublicPort: '8080', Type: 'tcp' },
          { PrivatePort: '443', Type: 'tcp' },
        ],
      },
      expect.objectContaining({ names: 'job', status: 'Exited (137)', ports: [] }) as object,
    ])
  })

  test('entities, CDATA and characters of all sorts are text', () => {
    const xml =
      '<docker_ps><item><entry><names>a&amp;b&lt;<![CDATA[<c> & ]]>ü😀&#65;</names></entry></item></docker_ps>'
    expect(readContainers(xml)[0]?.names).toBe('a&b<<c> & ü😀A')
  })

  test('an element called entry elsewhere is no container', () => {
    const ghost = '<labels><entry><names>ghost</names></entry></labels>'
    const xml = `<docker_ps><item><entry><names>real</names>${ghost}</entry></item><entry><names>g</names></entry></docker_ps>`
    expect(readContainers(xml).map(({ names }) => names)).toEqual(['real'])
  })

  test('members of one container are not those of the next', () => {
    const xml =
      '<docker_ps><item><entry><names>a</names><image>i</image></entry></item><item><entry><names>b</names></entry></item></docker_ps>'
    expect(readContainers(xml)[1]).toMatchObject({ names: 'b', image: '', ports: [] })
  })

  test.each([
    '',
    ' ',
    '<docker_ps/>',
    '<docker_ps></docker_ps>',
    '<other><item><entry/></item></other>',
    'text',
    '<',
    '&',
    ']]>',
  ])('%j has none', (xml) => expect(readContainers(xml)).toEqual([]))

  test('a document that was cut gives the containers that are whole', () => {
    for (let at = 0; at < PS.length; at++) {
      const found = readContainers(PS.slice(0, at))
      expect(found.length).toBeLessThanOrEqual(2)
      if (at > PS.indexOf('</entry>') + 7) expect(found[0]?.names).toBe('web')
    }
  })

  test('never throws, whatever stands there', () => {
    const pieces = fc.constantFrom(
      '<', '>', '</', '/>', '&', ';', '&#', '<!', '<![CDATA[', ']]>', '<!--', '-->', '<?', '?>', '"', "'", '=', '\0', '\u001b',
      'docker_ps', 'item', 'entry', 'ports', 'names', 'created', ' ', '\uFFFF', '\uD800', 'NaN', '__proto__', 'constructor',
      '<docker_ps>', '<item>', '<entry>', '<ports>', '</item>', '</entry>', '</docker_ps>', '<!DOCTYPE x [<!ENTITY a "b">]>',
    ) // prettier-ignore
    const soup = fc.array(pieces, { maxLength: 60 }).map((list) => list.join(''))
    const broken = fc
      .tuple(fc.nat(PS.length), fc.nat(40), soup)
      .map(([at, cut, junk]) => PS.slice(0, at) + junk + PS.slice(at + cut))
    holds(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), soup, broken), (xml) => {
        for (const { id, names, created, ports } of readContainers(xml)) {
          expect([typeof id, typeof names, Number.isFinite(created), Array.isArray(ports)]).toEqual([
            'string', 'string', true, true,
          ]) // prettier-ignore
        }
      }),
      { numRuns: 1500 },
    )
  })

  test('a long text is one text', () => {
    const long = 'x'.repeat(300_000)
    expect(readContainers(`<docker_ps><item><entry><names>${long}</names></entry></item></docker_ps>`)[0]?.names).toBe(
      long,
    )
  })
})
