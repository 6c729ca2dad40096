import { describe, expect, test } from 'vitest'
import { readContainers } from '../../src/engine/container-list.ts'

/** More than is parsed in one go. */
const LONG = ' '.repeat(70_000)

/** What the steps come to, and how many there were. */
function read(text: string): { value: unknown; steps: number } {
  const reading = readContainers(Buffer.from(text))
  let steps = 1
  for (let step = reading.next(); ; step = reading.next(), steps++) {
    if (step.done === true) return { value: step.value, steps }
  }
}

const WEB = {
  Id: 'a'.repeat(64),
  Names: ['/web', '/db/web'],
  Image: 'nginx:1.29',
  Command: 'sh -c "echo \\"}],[{\\" \\\\"',
  Created: 1_700_000_000,
  Ports: [{ IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }, {}],
  Labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
  State: 'running',
  Status: 'Up 3 minutes (healthy)',
  Health: { Status: 'healthy' },
}
const MORE = { HostConfig: { NetworkMode: 'bridge' }, Mounts: [{ Type: 'bind', a: [[{}]] }], SizeRw: 12, entry: null }

describe('the containers in an answer', () => {
  test('a short one is parsed as it is, whatever it is', () => {
    for (const value of [[WEB, MORE], [], {}, null, 'text', 7]) {
      expect(read(JSON.stringify(value))).toEqual({ value, steps: 1 })
    }
  })

  test.each([
    ['dense', undefined],
    ['with white space', '\r\n\t '],
  ])('a long one has what is read of each, however it is written: %s', (_, space) => {
    const text = JSON.stringify(
      [{ ...MORE, ...WEB }, { ...WEB, ...MORE, Labels: { ...WEB.Labels, other: 'x' } }, {}],
      null,
      space,
    )
    expect(read(text + LONG).value).toEqual([WEB, WEB, {}])
  })

  test('what is of another type than it should be is left out, what is none of a container too', () => {
    const odd = {
      Id: {},
      Names: 'web',
      Image: ['a'],
      Created: { a: 1 },
      Ports: {},
      Labels: [1],
      Health: 'good',
      Status: null,
    }
    expect(read(JSON.stringify([odd, 7, null, [WEB]]) + LONG).value).toEqual([
      { Status: null },
      undefined,
      undefined,
      undefined,
    ])
    expect(
      read(JSON.stringify([{ Names: ['/a', {}, ['b'], 1], Ports: [7, { IP: [1], Type: 'tcp' }] }]) + LONG).value,
    ).toEqual([{ Names: ['/a', undefined, undefined, 1], Ports: [{ Type: 'tcp' }] }])
  })

  test('names that mean something to JavaScript mean nothing here', () => {
    const [entry] = read(
      `[{"__proto__":{"Id":"ghost"},"constructor":1,"toString":0,"Labels":{"__proto__":"x"}}]${LONG}`,
    ).value as object[]
    expect(entry).toEqual({ Labels: {} })
    expect(Object.getPrototypeOf(entry)).toBe(Object.prototype)
  })

  test('others have their turn between some hundred kilobytes, however strange the names are', () => {
    const strange = Array.from({ length: 20_000 }, (_, i) => `{"Id":"${i}","x${i}":{"y${i}":${i}}}`)
    const { value, steps } = read(`[${strange.join()}]`)
    expect(value).toEqual(strange.map((_, i) => ({ Id: String(i) })))
    expect(steps).toBeGreaterThanOrEqual(5)
  })

  test.each([
    '[{"Id":"a"',
    '[{"Id":"a"}',
    '[{"Id":"a"},',
    '[{"Id":"a',
    '[{"Id":tru}]',
    '[{"Id":}]',
    '<html>',
    '[{"Names":["a]',
  ])('one that breaks off, or is something else, is refused: %s', (text) => {
    expect(() => read(text + LONG)).toThrow(SyntaxError)
  })
})
