import { installScript } from './install-script.ts'
import type { NewMaterial } from './material.ts'

export interface DiscFile {
  readonly path: string
  readonly data: Buffer
}

/** Volume label of the disc. */
export const DISC_LABEL = 'XSCONTAINER'
/** Where Docker on Windows keeps its settings, and where the script puts the engine's part. */
const FOLDER = 'C:\\ProgramData\\docker'

/** The files of a disc that sets up TLS for Docker on Windows: the engine's part of the material, daemon.json and a script. */
export function windowsDisc({ ca, server }: Pick<NewMaterial, 'ca' | 'server'>, port: number): DiscFile[] {
  const file = (path: string, text: string) => ({ path, data: Buffer.from(text.replace(/\r?\n/g, '\r\n')) })
  return [
    file('install.ps1', installScript()),
    file('daemon.json', daemonJson(port)),
    file('ca.pem', ca),
    file('server-cert.pem', server.certificate),
    file('server-key.pem', server.key),
    file('README.txt', README),
  ]
}

/** Settings that the script merges into those that are there. */
export function daemonJson(port: number): string {
  const settings = {
    hosts: [`tcp://0.0.0.0:${port}`, 'npipe://'],
    tlsverify: true,
    tlscacert: `${FOLDER}\\certs.d\\ca.pem`,
    tlscert: `${FOLDER}\\certs.d\\server-cert.pem`,
    tlskey: `${FOLDER}\\certs.d\\server-key.pem`,
  }
  return `${JSON.stringify(settings, null, 2)}\n`
}

const README = `TLS for Docker on Windows, so that xscontainer on the XenServer or XCP-ng host can monitor it.

As administrator, in PowerShell (replace D: by the letter of this disc):

  powershell -ExecutionPolicy Bypass -File D:\\install.ps1

It can be run again at any time. The disc holds the engine's private key: it is taken out of the drive and destroyed as
soon as the engine answers.
`
