import type { Diagnosis } from '../base/errors.ts'
import { KEY, LIVE_KEYS, type Fields } from '../model/fields.ts'
import type { Target, TlsSecrets } from '../model/guest.ts'
import type { VmRecord } from '../model/vm.ts'
import { chooseAddresses, type AddressRules } from './addresses.ts'

/** The value of `xscontainer-ssh-algorithms` that allows more than is usual. */
const OLD = 'old'

/** What this host's daemon should do about a VM. */
export type Desired =
  | { readonly watch: true; readonly target: Target; readonly problem: Diagnosis | undefined }
  /** `clean`: nobody monitors it, and it is for this host to remove keys that say otherwise. */
  | { readonly watch: false; readonly clean: boolean }

export interface Place {
  readonly myHost: string
  /** The coordinator cleans up after VMs that are on no host. */
  readonly amCoordinator: boolean
}

/** Who looks after this VM, and how to reach it. */
export function desired(vm: VmRecord, place: Place, rules: AddressRules): Desired {
  if (vm.isControlDomain || vm.isTemplate || vm.isSnapshot) return { watch: false, clean: false }
  const mine = vm.residentOn === place.myHost
  if (mine && vm.powerState === 'Running' && vm.otherConfig[KEY.monitor] === 'True') {
    return { watch: true, ...targetOf(vm, rules) }
  }
  return { watch: false, clean: mine || (vm.residentOn === undefined && place.amCoordinator) }
}

/** Whether the VM carries keys that only a monitored VM should have. */
export function hasLiveKeys(vm: VmRecord): boolean {
  return [...LIVE_KEYS, KEY.status, KEY.updated].some((key) => vm.otherConfig[key] !== undefined)
}

function targetOf(vm: VmRecord, rules: AddressRules): { target: Target; problem: Diagnosis | undefined } {
  const config = vm.otherConfig
  const chosen = chooseAddresses(vm.networks, config[KEY.address], rules)
  const username = config[KEY.username] || 'core'
  const mode = config[KEY.mode] ?? 'ssh'
  const target: Target = {
    vmUuid: vm.uuid,
    mode,
    addresses: chosen.addresses,
    username,
    pinnedHostKey: pinOf(vm),
    socketPath: config[KEY.socket] === '' ? undefined : config[KEY.socket],
    ...(mode === 'ssh' && config[KEY.sshAlgorithms] === OLD && { oldAlgorithms: true }),
    ...(mode === 'tls' && { tls: tlsSecrets(config) }),
  }
  const ofMode =
    mode === 'tls' ? tlsProblem(config) : (userProblem(username) ?? algorithmsProblem(config[KEY.sshAlgorithms]))
  return { target, problem: modeProblem(mode) ?? ofMode ?? chosen.problem }
}

function tlsSecrets(config: Fields): TlsSecrets {
  const named = (key: string) => config[key]?.trim() ?? ''
  return { ca: named(KEY.tlsCa), certificate: named(KEY.tlsCertificate), key: named(KEY.tlsKey) }
}

function tlsProblem(config: Fields): Diagnosis | undefined {
  const missing = [KEY.tlsCertificate, KEY.tlsKey, KEY.tlsCa].filter((key) => (config[key]?.trim() ?? '') === '')
  if (missing.length === 0) return undefined
  return {
    kind: 'tls-secrets',
    cause: `The VM is in mode tls, but its other-config does not name the secrets for it (missing: ${missing.join(', ')})`,
    cure: 'Run xscontainer prepare-vm --mode tls for this VM, or set its other-config key xscontainer-mode to ssh',
  }
}

/** The pinned host key, unless the pin came along when this VM was cloned from another. */
function pinOf(vm: VmRecord): string | undefined {
  const owner = vm.otherConfig[KEY.hostKeyOwner]
  return owner === undefined || owner === vm.uuid ? vm.otherConfig[KEY.hostKey] : undefined
}

function modeProblem(mode: string): Diagnosis | undefined {
  if (mode === 'ssh' || mode === 'tls') return undefined
  return {
    kind: 'mode',
    cause: `The VM asks for connection mode ${JSON.stringify(mode.slice(0, 20))}, which this version does not offer`,
    cure: "Set the VM's other-config key xscontainer-mode to ssh or tls, or remove it for ssh",
  }
}

/** A user name goes to the guest as it is: only its size and control characters are ours to refuse. */
function userProblem(username: string): Diagnosis | undefined {
  if (username !== '' && username.length <= 256 && !/\p{Cc}/u.test(username)) return undefined
  return {
    kind: 'username',
    cause: "The VM's other-config key xscontainer-username is not a user name",
    cure: 'Set it to the user of the guest who may use the container engine, or remove it to use core',
  }
}

function algorithmsProblem(value = ''): Diagnosis | undefined {
  if (value === '' || value === OLD) return undefined
  return {
    kind: 'ssh-algorithms',
    cause: `The VM's other-config key xscontainer-ssh-algorithms says ${JSON.stringify(value.slice(0, 20))}, which means nothing`,
    cure: `Remove it, or set it to ${OLD} for a guest whose sshd knows nothing better than SHA-1`,
  }
}
