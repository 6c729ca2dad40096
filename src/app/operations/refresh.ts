import { diagnosisOf } from '../../base/errors.ts'
import type { HostOperation } from './host-operation.ts'
import { vmUuidOf } from './run-operation.ts'

/**
 * Looks at the container list of the VM that `vmuuid` names now, or of all that are monitored here; answers when
 * VM.other_config has what was seen. JSON: `{refreshed, failed: [{uuid, kind, cause, cure}]}`; one VM that fails is an error.
 */
export const refresh: HostOperation = {
  name: 'refresh',
  args: [],

  async run(host, args, signal) {
    const one = vmUuidOf(args)
    const look = async (uuid: string) => (await host.vm(uuid, signal)).refreshList(signal)
    if (one !== undefined) {
      await look(one)
      return JSON.stringify({ refreshed: 1, failed: [] })
    }
    const uuids = (await host.list(signal)).filter(({ state }) => state === 'monitored').map(({ uuid }) => uuid)
    const results = await Promise.allSettled(uuids.map(look))
    signal.throwIfAborted()
    const failed = results.flatMap((result, i) =>
      result.status === 'rejected' ? [{ uuid: uuids[i], ...diagnosisOf(result.reason) }] : [],
    )
    return JSON.stringify({ refreshed: uuids.length - failed.length, failed })
  },
}
