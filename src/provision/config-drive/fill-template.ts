/** What takes the placeholders' place. */
export interface TemplateFacts {
  /** VM.name_label; it is reduced to what a host name can hold. */
  readonly vmName: string
  /** The middle part of the pool's public key line. */
  readonly publicKeyBase64: string
  /** VIF device number on the host-internal management network; undefined: the VM is not on it. */
  readonly hostInternalDevice: string | undefined
}

export interface FilledTemplate {
  /** What the guest is to read. */
  readonly userData: string
  /** Whether the pool's key gets into the guest: the key's placeholder stands outside of comments. */
  readonly keyLineActive: boolean
}

/** The template with its placeholders filled in, old and new spelling. JSON stays valid. Check the template before. */
export function fillTemplate(_text: string, _facts: TemplateFacts): FilledTemplate {
  throw new Error('not yet')
}
