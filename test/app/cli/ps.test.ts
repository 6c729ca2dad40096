import { describe, expect, test } from 'vitest'
import { ps } from '../../../src/app/cli/ps.ts'
import { KEY } from '../../../src/model/fields.ts'
import { printed, PS, STEERING, vm } from './fixtures.ts'

const with_ps = { otherConfig: { [KEY.monitor]: 'True', [KEY.ps]: PS } }
const vms = [vm('aaaa', with_ps), vm('bbbb', { ...with_ps, here: false }), vm('cccc')]

describe('ps', () => {
  test('the running containers of this host, in docker’s columns', () => {
    expect(printed(ps, vms)).toBe(
      [
        'VM    CONTAINER ID  IMAGE    COMMAND                 CREATED         STATUS  PORTS                                             NAMES',
        'aaaa  aaaaaaaaaa    nginx:1  "nginx -g daemon off…"  30 minutes ago  Up      0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp  web',
        '',
      ].join('\n'),
    )
  })

  test('--all shows the stopped ones too, --pool other hosts’', () => {
    const names = (...words: string[]) =>
      printed(ps, vms, ...words)
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => `${line.slice(0, 4)} ${line.split(/\s+/).at(-1)}`)
    expect(names('-a')).toEqual(['aaaa web', 'aaaa job'])
    expect(names('--pool')).toEqual(['aaaa web', 'bbbb web'])
    expect(names('-a', 'bbbb')).toEqual(['bbbb web', 'bbbb job'])
    expect(names('cccc')).toEqual([])
  })

  test('--json has everything', () => {
    expect(JSON.parse(printed(ps, vms, '--json', '-a'))).toMatchObject([
      { vm: vms[0]!.uuid, vm_name: 'aaaa', container: 'aaaaaaaaaa', names: 'web', created: 1_795_347_000 },
      { names: 'job', status: 'Exited (137)' },
    ])
    expect(JSON.parse(printed(ps, [], '--json'))).toEqual([])
  })

  test.each([[], ['--json']])('nothing a guest chose can steer the terminal %j', (...words) => {
    const nasty = '\u001b[2J\u009b1m\u202E'
    const xml = PS.replaceAll('web', nasty).replaceAll('nginx', nasty).replaceAll('8080', nasty)
    expect(printed(ps, [vm('aaaa', { name: nasty, otherConfig: { [KEY.ps]: xml } })], ...words)).not.toMatch(STEERING)
  })
})
