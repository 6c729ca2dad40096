import { asError, RefusedError, StoppedError } from '../../base/errors.ts'
import { KEY, type Fields } from '../../model/fields.ts'
import type { Target, TlsSecrets } from '../../model/guest.ts'
import type { TlsParts } from '../../transports/tls/material.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import { placesOf, TLS_KEYS } from '../tls/vm-material.ts'
import { createSecrets, destroyUnnamed } from '../tls/vm-secrets.ts'
import type { PrepareContext, PrepareWish } from './prepare-context.ts'
import { otherConfig, registerVm, setKeys, storeSettings, untilListed } from './settings.ts'
import { targetOf, usernameFor } from './target-of.ts'
import { askOverTls } from './tls-engine.ts'
import type { TlsWish } from './tls-wish.ts'

/**
 * Makes a VM manageable over TLS: its engine answers with certificates that are in secrets which the VM names, the VM is
 * registered and its containers are listed. Rejects with a DiagnosedError; `context.steps` knows what was changed until then.
 */
export async function prepareTls(context: PrepareContext, wish: PrepareWish, signal: AbortSignal): Promise<void> {
  const tls = wish.tls ?? { use: 'present' }
  const target = await checkVm(context)
  if (wish.dryRun) return dryRun(context, target, tls, signal)
  await equip(context, target, tls, signal)
  await registerVm(context, signal)
  await untilListed(context, signal)
}

/** The same for a VM in mode tls that gets other certificates; it stays registered or not, as it is. */
export async function renewTls(context: PrepareContext, tls: TlsWish, signal: AbortSignal): Promise<void> {
  const { vm } = context.facts
  if (vm.otherConfig[KEY.mode] !== 'tls') throw notTls(vm.uuid)
  await equip(context, await checkVm(context), tls, signal)
  if (vm.otherConfig[KEY.monitor] !== 'True') return
  await registerVm(context, signal)
  await untilListed(context, signal)
}

async function equip(context: PrepareContext, target: Target, tls: TlsWish, signal: AbortSignal): Promise<void> {
  const { person } = context
  if (tls.use === 'generate') {
    // Only whoever makes certificates needs what they are made with.
    const { generateTls } = await import('./tls-generate.ts')
    const keep = (parts: TlsParts) => store(context, parts, signal)
    await destroyOld(context, await generateTls(context, target, tls.storage, keep, signal), signal)
  } else {
    const material = tls.use === 'given' ? tls : await presentMaterial(context, signal)
    await ask(context, target, material, signal)
    if (person !== undefined && !(await person.confirm('Go on?', signal))) throw new StoppedError('nothing was changed')
    if (tls.use === 'given') await destroyOld(context, await store(context, tls.parts, signal), signal)
    else await storeSettings(context, { [KEY.mode]: 'tls' }, signal)
  }
}

/** Takes back what preparing over TLS has done: registration, settings, and secrets that no other VM names. */
export async function undoTls(context: PrepareContext, wish: PrepareWish, signal: AbortSignal): Promise<void> {
  const { steps, registration } = context
  if (wish.dryRun) {
    steps.say(
      'Would deregister the VM, remove its settings for mode tls, and destroy the secrets that no other VM names.',
    )
    return steps.say('Nothing was changed.')
  }
  await steps.step('deregister the VM', async (note) => {
    await registration.deregister(signal)
    note('nobody monitors it, and nothing of it is published')
  })
  await steps.step("remove the VM's settings", async (note) => {
    const removed = await setKeys(context, { [KEY.mode]: undefined }, signal)
    note(removed.length === 0 ? 'there are none' : removed.join(', '))
  })
  await dropSecrets(context, signal)
  steps.say("The engine's own certificate and settings in the guest stay: daemon.json there says which.")
}

/** The VM names no certificates any more; secrets that no other VM names are destroyed. Fine where it names none. */
export async function dropSecrets(context: PrepareContext, signal: AbortSignal): Promise<void> {
  const before = secretsIn(await otherConfig(context, signal))
  if (Object.values(before).every((uuid) => uuid === '')) return
  const settle = context.steps.change(unnamedText(before))
  await context.steps.step("remove the names of certificates from the VM's other-config", async (note) => {
    const keys = Object.fromEntries(Object.values(TLS_KEYS).map((key) => [key, undefined]))
    note((await setKeys(context, keys, signal)).join(', '))
  })
  settle(undefined)
  await destroyOld(context, before, signal)
}

function checkVm({ steps, facts }: PrepareContext): Promise<Target> {
  return steps.step('check that the VM runs and has an address', (note) => {
    const target = targetOf(facts, 'tls', usernameFor(facts, undefined))
    note(target.addresses.join(', '))
    return Promise.resolve(target)
  })
}

interface Material {
  readonly parts: TlsParts
  readonly from: TlsParts
}

