import { describe, expect, test } from 'vitest'
import { psText } from '../../../src/app/cli/ps.ts'
import { listed, NOW, PS, STEERING } from './fixtures.ts'
import { readContainers } from '../../../src/app/cli/containers.ts'

const known = [listed('aaaa'), listed('bbbb'), listed('cccc', { containers: [] })].map((vm) => ({ vm, live: true }))

describe('ps', () => {
  test('the running containers, in docker’s columns', () => {
    expect(psText(known.slice(0, 1), {}, NOW)).toBe(
      [
        'VM    CONTAINER ID  IMAGE    COMMAND                 CREATED         STATUS  PORTS                                             NAMES',
        'aaaa  aaaaaaaaaa    nginx:1  "nginx -g daemon off…"  30 minutes ago  Up      0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp  web',
        '',
      ].join('\n'),
    )
  })

  test('--all shows the stopped ones too; a VM without containers has no line', () => {
    const names = (all: boolean) =>
      psText(known, { all }, NOW)
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => `${line.slice(0, 4)} ${line.split(/\s+/).at(-1)}`)
    expect(names(false)).toEqual(['aaaa web', 'bbbb web'])
    expect(names(true)).toEqual(['aaaa web', 'aaaa job', 'bbbb web', 'bbbb job'])
  })

  test('--json has everything', () => {
    expect(JSON.parse(psText(known.slice(0, 1), { json: true, all: true }, NOW))).toMatchObject([
      { vm: known[0]!.vm.uuid, vm_name: 'aaaa', container: 'aaaaaaaaaa', names: 'web', created: 1_795_347_000 },
      { names: 'job', status: 'Exited (137)' },
    ])
    expect(JSON.parse(psText([], { json: true }, NOW))).toEqual([])
  })

  test.each([false, true])('nothing a guest chose can steer the terminal, as JSON %s', (json) => {
    const nasty = '\u001b[2J\u009b1m\u202E'
    const xml = PS.replaceAll('web', nasty).replaceAll('nginx', nasty).replaceAll('8080', nasty)
    const vm = listed('aaaa', { name: nasty, containers: readContainers(xml) })
    expect(psText([{ vm, live: true }], { json }, NOW)).not.toMatch(STEERING)
  })
})
