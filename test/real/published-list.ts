/** A container as any of the sides tells it, in one form, so that lists can be compared with toEqual. */
export interface Row {
  readonly id: string
  readonly names: string
  readonly image: string
  readonly status: string
  /** As `0.0.0.0:8080->80/tcp`, or `80/tcp` where it is not published; sorted. */
  readonly ports: readonly string[]
}

/** For `docker ps -a --no-trunc --format`, and podman's. */
export const CLI_COLUMNS = '{{.ID}}\t{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Ports}}'

/** What a CLI printed with these columns, by id. */
export function rowsOfCli(output: string): Row[] {
  const lines = output.split('\n').filter((line) => line !== '')
  return sorted(
    lines.map((line) => {
      const [id = '', names = '', image = '', status = '', ports = ''] = line.split('\t')
      return { id, names, image, status: stateOf(status), ports: ports.split(', ').flatMap(expand).sort() }
    }),
  )
}

/** The entries of a `docker_ps` document as a client's parser gives them, by id. */
export function rowsOfDocument(entries: readonly Readonly<Record<string, unknown>>[]): Row[] {
  return sorted(
    entries.map((entry) => ({
      id: String(entry['id']),
      names: String(entry['names']),
      image: String(entry['image']),
      status: String(entry['status']),
      ports: portsOf(entry).map(portText).sort(),
    })),
  )
}

/** The ports of one entry: a parser gives a single one as an object, and none as an empty text. */
export function portsOf(entry: Readonly<Record<string, unknown>>): Readonly<Record<string, string>>[] {
  const ports = entry['ports'] as { item?: Record<string, string> | Record<string, string>[] } | ''
  return ports === '' || ports.item === undefined ? [] : [ports.item].flat()
}

/** The rows without the addresses of their ports, which Podman's list does not tell. */
export function withoutAddresses(rows: readonly Row[]): Row[] {
  return rows.map((row) => ({ ...row, ports: row.ports.map((port) => port.replace(/^.*:(?=\d+->)/, '')).sort() }))
}

/** An engine's status as contract and clients know it, told by rules of its own and not by those under test. */
export function stateOf(status: string): string {
  if (status.startsWith('Up')) return status.includes('(Paused)') ? 'Up (Paused)' : 'Up'
  if (status.startsWith('Paused')) return 'Up (Paused)'
  return /^(?:(?:Exited|Restarting) \(\d+\)|Created|Dead|Removal In Progress)/.exec(status)?.[0] ?? `? ${status}`
}

function portText(port: Readonly<Record<string, string>>): string {
  const inside = `${port['PrivatePort']}/${port['Type']}`
  if (port['PublicPort'] === undefined) return inside
  const at = port['IP'] === undefined ? '' : `${port['IP']}:`
  return `${at}${port['PublicPort']}->${inside}`
}

/** A CLI writes neighbours as one range, as `0.0.0.0:8000-8001->80-81/tcp`, and IPv6 in brackets or bare. */
function expand(text: string): string[] {
  const match = /^(?:\[?([^\]]*?)\]?:(\d+)(?:-(\d+))?->)?(\d+)(?:-(\d+))?\/(\w+)$/.exec(text)
  if (match === null) return text === '' ? [] : [`? ${text}`]
  const [, at = '', outside, , first = '', last = first, type = ''] = match
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => {
    const inside = `${Number(first) + i}/${type}`
    return outside === undefined ? inside : `${at}:${Number(outside) + i}->${inside}`
  })
}

function sorted(rows: Row[]): Row[] {
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1))
}
