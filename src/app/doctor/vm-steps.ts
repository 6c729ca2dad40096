import type { StepTitles } from '../../operations/diagnose.ts'

/** The way from XAPI's record of a VM to the containers in it. */
export const VM_STEPS: StepTitles = [
  ['registered', 'registered for container management'],
  ['running', 'VM is running'],
  ['reported', 'guest tools report an address'],
  ['address', 'address to dial'],
  ['key', "pool's SSH key"],
  ['tcp', 'TCP connection'],
  ['banner', 'SSH banner'],
  ['host-key', 'SSH handshake, host key against the pin'],
  ['login', 'authentication'],
  ['rung', 'way from sshd to the engine'],
  ['socket', "engine's socket is there and usable"],
  ['engine', 'engine answers, version in range'],
  ['list', 'container list'],
  ['clock', "guest's clock"],
]

/** The phases of a dial by the step that they are. */
export const STEP_OF_PHASE = { tcp: 'tcp', banner: 'banner', handshake: 'host-key', login: 'login' } as const

/** Kinds of a failed search for the engine that are about its socket; all others are about the way to it. */
export const SOCKET_KINDS: ReadonlySet<string> = new Set([
  'socket-permission',
  'socket-dead',
  'socket-path',
  'not-a-socket',
  'no-engine',
])
