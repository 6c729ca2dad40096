import { networkInterfaces } from 'node:os'
import { canonicalAddress, type PoolNetwork } from '../model/pool.ts'
import { isFailure, isNotOffered } from './errors.ts'
import type { XapiSession } from './session.ts'
import { fieldsOf, refOf } from './vm-record.ts'
import { isRecord } from './wire.ts'

/**
 * Reads which addresses belong to hosts (host.address, every PIF's IP and IPv6) and which VIFs are on the
 * host-internal management network (network.other_config is_host_internal_management_network). Four calls. Without
 * the hosts nobody may be dialled; the others may be missing.
 */
export async function readPoolNetwork(session: Pick<XapiSession, 'call'>, signal: AbortSignal): Promise<PoolNetwork> {
  const [hosts, pifs, networks] = await Promise.all([
    session.call('host.get_all_records', [], signal),
    session.call('PIF.get_all_records', [], signal).catch(noneOffered),
    session.call('network.get_all_records', [], signal).catch(noneOffered),
  ])
  const addresses = [
    ...records(hosts).map(([, host]) => host['address']),
    ...records(pifs).flatMap(([, pif]) => [
      pif['IP'],
      ...(Array.isArray(pif['IPv6']) ? (pif['IPv6'] as unknown[]) : []),
    ]),
    ...ownAddresses(),
  ]
  const internal = records(networks).find(
    ([, network]) => fieldsOf(network['other_config'], () => true)['is_host_internal_management_network'] === 'true',
  )
  const vifs = internal === undefined ? {} : await vifsOn(session, internal[0], signal)
  return {
    hostAddresses: new Set(addresses.filter((text) => typeof text === 'string' && text !== '').map(plainAddress)),
    hostInternalDevices: devicesByVm(vifs),
  }
}

/** Addresses of dom0's own interfaces. Loopback is judged by another rule, and not by what interfaces say. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter(({ internal }) => !internal).map(({ address }) => address),
  )
}

async function vifsOn(session: Pick<XapiSession, 'call'>, network: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await session.call('VIF.get_all_records_where', [`field "network" = "${network}"`], signal)
  } catch (error) {
    if (!isNotOffered(error) && !isFailure(error, 'INTERNAL_ERROR')) throw error
    const all = await session.call('VIF.get_all_records', [], signal).catch(noneOffered)
    return Object.fromEntries(records(all).filter(([, vif]) => vif['network'] === network))
  }
}

function noneOffered(error: unknown): unknown {
  if (isNotOffered(error)) return {}
  throw error
}

function devicesByVm(vifs: unknown): Map<string, Set<string>> {
  const devices = new Map<string, Set<string>>()
  for (const [, vif] of records(vifs)) {
    const vm = refOf(vif['VM'])
    if (vm === undefined || typeof vif['device'] !== 'string') continue
    devices.set(vm, (devices.get(vm) ?? new Set()).add(vif['device']))
  }
  return devices
}

/** An address without the prefix length that PIF.IPv6 carries. */
function plainAddress(text: unknown): string {
  return canonicalAddress(String(text).replace(/\/.*$/, ''))
}

function records(map: unknown): [string, Readonly<Record<string, unknown>>][] {
  if (!isRecord(map)) return []
  return Object.entries(map).flatMap(([ref, record]): [string, Readonly<Record<string, unknown>>][] =>
    isRecord(record) ? [[ref, record]] : [],
  )
}
