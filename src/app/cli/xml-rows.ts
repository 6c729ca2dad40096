import sax from 'sax'

/** A process of a `docker_top` document. */
export interface ProcessOf {
  /** Short id and name of its container; empty where the document is about one container only. */
  readonly container: string
  readonly names: string
  /** By the engine's titles, in their order. */
  readonly columns: ReadonlyMap<string, string>
}

const ENCODED = 'SPECIAL_XS_ENCODED_ELEMENT'
const PROCESS = /^docker_top\/item\/(?:processes\/item\/)?Process$/

/** The processes of a `docker_top` document, flat or by container; what is not understood is left out. Never throws. */
export function readProcesses(xml: string): ProcessOf[] {
  const found: ProcessOf[] = []
  const path: string[] = []
  let text = ''
  let columns = new Map<string, string>()
  let item = { container: '', names: '' }
  const parser = sax.parser(true)
  parser.ontext = parser.oncdata = (chunk: string) => void (text += chunk)
  parser.onopentag = ({ name, attributes }) => {
    const encoded = attributes['name']
    path.push(name === ENCODED && typeof encoded === 'string' ? encoded : name)
    const at = path.join('/')
    if (at === 'docker_top/item') item = { container: '', names: '' }
    if (PROCESS.test(at)) columns = new Map()
    text = ''
  }
  parser.onclosetag = () => {
    const name = path.pop() ?? ''
    const parent = path.join('/')
    if (PROCESS.test(parent)) columns.set(name, text)
    else if (parent === 'docker_top/item' && (name === 'container' || name === 'names')) item[name] = text
    else if (PROCESS.test([...path, name].join('/'))) found.push({ ...item, columns })
    text = ''
  }
  parser.onerror = () => parser.resume()
  parser.write(xml).close()
  return found
}
