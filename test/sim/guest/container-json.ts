import type { Flavour } from './engine-flavour.ts'
import type { Phase, SimContainer, SimPort } from './sim-container.ts'

type Json = Record<string, unknown>

/** One entry of /containers/json with the members, and in the order, that real engines send. */
export function listEntry(container: SimContainer, flavour: Flavour, api: string, now: number): Json {
  const { spec } = container
  const entry: Json = {
    Id: container.id,
    Names: container.names,
    Image: container.image,
    ImageID: `sha256:${container.id.split('').reverse().join('')}`,
    Command: container.command,
    Created: Math.floor(container.createdMs / 1000),
    Ports: portList(spec.ports ?? [], container.listed),
    Labels: spec.labels ?? {},
    State: container.listed.state,
    Status: statusText(container.listed, flavour, now),
  }
  const mounts = (spec.mounts ?? []).map(mountEntry)
  if (flavour.product === 'podman') {
    const rest = { Name: '', Config: null, NetworkingConfig: null, Platform: null, AdjustCPUShares: false }
    return { ...entry, NetworkSettings: { Networks: networks(container) }, Mounts: mounts, ...rest }
  }
  const mode = Object.keys(spec.networks ?? {})[0] ?? (api === '1.52' ? 'bridge' : 'default')
  entry['HostConfig'] = { NetworkMode: mode }
  entry['NetworkSettings'] = { Networks: networks(container) }
  if (flavour.healthInList === 'member' && api === flavour.api) {
    entry['Health'] = { Status: container.listed.health ?? 'none', FailingStreak: 0 }
  }
  return { ...entry, Mounts: mounts }
}

/** The members of /containers/{id}/json that tools read. Shows the truth, even while the list lags. */
export function inspectEntry(container: SimContainer, flavour: Flavour): Json {
  const { live, spec } = container
  const running = live.state === 'running' || live.state === 'paused' || live.state === 'restarting'
  const [path = '', ...args] = container.command.split(' ')
  const state: Json = {
    Status: live.state,
    Running: running,
    Paused: live.state === 'paused',
    Restarting: live.state === 'restarting',
    OOMKilled: false,
    Dead: live.state === 'dead',
    Pid: running ? (container.processes[0]?.pid ?? 0) : 0,
    ExitCode: live.exitCode,
    Error: '',
    StartedAt: goTime(live.startedMs),
    FinishedAt: goTime(live.finishedMs),
  }
  if (live.health) state['Health'] = { Status: live.health, FailingStreak: 0, Log: [] }
  return {
    Id: container.id,
    Created: goTime(container.createdMs),
    Path: path,
    Args: args,
    State: state,
    Image: `sha256:${container.id.split('').reverse().join('')}`,
    Name: container.names[0] ?? '',
    RestartCount: container.restarts,
    Driver: 'overlay2',
    Platform: flavour.windows ? 'windows' : 'linux',
    ExecIDs: null,
    HostConfig: { NetworkMode: 'default', RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, AutoRemove: false },
    Mounts: (spec.mounts ?? []).map(mountEntry),
    Config: {
      Hostname: container.id.slice(0, 12),
      User: '',
      Tty: spec.tty ?? false,
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: [path, ...args],
      Image: container.image,
      Labels: spec.labels ?? {},
    },
    NetworkSettings: { Ports: portMap(spec.ports ?? []), Networks: networks(container) },
  }
}

/** The Status text of the list: `Up 3 minutes (healthy)`, `Exited (137) 2 hours ago`, `Up 5 seconds (Paused)`. */
export function statusText(phase: Phase, flavour: Flavour, now: number): string {
  const up = `Up ${ago(now - phase.startedMs)}`
  switch (phase.state) {
    case 'created':
      return 'Created'
    case 'running': {
      if (!phase.health || flavour.healthInList === 'none') return up
      return `${up} (${phase.health === 'starting' ? 'health: starting' : phase.health})`
    }
    case 'paused':
      return `${up} (Paused)`
    case 'restarting':
      return `Restarting (${phase.exitCode}) ${ago(now - phase.finishedMs)} ago`
    case 'exited':
      return `Exited (${phase.exitCode}) ${ago(now - phase.finishedMs)} ago`
    case 'dead':
      return 'Dead'
  }
}

/** Upper bound in hours, and how many hours make one of the unit. */
const LONG_UNITS: readonly (readonly [number, number, string])[] = [
  [48, 1, 'hours'],
  [24 * 14, 24, 'days'],
  [24 * 60, 24 * 7, 'weeks'],
  [24 * 730, 24 * 30, 'months'],
  [Infinity, 24 * 365, 'years'],
]

/** A duration as engines word it: `Less than a second`, `5 seconds`, `About a minute`, `About an hour`, `2 weeks`. */
export function ago(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  const minutes = Math.floor(seconds / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.floor(seconds / 3600 + 0.5)
  if (hours === 1) return 'About an hour'
  const [, size, word] = LONG_UNITS.find(([below]) => hours < below)!
  return `${Math.floor(hours / size)} ${word}`
}

function goTime(ms: number): string {
  return ms === 0 ? '0001-01-01T00:00:00Z' : new Date(ms).toISOString().replace('Z', '000000Z')
}

function portList(ports: readonly SimPort[], phase: Phase): Json[] {
  if (phase.state !== 'running' && phase.state !== 'paused') return []
  return ports.map((port) => ({
    ...(port.publicPort === undefined ? {} : { IP: port.ip ?? '0.0.0.0' }),
    PrivatePort: port.privatePort,
    ...(port.publicPort === undefined ? {} : { PublicPort: port.publicPort }),
    Type: port.type ?? 'tcp',
  }))
}

function portMap(ports: readonly SimPort[]): Json {
  const map: Record<string, Json[] | null> = {}
  for (const port of ports) {
    const key = `${port.privatePort}/${port.type ?? 'tcp'}`
    const binding = { HostIp: port.ip ?? '0.0.0.0', HostPort: String(port.publicPort) }
    map[key] = port.publicPort === undefined ? (map[key] ?? null) : [...(map[key] ?? []), binding]
  }
  return map
}

function networks(container: SimContainer): Json {
  const named = Object.entries(container.spec.networks ?? { bridge: '172.17.0.2' })
  const on = container.listed.state === 'running' || container.listed.state === 'paused'
  return Object.fromEntries(named.map(([name, ip]) => [name, networkEntry(container.id, on ? ip : '')]))
}

function networkEntry(id: string, ip: string): Json {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    NetworkID: id,
    EndpointID: ip ? id : '',
    Gateway: ip ? '172.17.0.1' : '',
    IPAddress: ip,
    IPPrefixLen: ip ? 16 : 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    MacAddress: ip ? '02:42:ac:11:00:02' : '',
    DriverOpts: null,
  }
}

function mountEntry(mount: NonNullable<SimContainer['spec']['mounts']>[number]): Json {
  const rw = mount.rw ?? true
  return {
    Type: mount.type ?? 'bind',
    ...(mount.name === undefined ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.type === 'volume' ? { Driver: 'local' } : {}),
    Mode: rw ? '' : 'ro',
    RW: rw,
    Propagation: mount.type === 'volume' ? '' : 'rprivate',
  }
}
