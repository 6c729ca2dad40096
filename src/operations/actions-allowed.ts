import { RefusedError } from '../base/errors.ts'
import type { VmContext } from './operation.ts'

/** In pool.other_config; `off` makes containers read-only for the whole pool. */
const ACTIONS = 'xscontainer-actions'

/** Refuses (kind `actions-off`) where the administrator wants no container to be changed. */
export async function demandActions(context: VmContext, signal: AbortSignal): Promise<void> {
  const { [ACTIONS]: setting = '' } = await context.poolConfig(signal)
  if (setting.trim().toLowerCase() !== 'off') return
  throw new RefusedError({
    kind: 'actions-off',
    cause: `Container actions are switched off for this pool (other-config key ${ACTIONS})`,
    cure: `Ask the pool administrator, who can allow them again by removing the pool's other-config key ${ACTIONS}`,
  })
}
