import { bufferSource } from '../../src/provision/iso/byte-source.ts'
import { readIso } from '../../src/provision/iso/read-iso.ts'
import type { PlainValue } from '../sim/xapi/plain-value.ts'
import type { World } from './world.ts'

export const TEMPLATE =
  '#cloud-config\nhostname: %XSVMNAMETOHOSTNAME%\nssh_authorized_keys:\n  - ssh-rsa %CONTAINERRSAPUB%\n'

interface SimVmRef {
  readonly ref: string
  readonly uuid: string
}

type Plain = Record<string, PlainValue>

/** A drive of a VM with its disk, as XAPI has them. */
export interface SimDrive {
  readonly vbd: Plain
  readonly vdi: Plain
  readonly vdiRef: string
}

/** A VM whose guest nobody ever looks into. */
export function plainVm(
  world: World,
  name: string,
  powerState: 'Running' | 'Halted' | 'Suspended' = 'Halted',
): SimVmRef {
  return world.pool.createVm({ name, powerState })
}

export function srUuid(world: World): string {
  return world.pool.db.row('SR', world.pool.objects.sr).text('uuid')
}

/** All drives of the VM but its first disk, which every simulated VM has. */
export function drivesOf(world: World, vm: SimVmRef): SimDrive[] {
  const refs = world.pool.record('VM', vm.ref)?.['VBDs'] as readonly string[]
  return refs.flatMap((ref) => {
    const vbd = world.pool.record('VBD', ref)
    const vdiRef = vbd?.['VDI'] as string
    const vdi = world.pool.record('VDI', vdiRef)
    return vbd === undefined || vdi === undefined || vbd['userdevice'] === '0' ? [] : [{ vbd, vdi, vdiRef }]
  })
}

export function isMarked(object: Plain): boolean {
  return (object['other_config'] as Record<string, string>)['config-drive'] === 'True'
}

/** The VM's drives that are marked. */
export function marked(world: World, vm: SimVmRef): SimDrive[] {
  return drivesOf(world, vm).filter(({ vbd }) => isMarked(vbd))
}

/** Uuids of all disks of this name in the pool, in drives or not. */
export function configDisks(world: World): string[] {
  return [...world.pool.db.rows('VDI')]
    .filter((vdi) => vdi.get('name_label') === 'Automatic Config Drive')
    .map((vdi) => vdi.text('uuid'))
}

/** The texts of files on the disk. */
export async function filesOn(world: World, { vdiRef }: SimDrive): Promise<Record<string, string>> {
  const image = await readIso(bufferSource(world.pool.vdiContent(vdiRef) ?? Buffer.alloc(0)))
  const files = await Promise.all(
    image.files.map(async ({ path }) => [path, (await image.read(path, 1 << 20))?.toString() ?? ''] as const),
  )
  return Object.fromEntries(files)
}
