import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A part of the real world a test needs on this machine. */
export type RealPart = 'sshd' | 'dockerd' | 'podman' | 'cloudInit' | 'isoTools' | 'shells'

export interface RealParts {
  readonly sshd: boolean
  readonly dockerd: boolean
  readonly podman: boolean
  readonly cloudInit: boolean
  readonly isoTools: boolean
  readonly shells: boolean
  /** Why a part is missing, for whoever reads the test report. */
  readonly reason?: string
}

/** What the box of a guest is made with, whatever runs in it. */
const boxPrograms = ['unshare', 'nsenter', 'ip', 'useradd']

const programsOf: Record<RealPart, readonly string[]> = {
  sshd: ['sshd'],
  dockerd: ['dockerd', 'containerd', 'iptables', 'busybox'],
  podman: ['podman', 'conmon', 'busybox'],
  cloudInit: ['cloud-init', 'bsdtar'],
  isoTools: ['isoinfo', 'genisoimage', 'xorriso', 'bsdtar'],
  shells: ['fish', 'tcsh', 'sudo'],
}

const searchPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** The full path of a program, also when the caller's PATH leaves out the sbin folders; undefined when not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...searchPath, ...(process.env['PATH'] ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/** Which of the real parts can be started here: needs root and the programs that scripts/install-test-parts.sh installs. */
export function realParts(): RealParts {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    const none = { sshd: false, dockerd: false, podman: false, cloudInit: false, isoTools: false, shells: false }
    return { ...none, reason: 'real sshd, dockerd and podman need root on Linux' }
  }
  const missing = (programs: readonly string[]) => programs.filter((program) => findProgram(program) === undefined)
  const noBox = missing(boxPrograms)
  const has = (part: RealPart) => noBox.length === 0 && missing(programsOf[part]).length === 0
  const lacking = [...new Set([...noBox, ...missing(Object.values(programsOf).flat())])]
  return {
    sshd: has('sshd'),
    dockerd: has('dockerd'),
    podman: has('podman'),
    cloudInit: has('cloudInit'),
    isoTools: has('isoTools'),
    shells: has('shells'),
    ...(lacking.length > 0 && { reason: `not installed: ${lacking.join(', ')} (run scripts/install-test-parts.sh)` }),
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
