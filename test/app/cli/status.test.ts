import { describe, expect, test } from 'vitest'
import { status } from '../../../src/app/cli/status.ts'
import { KEY } from '../../../src/model/fields.ts'
import { printed, PS, STEERING, vm } from './fixtures.ts'

const monitored = vm('aaaa', {
  otherConfig: {
    [KEY.monitor]: 'True',
    [KEY.ps]: PS,
    [KEY.updated]: '2026-11-22T11:58:00Z',
    [KEY.status]: 'monitored since 2026-11-22T10:00:00Z',
  },
})

describe('status', () => {
  test('one line per VM, with why not where it is not monitored', () => {
    const vms = [
      monitored,
      vm('bbbb', { otherConfig: { [KEY.monitor]: 'False' } }),
      vm('cccc', { powerState: 'Halted', residentOn: undefined, here: false, host: '' }),
      vm('dddd'),
      vm('eeee', { here: false }),
    ]
    expect(printed(status, vms)).toBe(
      [
        'UUID      VM    HOST    CONTAINERS  CHANGED        STATUS',
        'aaaa-000  aaaa  host-1  2           2 minutes ago  monitored since 2026-11-22T10:00:00Z',
        'bbbb-000  bbbb  host-1  -           -              not registered',
        'cccc-000  cccc  -       -           -              not monitored: the VM is halted',
        'dddd-000  dddd  host-1  -           -              not monitored: is xscontainer-monitor running on its host?',
        '',
      ].join('\n'),
    )
    expect(printed(status, vms, '--pool')).toContain('eeee')
  })

  test('--json has the same facts', () => {
    expect(JSON.parse(printed(status, [monitored, vm('bbbb')], '--json'))).toEqual([
      {
        uuid: monitored.uuid,
        name: 'aaaa',
        host: 'host-1',
        power_state: 'Running',
        containers: 2,
        updated: '2026-11-22T11:58:00Z',
        status: 'monitored since 2026-11-22T10:00:00Z',
      },
      expect.objectContaining({ containers: null, updated: null }) as object,
    ])
  })

  test('says so when there is nothing to tell', () => {
    expect(printed(status, [])).toContain('none has the other-config key xscontainer-monitor')
    expect(JSON.parse(printed(status, [], '--json'))).toEqual([])
  })

  test.each([[], ['--json']])('nothing that others wrote can steer the terminal %j', (...words) => {
    const nasty = '\u001b]0;x\u0007\u009b1m\u202E'
    const otherConfig = { [KEY.monitor]: 'True', [KEY.status]: nasty, [KEY.updated]: nasty }
    expect(printed(status, [vm('aaaa', { name: nasty, host: nasty, otherConfig })], ...words)).not.toMatch(STEERING)
  })
})
