import { issue, type Identity } from './issue.ts'

/** Everything that an engine and whoever monitors it need to know each other. */
export interface NewMaterial {
  /** The CA's certificate. Its key is not here: see docs/decisions on why nobody keeps it. */
  readonly ca: string
  readonly server: Identity
  readonly client: Identity
  readonly notAfter: Date
}

const DAY_MS = 86_400_000
/** Two years. */
const VALID_DAYS = 730
/** Clocks of guests that have just started may be behind. */
const BEFORE_DAYS = 1

/**
 * A CA for one VM alone, and certificates by it for its engine at these addresses and for us; all end together. The
 * CA's key is gone when this resolves, so that nobody can ever make another certificate that the engine accepts.
 */
export async function makeMaterial(vmUuid: string, names: readonly string[], nowMs: number): Promise<NewMaterial> {
  // Certificates know whole seconds.
  const second = Math.floor(nowMs / 1000) * 1000
  const notBefore = new Date(second - BEFORE_DAYS * DAY_MS)
  const notAfter = new Date(second + VALID_DAYS * DAY_MS)
  const dates = { notBefore, notAfter }
  const made = new Date(second).toISOString().slice(0, 10)
  const ca = await issue({ ...dates, use: 'authority', commonName: `CA ${vmUuid} ${made}` })
  const server = await issue({ ...dates, use: 'server', commonName: `engine ${vmUuid}`, names }, ca)
  const client = await issue({ ...dates, use: 'client', commonName: `monitor ${vmUuid}` }, ca)
  return { ca: ca.certificate, server, client, notAfter }
}
