import { KEY, type Fields } from '../../src/model/fields.ts'
import type { LinkFacts, GuestLink, Target } from '../../src/model/guest.ts'
import type { VmRecord } from '../../src/model/vm.ts'
import type { AddressRules } from '../../src/monitor/addresses.ts'

export const HERE = 'OpaqueRef:here'
export const THERE = 'OpaqueRef:there'

export const RULES: AddressRules = {
  allowLoopback: false,
  hostAddresses: new Set(['10.0.0.1', '2001:db8::1']),
  hostInternalDevices: new Set(['1']),
  preferHostInternal: false,
}

/** A VM that is to be monitored here; `otherConfig` is added to that. */
export function vm(more: Partial<VmRecord> = {}, otherConfig: Fields = {}): VmRecord {
  return {
    ref: 'OpaqueRef:vm',
    uuid: 'uuid-vm',
    name: 'web',
    powerState: 'Running',
    residentOn: HERE,
    isControlDomain: false,
    isTemplate: false,
    isSnapshot: false,
    networks: { '0/ip': '10.0.0.7' },
    ...more,
    otherConfig: { [KEY.monitor]: 'True', ...otherConfig },
  }
}

export const TARGET: Target = {
  vmUuid: 'uuid-vm',
  mode: 'ssh',
  addresses: ['10.0.0.7'],
  username: 'core',
  pinnedHostKey: undefined,
  socketPath: undefined,
}

/** A link whose end is in the test's hands. */
export class FakeLink implements GuestLink {
  readonly facts: LinkFacts
  readonly closed: Promise<Error | undefined>
  isClosed = false
  breakOff!: (error: Error) => void
  #end!: (error: Error | undefined) => void

  constructor(facts: Partial<LinkFacts> = {}) {
    this.facts = {
      address: '10.0.0.7',
      hostKey: 'KEY',
      rung: 'stream-local',
      socketPath: '/var/run/docker.sock',
      ...facts,
    }
    this.closed = new Promise((resolve) => (this.#end = resolve))
    this.breakOff = (error) => this.#end(error)
  }

  openStream(): Promise<never> {
    return Promise.reject(new Error('no streams here'))
  }

  close(): void {
    this.isClosed = true
    this.#end(undefined)
  }
}
