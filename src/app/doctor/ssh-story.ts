import type { LinkFacts, Target } from '../../model/guest.ts'
import type { StepRecorder } from '../../operations/diagnose.ts'
import { printable } from '../../transports/ssh/errors.ts'
import { fingerprint, hostKeyType } from '../../transports/ssh/host-key.ts'
import type { SshStep } from '../../transports/ssh/probe.ts'
import { STEP_OF_PHASE } from './vm-steps.ts'

/** Turns what a connect goes through into steps of the diagnosis. */
export class SshStory {
  readonly #steps: StepRecorder
  readonly #port: number
  readonly #target: Pick<Target, 'username' | 'pinnedHostKey'>
  #tries: string[] = []
  #triedAt = 0

  constructor(steps: StepRecorder, port: number, target: Pick<Target, 'username' | 'pinnedHostKey'>) {
    this.#steps = steps
    this.#port = port
    this.#target = target
  }

  /** For the transport's observer. */
  tell(step: SshStep): void {
    if (step.at === 'search') this.#steps.enter('rung')
    else if (step.at === 'ask') this.#try('asked a shell in the guest')
    else if (step.at === 'try') this.#try(`${step.rung} to ${step.socketPath}`)
    else {
      this.#steps.enter(STEP_OF_PHASE[step.at])
      if (step.at === 'tcp') this.#steps.note(`${step.address} port ${this.#port}`)
      if (step.at === 'handshake') this.#steps.note(printable(step.said ?? ''), 'banner')
      if (step.at === 'login') this.#loggingIn(step.said ?? '')
    }
  }

  /** The connect has led to an engine. */
  connected({ address, rung, socketPath }: LinkFacts): void {
    const before = this.#tries.slice(0, -1)
    this.#steps.note(before.length === 0 ? rung : `${rung}, after: ${before.join(', ')}`)
    this.#steps.enter('socket', this.#triedAt)
    this.#steps.note(`${socketPath} in the guest at ${address}`)
  }

  /** The search has failed, and it is the socket that is to blame. */
  noSocket(): void {
    this.#steps.note(`tried: ${this.#tries.join(', ')}`, 'rung')
    this.#steps.enter('socket', this.#triedAt)
  }

  #loggingIn(hostKey: string): void {
    const { username, pinnedHostKey } = this.#target
    const pinned = pinnedHostKey === undefined ? 'at first contact: none is pinned yet' : 'is the pinned one'
    this.#steps.note(
      `${fingerprint(hostKey)} (${printable(hostKeyType(hostKey) ?? 'unknown type')}) ${pinned}`,
      'host-key',
    )
    this.#steps.note(`as user ${printable(username)} with the pool's key`)
  }

  #try(what: string): void {
    this.#triedAt = this.#steps.now()
    this.#tries.push(printable(what, 130))
  }
}
