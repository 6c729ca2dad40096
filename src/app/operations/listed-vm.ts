import type { Clock } from '../../base/clock.ts'
import type { ContainerEntry } from '../../documents/container-entry.ts'
import type { Members } from '../../documents/members.ts'
import { KEY } from '../../model/fields.ts'
import type { VmRecord } from '../../model/vm.ts'
import { statusLine, type SessionState } from '../../monitor/session-machine.ts'
import type { ContainerList } from '../../observations/ps.ts'
import type { ListedContainer, ListedVm } from '../../operations/list-document.ts'
import type { LastList } from '../../monitor/guest-watch.ts'
import type { LinkFacts } from '../../model/guest.ts'
import { expiryWarning, firstToEnd } from '../tls/certificate-warnings.ts'

/** What of a monitored guest is listed. */
export interface ListableGuest {
  readonly state: SessionState
  readonly reconnects: number
  readonly lastList: LastList | undefined
  readonly held:
    | {
        readonly facts: LinkFacts
        readonly engine: { readonly product: 'docker' | 'podman'; readonly apiVersion: string }
        readonly watch: { valueOf(key: string): unknown }
      }
    | undefined
}

/** One VM as the daemon knows it. */
export function listedVm(
  vm: VmRecord,
  guest: ListableGuest | undefined,
  writes: number,
  clock: Pick<Clock, 'now' | 'monotonic'>,
): ListedVm {
  const { uuid, name, powerState: power_state } = vm
  const { state, held, lastList } = guest ?? {}
  const until = firstToEnd(held?.facts.certificates)
  return {
    uuid,
    name,
    power_state,
    state: state?.at ?? null,
    since: state === undefined ? null : isoTime(state.sinceMs),
    status: state === undefined ? (vm.otherConfig[KEY.status] ?? null) : statusLine(state),
    kind: state?.diagnosis?.kind ?? null,
    cause: state?.diagnosis?.cause ?? null,
    cure: state?.diagnosis?.cure ?? null,
    address: held?.facts.address ?? null,
    transport: held?.facts.rung ?? null,
    socket: held?.facts.socketPath ?? null,
    certificates_until: until === undefined ? null : isoTime(until.endsMs),
    warning: expiryWarning(held?.facts.certificates, clock.now()) ?? null,
    engine: held === undefined ? null : engineName(held.engine.product, held.watch.valueOf(KEY.version)),
    api_version: held?.engine.apiVersion ?? null,
    list_age_ms: lastList === undefined ? null : Math.round(clock.monotonic() - lastList.at),
    reconnects: guest?.reconnects ?? 0,
    writes,
    containers: entriesOf(lastList?.value).map(listedContainer),
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Such as `Docker 29.0.1`. */
function engineName(product: 'docker' | 'podman', document: unknown): string {
  const name = product === 'podman' ? 'Podman' : 'Docker'
  const xml = (document as Members | undefined)?.elements.get('Version') ?? ''
  const version = /^<Version>([^<&]{1,40})<\/Version>$/.exec(xml)?.[1]
  return version === undefined ? name : `${name} ${version}`
}

function entriesOf(list: unknown): readonly ContainerEntry[] {
  return (list as ContainerList | undefined)?.entries ?? []
}

function listedContainer(entry: ContainerEntry): ListedContainer {
  const { id, container, names, image, command, status, state, created, ports } = entry
  const texts = ports.map((port) =>
    Object.fromEntries(Object.entries(port).map(([key, value]) => [key, String(value)])),
  )
  return { id, container, names, image, command, status, state: state ?? null, created, ports: texts }
}
