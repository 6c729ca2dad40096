import { asError } from '../../base/errors.ts'
import { destroyOrphans } from '../../provision/orphans.ts'
import { endRotation } from '../../provision/rotation.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import type { XapiVmWatch } from '../../xapi/vm-watch.ts'
import { readVms } from '../cli/vms.ts'
import type { HostContext } from '../operations/host-operation.ts'
import { renewKey } from '../operations/renew-key.ts'
import type { PoolSshKey } from '../pool-ssh-key.ts'
import { keyPrint } from './key-marks.ts'
import { KeyRenewals } from './key-renewals.ts'
import { pendingVms } from './rotate-pool-key.ts'

/** Takes away what hosts that ended while they made a key have left. Never rejects. */
export async function sweepKeySecrets({ clock, log, session }: HostContext, signal: AbortSignal): Promise<void> {
  try {
    const count = await destroyOrphans(new XapiSecrets(session), clock.now(), signal)
    if (count > 0) log.info({ count }, 'destroyed secrets that were made for keys and never used')
  } catch (error) {
    if (!signal.aborted) log.warn({ err: asError(error) }, 'could not look for secrets that nobody uses')
  }
}

/** The daemon's part in a change of the pool's key. */
export function newKeyRenewals(
  host: HostContext,
  watch: Pick<XapiVmWatch, 'pool' | 'all'>,
  key: PoolSshKey,
  signal: () => AbortSignal,
): KeyRenewals {
  const { clock, log, session, config } = host
  const print = async () => keyPrint(await key.get())
  return new KeyRenewals({
    clock,
    log,
    signal,
    print,
    pool: () => watch.pool(),
    vms: () => watch.all(),
    renew: async (vmuuid, inTime) => void (await renewKey.run(host, { vmuuid }, inTime)),
    async end(inTime) {
      const vms = await readVms(session, config.xapi.inventory, inTime)
      if (pendingVms(vms, await print()).length > 0) return
      await endRotation(new XapiSecrets(session), inTime)
      log.info("no guest needs the pool's previous key any more: it is forgotten")
    },
  })
}
