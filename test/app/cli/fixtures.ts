import { parseCommandLine, type CommandLine } from '../../../src/app/cli/command-line.ts'
import type { Command } from '../../../src/app/cli/cli.ts'
import type { CliVm } from '../../../src/app/cli/vms.ts'
import { KEY } from '../../../src/model/fields.ts'

export const NOW = Date.parse('2026-11-22T12:00:00Z')

/** `docker_ps` of two containers, one running and one exited. */
export const PS =
  '<docker_ps>' +
  '<item><entry><id>aaaaaaaaaaaabbbb</id><container>aaaaaaaaaa</container><names>web</names><image>nginx:1</image>' +
  '<command>nginx -g daemon off; and more words</command><status>Up</status><created>1795347000</created>' +
  '<ports><item><IP>0.0.0.0</IP><PrivatePort>80</PrivatePort><PublicPort>8080</PublicPort><Type>tcp</Type></item>' +
  '<item><IP>::</IP><PrivatePort>80</PrivatePort><PublicPort>8080</PublicPort><Type>tcp</Type></item>' +
  '<item><PrivatePort>443</PrivatePort><Type>tcp</Type></item></ports></entry></item>' +
  '<item><entry><id>ccccccccccccdddd</id><container>cccccccccc</container><names>job</names><image>busybox</image>' +
  '<command>sh</command><status>Exited (137)</status><created>1795338000</created><ports/></entry></item>' +
  '</docker_ps>'

export function vm(name: string, more: Partial<CliVm> = {}): CliVm {
  return {
    ref: `OpaqueRef:${name}`,
    uuid: `${name}-0000-1111-2222-333344445555`,
    name,
    powerState: 'Running',
    residentOn: 'OpaqueRef:host',
    isControlDomain: false,
    isTemplate: false,
    isSnapshot: false,
    otherConfig: { [KEY.monitor]: 'True' },
    here: true,
    host: 'host-1',
    ...more,
  }
}

/** What a command prints. */
export function printed(command: Command, vms: readonly CliVm[], ...words: string[]): string {
  let text = ''
  const line: CommandLine = parseCommandLine(['x', ...words])
  const code = command(vms, line, { out: (more) => (text += more), err: () => undefined }, NOW)
  if (code !== 0) throw new Error(`exit ${code}`)
  return text
}

/** Characters that steer a terminal, line ends aside. */

export const STEERING = /[\0-\x09\x0B-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/
