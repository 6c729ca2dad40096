import type { Clock } from '../../base/clock.ts'
import type { Prompt } from '../../transports/ssh/login.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import type { XapiSession } from '../../xapi/session.ts'
import type { Config } from '../config.ts'
import type { VmFacts } from '../doctor/vm-facts.ts'
import type { Steps } from './steps.ts'
import type { TlsWish } from './tls-wish.ts'

/** How to log in where the guest does not know the pool's key. */
export interface Credentials {
  /** A key that the guest knows, and the file it is from. */
  readonly identity?: { readonly key: SshKey; readonly file: string } | undefined
  /** A password; undefined: it is asked for, where somebody is there to ask. */
  readonly password?: string | undefined
}

/** Whoever is there to answer questions. */
export interface Person {
  /** Whether to go on. */
  confirm(question: string, signal: AbortSignal): Promise<boolean>
  /** Whether to do what has not been asked for; never taken for granted. */
  consent(question: string, signal: AbortSignal): Promise<boolean>
  /** Answers to the guest's own questions; undefined: there are none any more. */
  answer(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly string[] | undefined>
}

/** What is wanted. */
export interface PrepareWish {
  /** The user in the guest; undefined: the one in other_config, `core` where there is none. */
  readonly username: string | undefined
  readonly mode: 'ssh' | 'tls'
  /** Take it back instead. */
  readonly undo: boolean
  readonly credentials: Credentials
  /** Only look and say what would be done. */
  readonly dryRun: boolean
  /** Install the key for monitoring only. */
  readonly restrict: boolean
  /** Run the command that lets the user use the engine, by sudo, without asking. */
  readonly sudo: boolean
  /** Which certificates, in mode tls; those that the VM names already when left out. */
  readonly tls?: TlsWish | undefined
}

/** What preparing a VM, or taking that back, may use. */
export interface PrepareContext {
  readonly clock: Clock
  readonly config: Config
  readonly session: Pick<XapiSession, 'call' | 'burst' | 'reference'>
  /** The VM, and the pool's rules about its addresses. */
  readonly facts: VmFacts
  readonly steps: Steps
  /** undefined: nobody is there, and going on was asked for. */
  readonly person: Person | undefined
  /** As the plugin's functions of these names, by whoever monitors the VM. */
  readonly registration: {
    register(signal: AbortSignal): Promise<void>
    deregister(signal: AbortSignal): Promise<void>
  }
  /** Why nobody publishes the VM's containers; undefined: somebody does, as far as can be known. */
  monitorMissing(signal: AbortSignal): Promise<string | undefined>
}
