import sax from 'sax'
import type { ListedContainer, ListedPort } from '../../operations/list-document.ts'

/** The containers in a `docker_ps` document; what is not understood is left out. Never throws. */
export function readContainers(xml: string): ListedContainer[] {
  const containers: ListedContainer[] = []
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

function containerOf(members: Readonly<Record<string, string>>, ports: readonly ListedPort[]): ListedContainer {
  const { id = '', container = '', names = '', image = '', command = '', status = '', created = '' } = members
  return { id, container, names, image, command, status, created: Number(created) || 0, ports }
}
