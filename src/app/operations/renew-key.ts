import { RefusedError } from '../../base/errors.ts'
import { KEY } from '../../model/fields.ts'
import type { Target } from '../../model/guest.ts'
import { desired } from '../../monitor/desired.ts'
import { readPoolKeys } from '../../provision/rotation.ts'
import { openGuestShell } from '../../transports/ssh/guest-shell.ts'
import { UnreachableError, whereOf } from '../../transports/ssh/errors.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import { readVmFacts, type VmFacts } from '../doctor/vm-facts.ts'
import { keyMarkText, keyPrint, needsKey } from '../keys/key-marks.ts'
import { renewGuest, type Login } from '../keys/renew-guest.ts'
import { wantedKeys } from '../keys/wanted-keys.ts'
import type { HostContext, HostOperation } from './host-operation.ts'
import { vmUuidOf } from './run-operation.ts'

/**
 * Brings the keys of the VM's guest to where the change of the pool's key stands, and notes that on the VM. JSON:
 * `{vm, key, state}`; state: `added` (the next key works beside the present one) or `only` (the one before is gone).
 */
export const renewKey: HostOperation = {
  name: 'renew_key',
  args: ['vmuuid'],

  async run(host, args, signal) {
    const uuid = vmUuidOf(args) ?? ''
    const myHost = await host.myHost(signal)
    const allowLoopback = host.config.guest.allow_loopback
    const facts = await readVmFacts(host.session, { vmUuid: uuid, myHost, allowLoopback }, signal)
    const target = targetOf(facts, myHost)
    const poolKeys = await readPoolKeys(new XapiSecrets(host.session), signal)
    if (poolKeys === undefined) throw noKey()
    const { keys, mark } = wantedKeys(poolKeys, facts.vm.otherConfig)
    await renewGuest({ ...keys, socketPath: target.socketPath }, loginAt(host, target), signal)
    const key = keyPrint(keys.wanted)
    await (await host.vm(uuid, signal)).setKeys({ [KEY.keyRenewal]: keyMarkText(key, mark) }, signal)
    host.log.info({ vm: uuid, key, state: mark }, "the guest's keys are renewed")
    return JSON.stringify({ vm: uuid, key, state: mark })
  },
}

function targetOf({ vm, rules }: VmFacts, myHost: string): Target {
  const wanted = desired(vm, { myHost, amCoordinator: false }, rules)
  if (!wanted.watch || !needsKey(vm)) {
    throw new RefusedError({
      kind: 'not-monitored',
      cause: `VM ${vm.uuid} is not running, or not registered for container management over SSH`,
      cure: `Start it, and register it: xscontainer register ${vm.uuid}`,
    })
  }
  if (wanted.problem !== undefined) throw new RefusedError(wanted.problem)
  return wanted.target
}

function loginAt({ clock, config: { guest } }: HostContext, target: Target): Login {
  let { pinnedHostKey } = target
  return async (privateKey, signal) => {
    let miss: unknown
    for (const address of target.addresses) {
      const where = whereOf(target, address, guest.ssh_port)
      const options = { ...where, pinnedHostKey, connectTimeoutMs: guest.connect_timeout_s * 1000 }
      try {
        const shell = await openGuestShell(clock, { ...options, login: { privateKey } }, signal)
        // All logins of one renewal are at the same guest.
        pinnedHostKey ??= shell.hostKey
        return shell
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error
        miss ??= error
      }
    }
    throw miss
  }
}

function noKey(): RefusedError {
  return new RefusedError({
    kind: 'no-pool-key',
    cause: 'This pool has no SSH key yet',
    cure: 'Have one made: xscontainer key show',
  })
}
