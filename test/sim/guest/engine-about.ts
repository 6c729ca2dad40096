import { compareApi, type Flavour } from './engine-flavour.ts'
import type { SimContainer } from './sim-container.ts'

type Json = Record<string, unknown>

const KERNEL = '6.1.0-18-amd64'

/** The /version document. Docker 1.12 has neither Platform nor Components. */
export function versionDocument(flavour: Flavour): Json {
  const { version, api, minApi, goVersion } = flavour
  const os = flavour.windows ? 'windows' : 'linux'
  const base: Json = {
    Version: version,
    ApiVersion: api,
    GitCommit: '5d6db84',
    GoVersion: goVersion,
    Os: os,
    Arch: 'amd64',
    KernelVersion: KERNEL,
    BuildTime: '2025-05-07T21:09:36.000000000+00:00',
  }
  if (compareApi(api, '1.25') < 0) return base
  const podman = flavour.product === 'podman'
  const details = podman
    ? { APIVersion: version, MinAPIVersion: '4.0.0', GoVersion: goVersion, Os: os, Arch: 'amd64' }
    : { ApiVersion: api, MinAPIVersion: minApi, GoVersion: goVersion, Os: os, Arch: 'amd64' }
  return {
    Platform: { Name: podman ? 'linux/amd64/debian-12' : 'Docker Engine - Community' },
    Components: [{ Name: podman ? 'Podman Engine' : 'Engine', Version: version, Details: details }],
    ...base,
    MinAPIVersion: minApi,
  }
}

/** Figures of the engine's inside that change with every call to /info. */
export interface Volatile {
  readonly nowMs: number
  readonly connections: number
  readonly eventStreams: number
}

/** The /info document. */
export function infoDocument(name: string, flavour: Flavour, all: readonly SimContainer[], now: Volatile): Json {
  const inState = (...states: string[]) => all.filter((container) => states.includes(container.live.state)).length
  return {
    ID: 'BVN6:7D5H:ZZTX:OCS5:FNDS:DEFN:NGTF:EFSP:LXKM:VTHE:QXEI:PCG2',
    Containers: all.length,
    ContainersRunning: inState('running', 'restarting'),
    ContainersPaused: inState('paused'),
    ContainersStopped: inState('created', 'exited', 'dead'),
    Images: new Set(all.map((container) => container.image)).size,
    Driver: flavour.windows ? 'windowsfilter' : 'overlay2',
    DriverStatus: [
      ['Backing Filesystem', 'extfs'],
      ['Supports d_type', 'true'],
    ],
    Plugins: { Volume: ['local'], Network: ['bridge', 'host', 'null'], Authorization: null, Log: ['json-file'] },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    IPv4Forwarding: true,
    Debug: false,
    NFd: 20 + now.connections,
    OomKillDisable: true,
    NGoroutines: 40 + 3 * now.connections,
    SystemTime: new Date(now.nowMs).toISOString(),
    LoggingDriver: 'json-file',
    CgroupDriver: 'systemd',
    NEventsListener: now.eventStreams,
    KernelVersion: KERNEL,
    OperatingSystem: flavour.windows ? 'Windows Server 2019 Datacenter' : 'Debian GNU/Linux 12 (bookworm)',
    OSType: flavour.windows ? 'windows' : 'linux',
    Architecture: 'x86_64',
    IndexServerAddress: 'https://index.docker.io/v1/',
    NCPU: 2,
    MemTotal: 4_294_967_296,
    DockerRootDir: flavour.windows ? 'C:\\ProgramData\\docker' : '/var/lib/docker',
    Name: name,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: flavour.version,
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '' },
    LiveRestoreEnabled: false,
    SecurityOptions: ['name=seccomp,profile=builtin'],
    Warnings: null,
  }
}
