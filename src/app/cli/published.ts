import sax from 'sax'
import { KEY } from '../../model/fields.ts'
import type { ListedVm } from '../../operations/list-document.ts'
import { readContainers } from './containers.ts'
import type { CliVm } from './vms.ts'

/** What the monitor of a VM's host would tell of it, as far as it has published that in VM.other_config. */
export function publishedVm({ uuid, name, powerState, otherConfig }: CliVm): ListedVm {
  const status = otherConfig[KEY.status] ?? null
  const [, state, since] = /^(connecting|monitored|failed) since ([^ :]+:\d\d:\d\dZ?)/.exec(status ?? '') ?? []
  const version = otherConfig[KEY.version]
  return {
    uuid,
    name,
    power_state: powerState,
    state: (state as ListedVm['state']) ?? null,
    since: since ?? null,
    status,
    engine: version === undefined ? null : engineOf(version),
    list_age_ms: null,
    reconnects: 0,
    writes: 0,
    containers: readContainers(otherConfig[KEY.ps] ?? ''),
  }
}

/** Product and version in a `docker_version` document, such as `Docker 29.0.1`. */
function engineOf(xml: string): string | null {
  const path: string[] = []
  let version = ''
  let podman = false
  const parser = sax.parser(true)
  parser.onopentag = ({ name }) => void path.push(name)
  parser.onclosetag = () => void path.pop()
  parser.ontext = parser.oncdata = (text: string) => {
    const at = path.join('/')
    if (at === 'docker_version/Version') version += text
    if (at === 'docker_version/Components/item/Name' && /podman/i.test(text)) podman = true
  }
  parser.onerror = () => parser.resume()
  parser.write(xml).close()
  return version === '' ? null : `${podman ? 'Podman' : 'Docker'} ${version.trim()}`
}
