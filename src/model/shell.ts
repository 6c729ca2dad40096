/** How a command in a guest ended. Both texts are what the guest wants us to read: bounded, but otherwise anything. */
export interface ShellResult {
  /** undefined: the command was ended by a signal, or the guest did not say. */
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A login in a guest by which commands can be run, one connection until `close`. */
export interface GuestShell {
  readonly address: string
  /** Base64 of the public host key blob that the guest showed and proved. */
  readonly hostKey: string
  /**
   * Runs a command, which the user's login shell reads, with `input` (undefined: nothing) as its standard input.
   * Rejects with a DiagnosedError when the guest does not run it, or does not end it in time.
   */
  run(command: string, input: string | undefined, signal: AbortSignal): Promise<ShellResult>
  close(): void
}
