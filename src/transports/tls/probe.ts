import type { X509Certificate } from 'node:crypto'

/** One thing that a connect has come to, for whoever wants to tell how far it got and how long each part took. */
export type TlsStep =
  /** The secrets are being read and checked. */
  | { readonly at: 'material' }
  /** A TCP connection begins. */
  | { readonly at: 'tcp'; readonly address: string }
  /** It is there, and the TLS handshake begins. */
  | { readonly at: 'handshake'; readonly address: string }
  /** The engine's certificate is good; now it is the engine's turn to accept ours. */
  | {
      readonly at: 'proof'
      readonly address: string
      readonly protocol: string
      readonly peer: X509Certificate | undefined
    }

export type TlsObserver = (step: TlsStep) => void
