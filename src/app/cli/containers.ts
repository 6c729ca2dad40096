import sax from 'sax'

/** One container as `docker_ps` tells it. */
export interface Container {
  readonly id: string
  readonly container: string
  readonly names: string
  readonly image: string
  readonly command: string
  readonly status: string
  /** Unix seconds. */
  readonly created: number
  readonly ports: readonly Port[]
}

export interface Port {
  readonly IP?: string
  readonly PrivatePort?: string
  readonly PublicPort?: string
  readonly Type?: string
}

/** The containers in a `docker_ps` document; what is not understood is left out. Never throws. */
export function readContainers(xml: string): Container[] {
  const containers: Container[] = []
  const path: string[] = []
  let members: Record<string, string> = {}
  let ports: Record<string, string>[] = []
  let text = ''
  const parser = sax.parser(true)
  const take = (chunk: string) => (text += chunk)
  parser.ontext = take
  parser.oncdata = take
  parser.onopentag = ({ name }) => {
    path.push(name)
    text = ''
    const at = path.join('/')
    if (at === ENTRY) [members, ports] = [{}, []]
    if (at === PORT) ports.push({})
  }
  parser.onclosetag = (name) => {
    const parent = path.slice(0, -1).join('/')
    if (parent === ENTRY) members[name] = text
    else if (parent === PORT) ports.at(-1)![name] = text
    else if (path.join('/') === ENTRY) containers.push(containerOf(members, ports))
    path.pop()
    text = ''
  }
  parser.onerror = () => parser.resume()
  parser.write(xml).close()
  return containers
}

const ENTRY = 'docker_ps/item/entry'
const PORT = `${ENTRY}/ports/item`

function containerOf(members: Readonly<Record<string, string>>, ports: readonly Port[]): Container {
  const { id = '', container = '', names = '', image = '', command = '', status = '', created = '' } = members
  return { id, container, names, image, command, status, created: Number(created) || 0, ports }
}
