import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../src/base/errors.ts'
import { hostUuidFrom } from '../../src/xapi/inventory.ts'

const UUID = '0a1b2c3d-1111-2222-3333-444455556666'
const PATH = '/etc/xensource-inventory'

test.each([
  ['single quotes', `PRODUCT_BRAND='XCP-ng'\nINSTALLATION_UUID='${UUID}'\nX='y'\n`],
  ['double quotes', `INSTALLATION_UUID="${UUID}"\n`],
  ['no quotes', `INSTALLATION_UUID=${UUID}`],
  ['blanks', `  INSTALLATION_UUID = '${UUID}'  \r\n`],
  ['upper case', `INSTALLATION_UUID='${UUID.toUpperCase()}'`],
])('finds the uuid with %s', (_, text) => {
  expect(hostUuidFrom(text, PATH)).toBe(UUID)
})

describe('a file without it', () => {
  test.each([
    ['', "has no line INSTALLATION_UUID='..'"],
    [`CONTROL_DOMAIN_UUID='${UUID}'`, "has no line INSTALLATION_UUID='..'"],
    [`#INSTALLATION_UUID='${UUID}'`, "has no line INSTALLATION_UUID='..'"],
    ["INSTALLATION_UUID=''", 'is not a uuid: ""'],
    ["INSTALLATION_UUID='rm -rf'", 'is not a uuid: "rm -rf"'],
    [`INSTALLATION_UUID='${UUID}-1'`, 'is not a uuid'],
    [`INSTALLATION_UUID='${'x'.repeat(500)}'`, `is not a uuid: "${'x'.repeat(60)}"`],
    ['\0\x01\u001b[2J', "has no line INSTALLATION_UUID='..'"],
  ])('%j says what is wrong, where, and what to do', (text, why) => {
    expect(() => hostUuidFrom(text, PATH)).toThrow(RefusedError)
    expect(() => hostUuidFrom(text, PATH)).toThrow(why)
    expect(() => hostUuidFrom(text, PATH)).toThrow(/\/etc\/xensource-inventory.*\. Restore the file/)
  })
})
