import type { Diagnosis } from '../base/errors.ts'

/** Of the protocol on the control socket; a daemon refuses requests of any other. */
export const PROTOCOL = 1

/** The daemon's first message, sent at once: whoever hears nothing talks to a daemon that hangs. */
export interface ControlHello {
  readonly protocol: number
  /** The daemon's version. */
  readonly version: string
}

/** What is asked of the daemon: the first message of whoever asks. */
export interface ControlRequest {
  readonly protocol: number
  readonly operation: string
  readonly args: Readonly<Record<string, string>>
}

/** The daemon's answer: the last message on a connection. The payload of a conversation is its exit code, or empty. */
export type ControlReply =
  { readonly ok: true; readonly payload: string } | { readonly ok: false; readonly error: ControlError }

/** A failure as it crosses the socket; `type` is the error's class name, `kind` of the diagnosis is stable. */
export interface ControlError {
  readonly type: string
  /** Whether it may go away by itself. */
  readonly transient: boolean
  readonly diagnosis: Diagnosis
}

/** `kind` of the diagnosis when the VM is not this host's: whoever asked may ask the host that has it. */
export const VM_ELSEWHERE = 'vm-elsewhere'

/** `kind` of the diagnosis when the daemon went away before it had answered: nobody knows what it did. */
export const DAEMON_LOST = 'daemon-lost'
