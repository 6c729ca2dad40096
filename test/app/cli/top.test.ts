import { describe, expect, test } from 'vitest'
import { readProcesses } from '../../../src/app/cli/xml-rows.ts'

const FLAT =
  '<docker_top><item><Process><UID>root</UID><PID>1</PID><SPECIAL_XS_ENCODED_ELEMENT name="%CPU">0.5</SPECIAL_XS_ENCODED_ELEMENT>' +
  '<CMD>a &amp; b</CMD></Process></item><item><Process><PID>2</PID></Process></item></docker_top>'
const GROUPED =
  '<docker_top><item><container>aaaaaaaaaa</container><names>web</names><processes><item><Process><PID>7</PID></Process></item>' +
  '<item><Process><PID>8</PID></Process></item></processes></item><item><container>bbbbbbbbbb</container><names>db</names>' +
  '<processes/></item></docker_top>'

describe('readProcesses', () => {
  test('a flat list, columns in the engine’s order', () => {
    const [first, second] = readProcesses(FLAT)
    expect([...first!.columns]).toEqual([
      ['UID', 'root'],
      ['PID', '1'],
      ['%CPU', '0.5'],
      ['CMD', 'a & b'],
    ])
    expect([...second!.columns]).toEqual([['PID', '2']])
  })

  test('a list by container', () => {
    expect(readProcesses(GROUPED).map(({ names, columns }) => [names, columns.get('PID')])).toEqual([
      ['web', '7'],
      ['web', '8'],
    ])
  })

  test.each([
    '',
    '<',
    '<docker_top/>',
    '<docker_top><Process><PID>1</PID></Process></docker_top>',
    GROUPED.slice(0, 60),
  ])('%j has none', (xml) => expect(readProcesses(xml)).toEqual([]))
})
