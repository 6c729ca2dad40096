import { dirname, join } from 'node:path'
import { KEY } from '../../model/fields.ts'
import type { Args } from '../../operations/operation.ts'
import { checkTemplate } from '../../provision/config-drive/check-template.ts'
import { configDriveImage } from '../../provision/config-drive/config-drive-image.ts'
import { withLineBreaks } from '../../provision/config-drive/line-breaks.ts'
import { isFailure } from '../../xapi/errors.ts'
import { readPoolNetwork } from '../../xapi/pool-network.ts'
import { readStorageByUuid, type Storage } from '../../xapi/storage.ts'
import { agentOnHost } from '../config-drive/agent-on-host.ts'
import { poolPublicKey } from '../config-drive/pool-public-key.ts'
import { replaceConfigDrive } from '../config-drive/replace-drive.ts'
import { mustBeHere, noSuchStorage, vmCannotReach } from '../config-drive/storage-place.ts'
import { uuidArgument } from '../config-drive/uuid-argument.ts'
import { whileAlone } from '../config-drive/vm-lock.ts'
import { readVmForDrive, type VmForDrive } from '../config-drive/vm-for-drive.ts'
import { withDisks, type Patient } from '../config-drive/with-disks.ts'
import type { HostContext, HostOperation } from './host-operation.ts'

/**
 * Gives a VM a config drive made of a template (`configuration`, lines ended by the literal `%BR%` or as usual), in place
 * of one that it has, on a storage repository of this host's. The payload is the uuid of the new VDI. Kind `vm-elsewhere`:
 * the storage is attached to other hosts only.
 */
export const createConfigDrive: HostOperation = {
  name: 'create_config_drive',
  args: ['vmuuid', 'sruuid', 'configuration'],

  async run(host, args, signal) {
    const { vm, storage } = await placeOf(host, args, signal)
    const template = withLineBreaks(args['configuration'] ?? '')
    checkTemplate(template)
    const folder = join(dirname(host.config.control.socket), 'config-drive')
    return whileAlone(host.clock, folder, vm.uuid, signal, () =>
      withDisks(host, signal, (xapi) => create(host, xapi, { vm, storage, template }, signal)),
    )
  },
}

/** What is to be done where, as far as this host can do it. */
async function placeOf(
  host: HostContext,
  args: Args,
  signal: AbortSignal,
): Promise<{ vm: VmForDrive; storage: Storage }> {
  const vmUuid = uuidArgument(args, 'vmuuid', 'VM')
  const srUuid = uuidArgument(args, 'sruuid', 'storage repository')
  const myHost = await host.myHost(signal)
  const vm = await readVmForDrive(host.session, vmUuid, signal)
  const storage = await readStorageByUuid(host.session, srUuid, signal)
  if (storage === undefined) throw noSuchStorage(srUuid)
  if (vm.residentOn !== undefined && storage.hosts.length > 0 && !storage.hosts.includes(vm.residentOn))
    throw vmCannotReach(storage, vm.name)
  mustBeHere(storage, myHost)
  return { vm, storage }
}

interface Wish {
  readonly vm: VmForDrive
  readonly storage: Storage
  readonly template: string
}

async function create(host: HostContext, xapi: Patient, { vm, storage, template }: Wish, signal: AbortSignal) {
  const { clock, log, config } = host
  const [publicKeyBase64, network, agent] = await Promise.all([
    poolPublicKey(xapi.session, signal),
    readPoolNetwork(xapi.session, signal),
    agentOnHost(log, config.config_drive.tools_isos),
  ])
  const [hostInternalDevice] = [...(network.hostInternalDevices.get(vm.ref) ?? [])].sort(
    (a, b) => Number(a) - Number(b),
  )
  const facts = { vmName: vm.name, publicKeyBase64, hostInternalDevice }
  const now = new Date(clock.now())
  const { image, keyLineActive } = configDriveImage({ ...facts, vmUuid: vm.uuid, template, agent, now })
  const wish = { vm, readOnly: !vm.isHvm, sr: storage.ref, content: image, hostRef: await host.myHost(signal) }
  const disk = await replaceConfigDrive({ clock, log, disks: xapi.disks }, wish, signal)
  log.info({ vm: vm.uuid, vdi: disk.uuid, bytes: image.length }, 'made a config drive')
  if (keyLineActive && vm.otherConfig[KEY.monitor] === undefined) await offer(xapi, vm)
  return disk.uuid
}

/** The VM is offered for container management; whoever has decided about that meanwhile is right. */
async function offer({ session }: Patient, vm: VmForDrive): Promise<void> {
  try {
    const params = [vm.ref, KEY.monitor, 'False']
    await session.call('VM.add_to_other_config', params, new AbortController().signal)
  } catch (error) {
    if (!isFailure(error, 'MAP_DUPLICATE_KEY')) throw error
  }
}
