import { describe, expect, test } from 'vitest'
import type { Known } from '../../../src/app/cli/list.ts'
import { publishedVm } from '../../../src/app/cli/published.ts'
import { statusText } from '../../../src/app/cli/status.ts'
import { KEY } from '../../../src/model/fields.ts'
import { listed, PS, STEERING, vm } from './fixtures.ts'

const monitored = vm('aaaa', {
  otherConfig: {
    [KEY.monitor]: 'True',
    [KEY.ps]: PS,
    [KEY.version]: '<docker_version><Version>29.0.1</Version></docker_version>',
    [KEY.updated]: '2026-11-22T11:58:00Z',
    [KEY.status]: 'monitored since 2026-11-22T10:00:00Z',
  },
})

/** As published only, no monitor having answered. */
function known(vms: readonly (typeof monitored)[]): Known[] {
  return vms.map((one) => ({ vm: publishedVm(one), live: false }))
}

describe('status', () => {
  test('what the monitor knows: engine, containers, age of the list, reconnects, writes', () => {
    expect(statusText([monitored], [{ vm: listed('aaaa'), live: true }], {})).toBe(
      [
        'UUID      VM    HOST    ENGINE         CONTAINERS  LISTED  RECONNECTS  WRITES  STATUS',
        'aaaa-000  aaaa  host-1  Docker 29.0.1  2           1.5 s   2           17      monitored since 2026-11-22T10:00:00Z',
        '',
      ].join('\n'),
    )
  })

  test('without a monitor what was published, with why not where it is not monitored', () => {
    const vms = [
      monitored,
      vm('bbbb', { otherConfig: { [KEY.monitor]: 'False' } }),
      vm('cccc', { powerState: 'Halted', residentOn: undefined, here: false, host: '' }),
      vm('dddd'),
    ]
    expect(statusText(vms, known(vms), {})).toBe(
      [
        'UUID      VM    HOST    ENGINE         CONTAINERS  LISTED  RECONNECTS  WRITES  STATUS',
        'aaaa-000  aaaa  host-1  Docker 29.0.1  2           -       -           -       monitored since 2026-11-22T10:00:00Z',
        'bbbb-000  bbbb  host-1  -              -           -       -           -       not registered',
        'cccc-000  cccc  -       -              -           -       -           -       not monitored: the VM is halted',
        'dddd-000  dddd  host-1  -              -           -       -           -       not monitored: is xscontainer-monitor running on its host?',
        '',
      ].join('\n'),
    )
  })

  test('--json has the same facts', () => {
    const vms = [monitored, vm('bbbb')]
    expect(
      JSON.parse(
        statusText(vms, [{ vm: listed('aaaa', { address: '10.0.0.5' }), live: true }, ...known(vms).slice(1)], {
          json: true,
        }),
      ),
    ).toEqual([
      {
        uuid: monitored.uuid,
        name: 'aaaa',
        host: 'host-1',
        power_state: 'Running',
        state: 'monitored',
        since: '2026-11-22T10:00:00Z',
        engine: 'Docker 29.0.1',
        api_version: null,
        address: '10.0.0.5',
        transport: null,
        socket: null,
        certificates_until: null,
        warning: null,
        cause: null,
        cure: null,
        containers: 2,
        list_age_ms: 1500,
        reconnects: 2,
        writes: 17,
        updated: '2026-11-22T11:58:00Z',
        status: 'monitored since 2026-11-22T10:00:00Z',
      },
      expect.objectContaining({ state: null, containers: null, updated: null, writes: null }) as object,
    ])
  })

  test('says so when there is nothing to tell', () => {
    expect(statusText([], [], {})).toContain('none has the other-config key xscontainer-monitor')
    expect(JSON.parse(statusText([], [], { json: true }))).toEqual([])
  })

  test.each([false, true])('nothing that others wrote can steer the terminal, as JSON %s', (json) => {
    const nasty = '\u001b]0;x\u0007\u009b1m\u202E'
    const otherConfig = { [KEY.monitor]: 'True', [KEY.status]: nasty, [KEY.updated]: nasty }
    const one = vm('aaaa', { name: nasty, host: nasty, otherConfig })
    expect(
      statusText([one], [{ vm: listed('aaaa', { engine: nasty, status: nasty }), live: true }], { json }),
    ).not.toMatch(STEERING)
  })
})

describe('publishedVm', () => {
  test.each([
    ['monitored since 2026-11-22T10:00:00Z', 'monitored', '2026-11-22T10:00:00Z'],
    ['connecting since 2026-11-22T10:00:00Z', 'connecting', '2026-11-22T10:00:00Z'],
    [
      'failed since 2026-11-22T10:00:00Z: No SSH server listens at 10.0.0.1. Start it',
      'failed',
      '2026-11-22T10:00:00Z',
    ],
    ['something else', null, null],
  ])('reads the state in %s', (line, state, since) => {
    expect(publishedVm(vm('a', { otherConfig: { [KEY.status]: line } }))).toMatchObject({ state, since, status: line })
  })

  test('names the engine', () => {
    const xml =
      '<docker_version><Components><item><Name>Podman Engine</Name></item></Components><Version>5.4.2</Version></docker_version>'
    expect(publishedVm(vm('a', { otherConfig: { [KEY.version]: xml } })).engine).toBe('Podman 5.4.2')
    expect(publishedVm(vm('a')).engine).toBeNull()
  })
})
