import type { DialPhase } from './errors.ts'

/** One thing that a connect has come to, for whoever wants to tell how far it got and how long each part took. */
export type SshStep =
  /**
   * A phase of a dial begins: the one before it went well. `said`: the version line after the banner, the host key
   * (base64 of its blob) after the handshake.
   */
  | { readonly at: DialPhase; readonly address: string; readonly said?: string }
  /** The login worked; the search for the engine begins. */
  | { readonly at: 'search'; readonly address: string }
  /** A way to a socket that might be the engine's is tried. */
  | { readonly at: 'try'; readonly rung: string; readonly socketPath: string }
  /** No way that could be guessed led to an engine: a command in the guest is asked for what there is. */
  | { readonly at: 'ask' }

export type SshObserver = (step: SshStep) => void
