import type { VerbSpec } from './verb.ts'

const JSON_OPTION = { json: { type: 'boolean' } } as const
const POOL = { pool: { type: 'boolean' } } as const
const USER = { user: { type: 'string', short: 'u' } } as const

/** Everything that can stand after `xscontainer`, in the order of the help. */
export const VERBS: Readonly<Record<string, VerbSpec>> = {
  status: {
    synopsis: 'status [--pool] [--json]',
    summary: 'one line per VM: whether it is monitored, its engine, how fresh its list is, or why not',
    options: { ...POOL, ...JSON_OPTION },
    least: 0,
    most: 0,
    load: async () => (await import('./status.ts')).status,
  },
  ps: {
    synopsis: 'ps [VM] [-a] [--pool] [--json]',
    summary: 'the running containers of all monitored VMs of this host, or of one VM',
    options: { all: { type: 'boolean', short: 'a' }, ...POOL, ...JSON_OPTION },
    least: 0,
    most: 1,
    load: async () => (await import('./ps.ts')).ps,
  },
  top: {
    synopsis: 'top VM [CONTAINER] [--json]',
    summary: 'the processes of a container, or of all containers of a VM by CPU',
    options: JSON_OPTION,
    least: 1,
    most: 2,
    load: async () => (await import('./top.ts')).top,
  },
  inspect: {
    synopsis: 'inspect VM CONTAINER...',
    summary: 'all that the engine tells of containers, as JSON',
    options: JSON_OPTION,
    least: 2,
    most: 100,
    load: async () => (await import('./inspect.ts')).inspect,
  },
  logs: {
    synopsis: 'logs VM CONTAINER [-f] [-n N] [--since TIME]',
    summary: 'what a container has printed last',
    options: {
      follow: { type: 'boolean', short: 'f' },
      tail: { type: 'string', short: 'n' },
      since: { type: 'string' },
    },
    least: 2,
    most: 2,
    load: async () => (await import('./logs.ts')).logs,
  },
  stats: {
    synopsis: 'stats VM [CONTAINER] [--json]',
    summary: 'CPU, memory, network and disk of containers, at this moment',
    options: JSON_OPTION,
    least: 1,
    most: 2,
    load: async () => (await import('./stats.ts')).stats,
  },
  ...Object.fromEntries(
    (['start', 'stop', 'restart', 'pause', 'unpause'] as const).map((verb): [string, VerbSpec] => [
      verb,
      {
        synopsis: `${verb} VM CONTAINER...`,
        summary: `${verb} containers`,
        options: {},
        least: 2,
        most: 100,
        load: async () => (await import('./lifecycle.ts')).lifecycle(verb),
      },
    ]),
  ),
  exec: {
    synopsis: 'exec [-it] [-u USER] VM CONTAINER COMMAND...',
    summary: 'run a command in a container; its exit code becomes ours',
    options: { interactive: { type: 'boolean', short: 'i' }, tty: { type: 'boolean', short: 't' }, ...USER },
    least: 2,
    most: 2,
    commandAfter: 2,
    load: async () => (await import('./exec.ts')).exec,
  },
  console: {
    synopsis: 'console [-u USER] VM CONTAINER',
    summary: 'a shell in a container, on this terminal',
    options: USER,
    least: 2,
    most: 2,
    load: async () => (await import('./console.ts')).console,
  },
  ...Object.fromEntries(
    (['register', 'deregister'] as const).map((verb): [string, VerbSpec] => [
      verb,
      {
        synopsis: `${verb} VM`,
        summary: verb === 'register' ? 'have a VM monitored' : 'have a VM monitored no more; what was published goes',
        options: {},
        least: 1,
        most: 1,
        load: async () => (await import('./register.ts')).register(verb),
      },
    ]),
  ),
  'prepare-vm': {
    synopsis: 'prepare-vm VM [-u USER] [--identity FILE | --password-file FILE] [--yes] [--dry-run | --undo | --print]',
    summary: "install the pool's key in a VM, prove that it works, and register the VM; or take that back",
    options: {
      ...{ username: { type: 'string', short: 'u' }, mode: { type: 'string' } },
      ...{ identity: { type: 'string', short: 'i' }, 'password-file': { type: 'string' } },
      ...{ yes: { type: 'boolean', short: 'y' }, 'dry-run': { type: 'boolean' }, undo: { type: 'boolean' } },
      ...{ print: { type: 'boolean' }, restrict: { type: 'boolean' }, sudo: { type: 'boolean' } },
      ...{ 'client-cert': { type: 'string' }, 'client-key': { type: 'string' }, 'ca-cert': { type: 'string' } },
      ...{ 'generate-certs': { type: 'boolean' }, sr: { type: 'string' } },
    },
    least: 0,
    most: 1,
    load: async () => (await import('./prepare-vm.ts')).prepareVm,
  },
  tls: {
    synopsis: 'tls renew VM [--client-cert FILE --client-key FILE --ca-cert FILE] [--sr SR] [--yes]',
    summary: 'other certificates for a VM in mode tls: new ones, or the given ones',
    options: {
      ...{ 'client-cert': { type: 'string' }, 'client-key': { type: 'string' }, 'ca-cert': { type: 'string' } },
      ...{ sr: { type: 'string' }, yes: { type: 'boolean', short: 'y' } },
    },
    least: 1,
    most: 2,
    load: async () => (await import('./tls.ts')).tls,
  },
  watch: {
    synopsis: 'watch [VM]',
    summary: 'a live screen of VMs and containers, the busiest first',
    options: {},
    least: 0,
    most: 1,
    load: async () => (await import('./watch.ts')).watch,
  },
  'config-drive': {
    synopsis: 'config-drive create VM --sr SR [--file F] | show VM | default',
    summary: 'what a VM becomes at its first boot: a drive for cloud-init or Ignition',
    options: { sr: { type: 'string' }, file: { type: 'string' } },
    least: 1,
    most: 2,
    load: async () => (await import('./config-drive.ts')).configDrive,
  },
  template: {
    synopsis: 'template install|remove|status',
    summary: "the pool's template CoreOS, for which clients show their cloud-config page",
    options: {},
    least: 1,
    most: 1,
    load: async () => (await import('./template.ts')).template,
  },
  key: {
    synopsis: 'key show|status|rotate [--restrict] [--forget VM] [--finish] [--next] [--json]',
    summary: "the pool's SSH key: print its public half, tell how its change stands, or change it in all guests",
    options: {
      restrict: { type: 'boolean' },
      forget: { type: 'string' },
      finish: { type: 'boolean' },
      next: { type: 'boolean' },
      ...JSON_OPTION,
    },
    least: 1,
    most: 1,
    load: async () => (await import('./key.ts')).key,
  },
  log: {
    synopsis: 'log [-n N] [--level LEVEL]',
    summary: "the end of the monitor's log on this host, for people",
    options: { tail: { type: 'string', short: 'n' }, level: { type: 'string' } },
    least: 0,
    most: 0,
    load: async () => (await import('./log.ts')).log,
  },
  purge: {
    synopsis: 'purge [--published] [--yes]',
    summary: 'take all that xscontainer keeps in the pool away, before it is removed from the hosts',
    options: { published: { type: 'boolean' }, yes: { type: 'boolean', short: 'y' } },
    least: 0,
    most: 0,
    load: async () => (await import('./purge.ts')).purge,
  },
  doctor: {
    synopsis: 'doctor [VM] [--json]',
    summary: 'walk the way to a VM step by step and say where it ends; without VM: this host',
    options: JSON_OPTION,
    least: 0,
    most: 1,
    load: async () => (await import('./doctor.ts')).doctor,
  },
}

/** The verb's own entry, never what every object has. */
export function verbNamed(name: string): VerbSpec | undefined {
  return Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
}
