/** Which engine is simulated: everything in which real engines differ, by name. Values read from real engines. */
export interface Flavour {
  readonly name: string
  readonly product: 'docker' | 'podman'
  readonly version: string
  readonly api: string
  readonly minApi: string
  readonly goVersion: string
  /** Docker answers with these since 1.13; Podman adds its own. */
  readonly headers: Readonly<Record<string, string>>
  /** The members of an event: `old` status/id/from beside Type/Action/Actor; `by-version`: only asked below API 1.52. */
  readonly events: 'old' | 'by-version'
  /** Word for the end of a container: Podman says `died`. */
  readonly dieAction: 'die' | 'died'
  /** Podman may send no response headers on /events until there is something to tell. */
  readonly eventHeadersLate: boolean
  /** The list carries `Health` since API 1.52; older Docker tells it in Status only, Podman not at all. */
  readonly healthInList: 'member' | 'status' | 'none'
  /** Status of "is not running": 500 before Docker 1.13 and on Podman, 409 since. */
  readonly conflict: 409 | 500
  readonly windows: boolean
  /** Milliseconds between an event and the list that shows it; measured on Docker 20.10. */
  readonly listLagMs: Readonly<Record<string, number>>
}

const DOCKER_LAG = { pause: 13, unpause: 13, die: 106 }

function docker(name: string, version: string, api: string, minApi: string, change: Partial<Flavour> = {}): Flavour {
  return {
    name,
    product: 'docker',
    version,
    api,
    minApi,
    goVersion: 'go1.24.9',
    headers: {
      'Api-Version': api,
      'Docker-Experimental': 'false',
      Ostype: 'linux',
      Server: `Docker/${version} (linux)`,
    },
    events: 'old',
    dieAction: 'die',
    eventHeadersLate: false,
    healthInList: 'status',
    conflict: 409,
    windows: false,
    listLagMs: DOCKER_LAG,
    ...change,
  }
}

function podman(name: string, version: string): Flavour {
  return docker(name, version, '1.41', '1.24', {
    product: 'podman',
    headers: { 'Api-Version': '1.41', 'Libpod-Api-Version': version, Server: `Libpod/${version} (linux)` },
    dieAction: 'died',
    eventHeadersLate: true,
    healthInList: 'none',
    conflict: 500,
    listLagMs: {},
  })
}

/** Docker 1.12 sends no Api-Version header and no Components. */
const docker112 = docker('docker-1.12', '1.12.6', '1.24', '1.12', {
  goVersion: 'go1.6.4',
  headers: { Server: 'Docker/1.12.6 (linux)' },
  conflict: 500,
})

export const FLAVOURS = {
  'docker-1.12': docker112,
  'docker-20.10': docker('docker-20.10', '20.10.24', '1.41', '1.12', { goVersion: 'go1.19.8' }),
  'docker-29': docker('docker-29', '29.1.2', '1.52', '1.44', { events: 'by-version', healthInList: 'member' }),
  'podman-4': podman('podman-4', '4.3.1'),
  'podman-5': podman('podman-5', '5.6.0'),
  'docker-windows': docker('docker-windows', '20.10.9', '1.41', '1.24', {
    windows: true,
    headers: {
      'Api-Version': '1.41',
      'Docker-Experimental': 'false',
      Ostype: 'windows',
      Server: 'Docker/20.10.9 (windows)',
    },
  }),
} as const satisfies Record<string, Flavour>

export type FlavourName = keyof typeof FLAVOURS

/** Compares `1.24` with `1.9` as versions: negative, zero or positive. */
export function compareApi(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA - majorB || minorA - minorB
}