/** What the VM names already. Rejects with a RefusedError when that is nothing. */
async function presentMaterial(context: PrepareContext, signal: AbortSignal): Promise<Material> {
  const secrets = secretsIn(await otherConfig(context, signal))
  if (Object.values(secrets).includes('')) throw nothingGiven()
  const reader = new XapiSecrets(context.session)
  const read = async (uuid: string) => (await reader.read(uuid, signal)) ?? ''
  const parts = {
    ca: await read(secrets.ca),
    certificate: await read(secrets.certificate),
    key: await read(secrets.key),
  }
  return { parts, from: placesOf(secrets) }
}

function ask(context: PrepareContext, target: Target, material: Material, signal: AbortSignal): Promise<void> {
  return context.steps.step('check the certificates, and ask the engine for its containers with them', async (note) => {
    note(await askOverTls(context, target, material, signal))
  })
}

/** New secrets first, then their names: at no moment does the VM name something that is not there. Gives what it named. */
async function store(context: PrepareContext, parts: TlsParts, signal: AbortSignal): Promise<TlsSecrets> {
  const { steps, session, clock } = context
  const config = await otherConfig(context, signal)
  await steps.step('put the certificates and the key into secrets, and name them in the VM', async (note) => {
    const secretStore = new XapiSecrets(session)
    const secrets = await createSecrets(secretStore, parts, clock.now(), signal)
    const settle = steps.change("the VM's other-config may name new secrets for mode tls")
    try {
      await setKeys(context, { ...named(secrets), [KEY.mode]: 'tls' }, signal)
    } catch (error) {
      // What could not be undone stays named among the changes.
      await undoNames(context, secrets, config).then(
        () => settle(undefined),
        () => undefined,
      )
      throw error
    }
    settle("the VM's other-config names new secrets for mode tls")
    note(Object.values(named(secrets)).join(', '))
  })
  return secretsIn(config)
}

/** Back to what was named before, as far as XAPI lets us, so that nothing half done stays. */
async function undoNames(context: PrepareContext, made: TlsSecrets, before: Fields): Promise<void> {
  const forever = new AbortController().signal
  const old = [KEY.mode, ...Object.values(TLS_KEYS)].map((key) => [key, before[key]])
  await setKeys(context, Object.fromEntries(old) as Fields, forever)
  await destroyUnnamed(context.session, new XapiSecrets(context.session), Object.values(made), forever)
}

async function destroyOld({ steps, session }: PrepareContext, before: TlsSecrets, signal: AbortSignal): Promise<void> {
  const uuids = Object.values(before).filter((uuid) => uuid !== '')
  if (uuids.length === 0) return
  const settle = steps.change(unnamedText(before))
  await steps.step('destroy the secrets that no VM names any more', async (note) => {
    const destroyed = await destroyUnnamed(session, new XapiSecrets(session), uuids, signal).catch((error: unknown) => {
      throw asError(error)
    })
    note(destroyed.length === 0 ? 'none: others name them too, or they are gone' : destroyed.join(', '))
  })
  settle(undefined)
}

function unnamedText(secrets: TlsSecrets): string {
  const uuids = Object.values(secrets).filter((uuid) => uuid !== '')
  return `secrets that the VM named before may be there still (xe secret-destroy uuid=..): ${uuids.join(', ')}`
}

async function dryRun(context: PrepareContext, target: Target, tls: TlsWish, signal: AbortSignal): Promise<void> {
  const { steps } = context
  if (tls.use === 'generate') {
    steps.say(
      `Would make certificates for ${target.addresses.join(', ')} and hand them to the guest on a disc in its CD drive.`,
    )
  } else {
    await ask(context, target, tls.use === 'given' ? tls : await presentMaterial(context, signal), signal)
  }
  steps.say(
    'Would put the certificates and the key into secrets, register the VM, and wait until its containers are listed.',
  )
  steps.say('Nothing was changed.')
}

function secretsIn(config: Readonly<Record<string, string>>): TlsSecrets {
  const of = (part: keyof TlsSecrets) => config[TLS_KEYS[part]]?.trim() ?? ''
  return { ca: of('ca'), certificate: of('certificate'), key: of('key') }
}

function named(secrets: TlsSecrets): Record<string, string> {
  return {
    [TLS_KEYS.certificate]: secrets.certificate,
    [TLS_KEYS.key]: secrets.key,
    [TLS_KEYS.ca]: secrets.ca,
  }
}

function nothingGiven(): RefusedError {
  return new RefusedError({
    kind: 'bad-argument',
    cause: 'Mode tls needs certificates, and the VM names none yet',
    cure: 'Give --generate-certs to have them made, or all three of --client-cert, --client-key and --ca-cert',
  })
}

function notTls(uuid: string): RefusedError {
  return new RefusedError({
    kind: 'not-tls-mode',
    cause: `VM ${uuid} is not in mode tls: it has no certificates to renew`,
    cure: `Put it in that mode: xscontainer prepare-vm ${uuid} --mode tls`,
  })
}
