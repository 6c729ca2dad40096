const CTRL_P = 0x10
const CTRL_Q = 0x11

/** Watches what is typed for Ctrl-P Ctrl-Q, which leaves a terminal as in docker. */
export class DetachKeys {
  #held = false

  /** What may be passed on of the bytes typed; `leave` when the two keys were among them, one right after the other. */
  take(typed: Buffer): { readonly pass: Buffer; readonly leave: boolean } {
    const bytes = this.#held ? Buffer.concat([Buffer.from([CTRL_P]), typed]) : typed
    for (let at = bytes.indexOf(CTRL_P); at !== -1; at = bytes.indexOf(CTRL_P, at + 1)) {
      if (bytes[at + 1] === CTRL_Q) return { pass: bytes.subarray(0, at), leave: true }
    }
    // The first of the two may be for the container: that is known with the next key.
    this.#held = bytes.at(-1) === CTRL_P
    return { pass: this.#held ? bytes.subarray(0, -1) : bytes, leave: false }
  }
}
