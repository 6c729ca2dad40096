import type { Database } from './database.ts'
import { isoDate } from './iso-date.ts'
import type { Row } from './row.ts'
import { makeVm } from './vm-factory.ts'
import type { Value } from './xapi-types.ts'

/** Refs of what a new pool consists of. */
export interface PoolObjects {
  readonly pool: string
  readonly network: string
  readonly internalNetwork: string
  readonly sr: string
  readonly hosts: readonly Row[]
}

const GIB = 1024 ** 3

/** Fills an empty database with a pool of hosts, their networks, storage, control domains and some templates. */
export function createPoolObjects(db: Database, addresses: readonly string[]): PoolObjects {
  const network = db.create('network', {
    name_label: 'Pool-wide network associated with eth0',
    bridge: 'xenbr0',
    other_config: [],
  })
  const internal = db.create('network', {
    name_label: 'Host internal management network',
    name_description:
      'Network on which guests will be assigned a private link-local IP address which can be used to talk XenAPI',
    bridge: 'xenapi',
    other_config: [
      ['is_guest_installer_network', 'true'],
      ['is_host_internal_management_network', 'true'],
      ['ip_begin', '169.254.0.1'],
      ['ip_end', '169.254.255.254'],
      ['netmask', '255.255.0.0'],
    ],
  })
  const sr = db.create('SR', {
    name_label: 'Shared storage',
    type: 'nfs',
    content_type: 'user',
    shared: true,
    physical_size: String(1024 * GIB),
    physical_utilisation: String(200 * GIB),
  })
  const hosts = addresses.map((address, i) => createHost(db, i, address, network.ref, sr.ref))
  const pool = db.create('pool', {
    name_label: 'Simulated pool',
    master: hosts[0]?.ref ?? '',
    default_SR: sr.ref,
    suspend_image_SR: sr.ref,
    crash_dump_SR: sr.ref,
    other_config: [],
  })
  createTemplates(db)
  return { pool: pool.ref, network: network.ref, internalNetwork: internal.ref, sr: sr.ref, hosts }
}

function createHost(db: Database, index: number, address: string, network: string, sr: string): Row {
  const name = `sim-host-${index + 1}`
  const now = isoDate(new Date())
  const metrics = db.create('host_metrics', {
    memory_total: String(64 * GIB),
    memory_free: String(32 * GIB),
    live: true,
    last_updated: now,
  })
  const host = db.create('host', { ...hostFields(name, address, sr), metrics: metrics.ref })
  const pifMetrics = db.create('PIF_metrics', { carrier: true, speed: '10000', duplex: true, last_updated: now })
  db.create('PIF', {
    device: 'eth0',
    network,
    host: host.ref,
    MAC: `02:16:99:00:00:${String(index + 1).padStart(2, '0')}`,
    MTU: '1500',
    VLAN: '-1',
    metrics: pifMetrics.ref,
    physical: true,
    ip_configuration_mode: 'Static',
    IP: address,
    netmask: '255.255.255.0',
    management: true,
  })
  db.create('PBD', { host: host.ref, SR: sr, currently_attached: true, device_config: [['server', 'nfs.example']] })
  const dom0 = makeVm(db, {
    fields: {
      name_label: `Control domain on host: ${name}`,
      is_control_domain: true,
      power_state: 'Running',
      resident_on: host.ref,
      domid: '0',
      domain_type: 'pv',
    },
    guestTools: false,
  })
  db.set(host, 'control_domain', dom0.ref)
  return host
}

function hostFields(name: string, address: string, sr: string): Record<string, Value> {
  return {
    name_label: name,
    hostname: name,
    address,
    enabled: true,
    suspend_image_sr: sr,
    crash_dump_sr: sr,
    API_version_major: '2',
    API_version_minor: '21',
    API_version_vendor: 'XenSource',
    software_version: [
      ['product_version', '8.3.0'],
      ['product_brand', 'XCP-ng'],
      ['platform_name', 'XCP'],
      ['platform_version', '3.4.0'],
      ['xapi', '24.39'],
      ['xen', '4.17.5'],
      ['linux', '4.19.0+1'],
    ],
    capabilities: ['xen-3.0-x86_64', 'hvm-3.0-x86_32', 'hvm-3.0-x86_32p', 'hvm-3.0-x86_64'],
    cpu_info: [
      ['cpu_count', '16'],
      ['socket_count', '1'],
      ['vendor', 'GenuineIntel'],
      ['modelname', 'Intel(R) Xeon(R) Gold'],
    ],
    sched_policy: 'credit',
    edition: 'xcp-ng',
    other_config: [['agent_start_time', '1767225600.']],
    tls_verification_enabled: true,
  }
}

/** Two of those that clients look for by name. */
function createTemplates(db: Database): void {
  for (const name of ['Debian Bookworm 12', 'CoreOS']) {
    makeVm(db, {
      fields: { name_label: name, is_a_template: true, is_default_template: true, power_state: 'Halted' },
      guestTools: false,
    })
  }
}
