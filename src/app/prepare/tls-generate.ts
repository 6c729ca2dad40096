import { DiagnosedError, StoppedError } from '../../base/errors.ts'
import type { DiskStore } from '../../model/disks.ts'
import type { Target } from '../../model/guest.ts'
import { makeMaterial, type NewMaterial } from '../../provision/certificates/material.ts'
import { DISC_LABEL, windowsDisc } from '../../provision/certificates/windows-disc.ts'
import { writeIso } from '../../provision/iso/write-iso.ts'
import type { TlsParts } from '../../transports/tls/material.ts'
import { XapiDisks } from '../../xapi/disks.ts'
import { DISC_LEFT, findDrive, withDisc, type DiscPlace } from '../tls/certificate-disc.ts'
import { storagesForDiscs } from '../tls/iso-storages.ts'
import type { PrepareContext } from './prepare-context.ts'
import { untilOverTls } from './tls-engine.ts'

/** Names under which programs in the guest itself may reach the engine. */
const INSIDE = ['127.0.0.1', 'localhost']

const FROM: TlsParts = { ca: 'the new CA certificate', certificate: 'the new certificate', key: 'the new key' }

/**
 * Makes certificates, hands the engine's to the guest on a disc in its CD drive, waits until the engine uses them, and
 * has `keep` store our part, proven to work, whose result it gives. The disc is taken away again, whatever happens.
 * Rejects with a DiagnosedError.
 */
export async function generateTls<T>(
  context: PrepareContext,
  target: Target,
  storage: string | undefined,
  keep: (parts: TlsParts) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { steps, person, clock } = context
  const disks = disksOf(context)
  const place = await findPlace(context, disks, storage, signal)
  if (person !== undefined && !(await person.confirm('Make certificates, and hand them to the guest?', signal))) {
    throw new StoppedError('nothing was changed')
  }
  const material = await steps.step('make a CA, and certificates for the engine and the monitor', async (note) => {
    const made = await makeMaterial(target.vmUuid, [...target.addresses, ...INSIDE], clock.now())
    note(`for ${target.addresses.join(', ')}; valid until ${made.notAfter.toISOString().slice(0, 10)}`)
    note("the CA's key is not kept: whoever renews makes a new CA")
    return made
  })
  const parts = { ca: material.ca, certificate: material.client.certificate, key: material.client.key }
  const settle = steps.change("a disc with the engine's key may be in the VM's CD drive")
  const kept = await withDisc({ disks, clock }, place, discOf(context, material), signal, async () => {
    await installed(context, target, parts, signal)
    const used = steps.change('the engine in the guest uses new certificates, whose client key is kept nowhere')
    const result = await keep(parts)
    used('the engine in the guest uses new certificates')
    return result
  }).catch((error: unknown) => {
    if (!(error instanceof DiagnosedError && error.diagnosis.kind === DISC_LEFT)) settle(undefined)
    throw error
  })
  settle(undefined)
  steps.skip('take the disc out of the CD drive, and destroy it', 'done')
  return kept
}

function installed(context: PrepareContext, target: Target, parts: TlsParts, signal: AbortSignal): Promise<void> {
  const { steps } = context
  steps.say("The certificates are on a disc in the VM's CD drive. In the guest, as administrator, in PowerShell:")
  steps.say('powershell -ExecutionPolicy Bypass -File D:\\install.ps1')
  steps.say('(D: is the letter of the CD drive there; README.txt on the disc tells more. Ctrl-C ends this.)')
  return steps.step('wait until the engine answers with them', async (note) => {
    note(await untilOverTls(context, target, { parts, from: FROM }, signal))
  })
}

async function findPlace(
  { steps, session, facts: { vm } }: PrepareContext,
  disks: DiskStore,
  storage: string | undefined,
  signal: AbortSignal,
): Promise<DiscPlace> {
  return steps.step('find a CD drive and storage for the disc', async (note) => {
    const found = await findDrive(disks, vm, signal)
    const storages = await storagesForDiscs(session, vm.residentOn ?? '', storage, signal)
    if (found.held !== undefined) note(`the drive holds "${found.held.name}", which is put back afterwards`)
    return { ...found, storages }
  })
}

function discOf({ clock, config }: PrepareContext, material: NewMaterial): Buffer {
  const files = windowsDisc(material, config.guest.tls_port)
  return writeIso({ label: DISC_LABEL, files, now: new Date(clock.now()) })
}

function disksOf({ clock, session, config }: PrepareContext): DiskStore {
  return new XapiDisks({ clock, session, socketPath: config.xapi.socket })
}
