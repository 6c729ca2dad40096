/** What `list` gives, as JSON: the registered VMs of one host as its monitor knows them, or one of them. */
export interface ListDocument {
  readonly vms: readonly ListedVm[]
}

export interface ListedVm {
  readonly uuid: string
  readonly name: string
  readonly power_state: string
  /** Where its monitoring stands; null when nobody monitors it. */
  readonly state: 'connecting' | 'monitored' | 'failed' | null
  /** When it came to that state, ISO time. */
  readonly since: string | null
  /** The line in xscontainer-status; null when there is none. */
  readonly status: string | null
  /** Why it failed, as a short stable word and for people, and what to do; null or absent when it has not. */
  readonly kind?: string | null
  readonly cause?: string | null
  readonly cure?: string | null
  /** Where and how the guest is reached: IP address, `stream-local` or the helper's name, the engine's socket. */
  readonly address?: string | null
  readonly transport?: string | null
  readonly socket?: string | null
  /** With TLS: until when all certificates hold, ISO time, and a phrase about one that ends soon; null or absent otherwise. */
  readonly certificates_until?: string | null
  readonly warning?: string | null
  /** `Docker 29.0.1`; null as long as it is not known. */
  readonly engine: string | null
  /** The version of the engine's API that is spoken with it. */
  readonly api_version?: string | null
  /** Since the container list was last read, milliseconds; null when it never was. */
  readonly list_age_ms: number | null
  /** Connections that were lost and made again, and changes written into XAPI, since the monitor knows the VM. */
  readonly reconnects: number
  readonly writes: number
  readonly containers: readonly ListedContainer[]
}

/** As in `docker_ps`. */
export interface ListedContainer {
  readonly id: string
  /** The first 10 characters of the id. */
  readonly container: string
  readonly names: string
  readonly image: string
  readonly command: string
  readonly status: string
  /** `running`, `exited`, ..; null or absent where the engine does not tell. */
  readonly state?: string | null
  /** Unix seconds. */
  readonly created: number
  readonly ports: readonly ListedPort[]
}

export interface ListedPort {
  readonly IP?: string
  readonly PrivatePort?: string
  readonly PublicPort?: string
  readonly Type?: string
}
