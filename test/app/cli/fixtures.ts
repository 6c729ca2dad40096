import { PassThrough } from 'node:stream'
import { readContainers } from '../../../src/app/cli/containers.ts'
import type { Terminal } from '../../../src/app/cli/terminal.ts'
import type { CliVm } from '../../../src/app/cli/vms.ts'
import type { ListedVm } from '../../../src/operations/list-document.ts'
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

/** A VM as a host's monitor tells of it. */
export function listed(name: string, more: Partial<ListedVm> = {}): ListedVm {
  return {
    uuid: `${name}-0000-1111-2222-333344445555`,
    name,
    power_state: 'Running',
    state: 'monitored',
    since: '2026-11-22T10:00:00Z',
    status: 'monitored since 2026-11-22T10:00:00Z',
    engine: 'Docker 29.0.1',
    list_age_ms: 1500,
    reconnects: 2,
    writes: 17,
    containers: readContainers(PS),
    ...more,
  }
}

/** A terminal that keeps what is written to it, and types what it is told. */
export class FakeTerminal implements Terminal {
  readonly inputIsTerminal: boolean
  readonly outputIsTerminal: boolean
  readonly typed = new PassThrough()
  readonly modes: string[] = []
  resized: (() => void) | undefined
  columns = 80
  text = { out: '', err: '' }

  constructor(isTerminal = true) {
    this.inputIsTerminal = isTerminal
    this.outputIsTerminal = isTerminal
  }

  input(): AsyncIterable<Buffer> {
    return this.typed as AsyncIterable<Buffer>
  }

  write(to: 'out' | 'err', data: Buffer | string): Promise<void> {
    this.text[to] += data.toString()
    return Promise.resolve()
  }

  size() {
    return { columns: this.columns, rows: 24 }
  }

  onResize(changed: () => void): () => void {
    this.resized = changed
    return () => (this.resized = undefined)
  }

  hidden(): (() => void) | undefined {
    this.modes.push('hidden')
    return () => this.modes.push('as before')
  }

  raw(): () => void {
    this.modes.push('raw')
    return () => this.modes.push('as before')
  }

  screen(): () => void {
    this.modes.push('screen')
    return () => this.modes.push('as before')
  }
}

/** Characters that steer a terminal, line ends aside. */
export const STEERING = /[\0-\x09\x0B-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/
