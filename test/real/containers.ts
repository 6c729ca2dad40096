import { engineJson, engineRequest } from './engine-http.ts'
import { waitUntil } from './wait-until.ts'

/** What `run` and `create` make a container with; all but the name has a default. */
export interface ContainerSpec {
  readonly name: string
  /** Default: sleeps until it is stopped, and then ends at once with code 0. */
  readonly cmd?: readonly string[]
  /** As `docker run -p`: `[address:]hostPort:containerPort[/udp]`. */
  readonly ports?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** Shell command of a health check that runs every second, two failures make it unhealthy. Docker only. */
  readonly health?: string
  /** `none`, `host`, `bridge` or a network's name. */
  readonly network?: string
  readonly env?: readonly string[]
  readonly restart?: 'no' | 'always' | 'on-failure'
  /** Image name; default the imported `busybox:test`. */
  readonly image?: string
}

/** The members of a list entry that tests look at; the engine sends more. */
export interface ListedContainer {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Image: string
  readonly Command: string
  readonly Created: number
  readonly State: string
  readonly Status: string
  readonly Labels: Readonly<Record<string, string>>
  readonly Ports: readonly { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[]
}

const untilStopped = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done']

/** Containers of one engine, driven through its own API; what a person at the guest would do with the docker CLI. */
export class Containers {
  readonly #socket: string
  readonly #cgroup: string

  /** `socket`: the engine's socket on the host; `cgroup`: the guest's cgroup, so that its end removes it. */
  constructor(socket: string, cgroup: string) {
    this.#socket = socket
    this.#cgroup = cgroup
  }

  /** Creates without starting; gives the full id. */
  async create(spec: ContainerSpec): Promise<string> {
    const query = new URLSearchParams({ name: spec.name })
    const made = await engineJson<{ Id: string }>(this.#socket, 'POST', `/containers/create?${query.toString()}`, {
      Image: spec.image ?? 'busybox:test',
      Cmd: spec.cmd ?? untilStopped,
      Env: spec.env ?? [],
      Labels: spec.labels ?? {},
      ExposedPorts: Object.fromEntries((spec.ports ?? []).map((port) => [parsePort(port).inside, {}])),
      ...(spec.health !== undefined && {
        Healthcheck: { Test: ['CMD-SHELL', spec.health], Interval: 1e9, Timeout: 5e9, Retries: 2 },
      }),
      HostConfig: {
        CgroupParent: `/${this.#cgroup}`,
        PortBindings: portBindings(spec.ports ?? []),
        RestartPolicy: { Name: spec.restart ?? 'no' },
        ...(spec.network !== undefined && { NetworkMode: spec.network }),
      },
    })
    return made.Id
  }

  /** As `docker run -d`; gives the full id. */
  async run(spec: ContainerSpec): Promise<string> {
    const id = await this.create(spec)
    await this.start(id)
    return id
  }

  start = (idOrName: string): Promise<void> => this.#act(idOrName, 'start')
  /** SIGTERM, and after `seconds` SIGKILL. */
  stop = (idOrName: string, seconds = 10): Promise<void> => this.#act(idOrName, `stop?t=${seconds}`)
  restart = (idOrName: string): Promise<void> => this.#act(idOrName, 'restart?t=1')
  kill = (idOrName: string, signal = 'SIGKILL'): Promise<void> => this.#act(idOrName, `kill?signal=${signal}`)
  pause = (idOrName: string): Promise<void> => this.#act(idOrName, 'pause')
  unpause = (idOrName: string): Promise<void> => this.#act(idOrName, 'unpause')
  rename = (idOrName: string, name: string): Promise<void> =>
    this.#act(idOrName, `rename?${new URLSearchParams({ name }).toString()}`)

  /** As `docker rm -f -v`. */
  async rm(idOrName: string): Promise<void> {
    await engineRequest(this.#socket, 'DELETE', `/containers/${encodeURIComponent(idOrName)}?force=1&v=1`)
  }

  async rmAll(): Promise<void> {
    await Promise.all((await this.list()).map(({ Id }) => this.rm(Id)))
  }

  /** Running or not, as the engine tells it now. */
  list(): Promise<ListedContainer[]> {
    return engineJson<ListedContainer[]>(this.#socket, 'GET', '/containers/json?all=1')
  }

  async find(name: string): Promise<ListedContainer | undefined> {
    return (await this.list()).find((container) => container.Names.includes(`/${name}`))
  }

  inspect<T>(idOrName: string): Promise<T> {
    return engineJson<T>(this.#socket, 'GET', `/containers/${encodeURIComponent(idOrName)}/json`)
  }

  /** Waits until the engine's own list shows the container as `accept` wants it, and gives that entry. */
  until(name: string, what: string, accept: (container: ListedContainer) => boolean): Promise<ListedContainer> {
    return waitUntil(`container ${name} is ${what}`, async () => {
      const found = await this.find(name)
      return found !== undefined && accept(found) && found
    })
  }

  /** Waits for a health state of a container with a health check: `healthy` or `unhealthy`. */
  untilHealth(name: string, health: 'healthy' | 'unhealthy'): Promise<ListedContainer> {
    return this.until(name, health, ({ Status }) => Status.includes(`(${health})`))
  }

  /** Waits until the container has ended, and gives its exit code. */
  async exitCode(idOrName: string): Promise<number> {
    const path = `/containers/${encodeURIComponent(idOrName)}/wait`
    return (await engineJson<{ StatusCode: number }>(this.#socket, 'POST', path)).StatusCode
  }

  async #act(idOrName: string, action: string): Promise<void> {
    await engineRequest(this.#socket, 'POST', `/containers/${encodeURIComponent(idOrName)}/${action}`)
  }
}

function portBindings(ports: readonly string[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
  for (const { inside, HostIp, HostPort } of ports.map(parsePort)) (bindings[inside] ??= []).push({ HostIp, HostPort })
  return bindings
}

function parsePort(text: string): { inside: string; HostIp: string; HostPort: string } {
  const match = /^(?:([\d.]+):)?(\d+):(\d+)(?:\/(tcp|udp))?$/.exec(text)
  if (match === null) throw new Error(`not a published port: ${text}`)
  const [, address = '', outside = '', inside = '', protocol = 'tcp'] = match
  return { inside: `${inside}/${protocol}`, HostIp: address, HostPort: outside }
}
