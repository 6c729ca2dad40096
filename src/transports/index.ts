import { SshTransport } from './ssh/ssh-transport.ts'

/** Every way to reach a guest, by the value of other-config xscontainer-mode that asks for it. */
export const TRANSPORTS = { ssh: SshTransport } as const
