import { prefersHostInternal } from '../../model/pool.ts'
import type { VmRecord } from '../../model/vm.ts'
import type { AddressRules } from '../../monitor/addresses.ts'
import { isFailure, unexpectedAnswer } from '../../xapi/errors.ts'
import { readPoolNetwork } from '../../xapi/pool-network.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import type { XapiSession } from '../../xapi/session.ts'
import { parseNetworks, parseVm } from '../../xapi/vm-record.ts'
import { noSuchVm, vmElsewhere } from '../vm-errors.ts'

/** What XAPI knows that decides how a VM is reached. */
export interface VmFacts {
  readonly vm: VmRecord
  readonly rules: AddressRules
}

type Calls = Pick<XapiSession, 'call'>

/** Reads a VM's record and the pool's rules about addresses. Rejects with a DiagnosedError. */
export async function readVmFacts(
  session: Calls,
  { vmUuid, myHost, allowLoopback }: { vmUuid: string; myHost: string; allowLoopback: boolean },
  signal: AbortSignal,
): Promise<VmFacts> {
  const vm = await readVm(session, vmUuid, signal)
  if (vm.residentOn !== undefined && vm.residentOn !== myHost) throw vmElsewhere(vmUuid)
  const [network, pool] = await Promise.all([
    readPoolNetwork(session, signal),
    new XapiSecrets(session).poolConfig(signal),
  ])
  const rules = {
    allowLoopback,
    hostAddresses: network.hostAddresses,
    hostInternalDevices: network.hostInternalDevices.get(vm.ref) ?? new Set<string>(),
    preferHostInternal: prefersHostInternal(pool),
  }
  return { vm, rules }
}

async function readVm(session: Calls, vmUuid: string, signal: AbortSignal): Promise<VmRecord> {
  const ref = await session.call('VM.get_by_uuid', [vmUuid], signal).catch((error: unknown) => {
    throw isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID') ? noSuchVm(vmUuid) : error
  })
  const part = parseVm(String(ref), await session.call('VM.get_record', [String(ref)], signal))
  if (part === undefined) throw unexpectedAnswer('a VM that is no record')
  return { ...part.record, networks: await readNetworks(session, part.guestMetrics, signal) }
}

/** A guest that is shutting down loses its metrics at any moment. */
async function readNetworks(session: Calls, metrics: string | undefined, signal: AbortSignal) {
  if (metrics === undefined) return {}
  try {
    return parseNetworks(await session.call('VM_guest_metrics.get_record', [metrics], signal))
  } catch (error) {
    if (isFailure(error, 'HANDLE_INVALID')) return {}
    throw error
  }
}
