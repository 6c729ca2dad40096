import { describe, expect, it } from 'vitest'
import { containerEntry, nameOf } from '../../src/documents/container-entry.ts'

describe('nameOf', () => {
  it.each([
    [['/web'], 'web'],
    [['web'], 'web'],
    [['/web/db', '/db'], 'db'],
    [['/web/db'], 'web/db'],
    [[''], ''],
    [[], ''],
    [null, ''],
    ['/web', ''],
    [[7, '/web'], 'web'],
  ])('%j is %j', (names, name) => {
    expect(nameOf(names)).toBe(name)
  })
})

describe('containerEntry', () => {
  it.each([{}, { Id: '' }, { Id: 7 }, { Id: null }])('drops %j', (item) => {
    expect(containerEntry(item)).toBeUndefined()
  })

  it('has what clients read even when the engine tells nothing', () => {
    expect(containerEntry({ Id: 'a'.repeat(64) })).toEqual({
      id: 'a'.repeat(64),
      container: 'a'.repeat(10),
      names: '',
      image: '',
      command: '',
      created: 0,
      status: 'Unknown',
      ports: [],
    })
  })

  it('takes nothing of a wrong type', () => {
    const wrong = { Names: {}, Image: [], Command: 7, Created: '1', Status: {}, State: [], Ports: {}, Labels: 'x' }
    expect(containerEntry({ Id: 'abc', ...wrong })).toEqual(containerEntry({ Id: 'abc' }))
    const ports = [null, 7, 'x', { PrivatePort: '80', PublicPort: -1, IP: 7 }, { PrivatePort: 1.5 }]
    expect(containerEntry({ Id: 'abc', Ports: ports, Created: -1 })?.ports).toEqual([{}, {}])
  })

  it('gives the ports in one order, both address families, a public port only where there is one', () => {
    const ports = [
      { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 443, PublicPort: 0, Type: 'tcp' },
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 80, Type: 'sctp' },
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 808, Type: 'tcp' },
    ]
    const sorted = [
      { PrivatePort: 80, Type: 'sctp' },
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 808, Type: 'tcp' },
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 443, Type: 'tcp' },
    ]
    expect(containerEntry({ Id: 'a', Ports: ports })?.ports).toEqual(sorted)
    expect(containerEntry({ Id: 'a', Ports: ports.toReversed() })?.ports).toEqual(sorted)
  })

  it('says how many of very many ports it leaves out', () => {
    const ports = Array.from({ length: 1000 }, (_, index) => ({ PrivatePort: index }))
    const entry = containerEntry({ Id: 'a', Ports: ports })
    expect([entry?.ports.length, entry?.ports_truncated]).toEqual([32, 968])
  })

  it('takes no labels but those of compose', () => {
    const labels = { entry: 'x', 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 7, '': 'y' }
    expect(containerEntry({ Id: 'a', Labels: labels })?.labels).toEqual({ 'com.docker.compose.project': 'shop' })
    expect(containerEntry({ Id: 'a', Labels: { entry: 'x' } })).not.toHaveProperty('labels')
  })

  it('bounds every text', () => {
    const long = 'x'.repeat(1_000_000)
    const entry = containerEntry({
      Id: long,
      Names: [`/${long}`],
      Image: long,
      Command: `${'\u{1F600}'.repeat(200)}`,
      Status: long,
      State: long,
      Health: { Status: long },
      Ports: [{ IP: long, Type: long }],
      Labels: { 'com.docker.compose.project': long },
    })
    expect(JSON.stringify(entry).length).toBeLessThan(3000)
    expect(entry?.command).toBe('\u{1F600}'.repeat(128))
  })
})
