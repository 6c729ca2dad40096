/** The answer parser of the package xmlrpc, which it does not offer by itself. */
declare module 'xmlrpc/lib/deserializer.js' {
  import type { Readable } from 'node:stream'

  class Deserializer {
    constructor(encoding: string)
    deserializeMethodResponse(stream: Readable, done: (error: unknown, answer: unknown) => void): void
  }
  export = Deserializer
}
