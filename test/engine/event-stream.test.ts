import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseEvent } from '../../src/engine/event-stream.ts'

describe('parseEvent', () => {
  it.each(['docker', 'podman'])('reads all that a real %s told', (engine) => {
    const lines = readFileSync(new URL(`../golden/samples/${engine}-events.json`, import.meta.url), 'utf8').trim()
    const events = lines.split('\n').map((line) => parseEvent(line))
    for (const event of events) expect(event?.id).toMatch(/^[0-9a-f]{64}$/)
    const told = new Set(events.map((event) => `${event?.type} ${event?.action}`))
    const common = ['create', 'start', 'pause', 'unpause', 'rename', 'kill', 'die', 'health_status']
    for (const action of common.slice(0, engine === 'docker' ? 8 : 7)) expect(told).toContain(`container ${action}`)
  })

  it.each([
    [
      'Docker 20.10, both shapes in one',
      '{"status":"start","id":"abc","from":"nginx","Type":"container","Action":"start","Actor":{"ID":"abc"},"time":1}',
      { type: 'container', action: 'start', id: 'abc' },
    ],
    [
      'Docker 29, new shape only',
      '{"Type":"container","Action":"die","Actor":{"ID":"abc","Attributes":{"exitCode":"0"}},"scope":"local"}',
      { type: 'container', action: 'die', id: 'abc', exitCode: '0' },
    ],
    ['before 1.10', '{"status":"stop","id":"abc","from":"nginx"}', { type: '', action: 'stop', id: 'abc' }],
    [
      'Podman',
      '{"Type":"container","Action":"died","Actor":{"ID":"abc","Attributes":{"containerExitCode":"3"}}}',
      { type: 'container', action: 'die', id: 'abc', exitCode: '3' },
    ],
    [
      'a health check',
      '{"Type":"container","Action":"health_status: healthy","Actor":{"ID":"abc"}}',
      { type: 'container', action: 'health_status', id: 'abc' },
    ],
    [
      'an exec with its command',
      '{"Type":"container","Action":"exec_create: sh -c a:b","Actor":{"ID":"abc"}}',
      { type: 'container', action: 'exec_create', id: 'abc' },
    ],
    [
      'an image',
      '{"Type":"image","Action":"tag","Actor":{"ID":"sha256:1"}}',
      { type: 'image', action: 'tag', id: 'sha256:1' },
    ],
    ['wrong types', '{"Type":7,"Action":"start","Actor":"x","id":{}}', { type: '', action: 'start', id: '' }],
  ])('%s', (_name, line, event) => {
    expect(parseEvent(line)).toEqual(event)
  })

  it.each(['{}', '[]', 'null', '7', '{"Action":null}', '{"Action":":"}'])('%s tells of nothing', (line) => {
    expect(parseEvent(line)).toBeUndefined()
  })

  it('bounds what it keeps', () => {
    const long = 'x'.repeat(9000)
    const actor = { ID: long, Attributes: { exitCode: long } }
    const event = parseEvent(JSON.stringify({ Type: long, Action: long, Actor: actor }))
    const kept = long.slice(0, 128)
    expect(event).toEqual({ type: kept, action: kept, id: kept, exitCode: kept })
  })

  it('refuses what is not JSON', () => {
    expect(() => parseEvent('<html>')).toThrow('not JSON')
  })
})
