import type { Fields } from '../../model/fields.ts'
import type { PoolKeys } from '../../provision/rotation.ts'
import { parsePrivateKey } from '../../transports/ssh/ssh-key.ts'
import { keyMark, keyPrint, type KeyMark } from './key-marks.ts'
import type { GuestKeys } from './renew-guest.ts'

/**
 * What a guest is to come to as the pool stands, and the mark that says that it has. The previous key goes only when there
 * is no next one any more: between those steps a guest keeps all it has. Throws a RefusedError for unreadable keys.
 */
export function wantedKeys(pool: PoolKeys, otherConfig: Fields): { readonly keys: GuestKeys; readonly mark: KeyMark } {
  const current = parsePrivateKey(pool.current)
  const next = pool.next === undefined ? undefined : parsePrivateKey(pool.next)
  const previous = pool.previous === undefined ? [] : [parsePrivateKey(pool.previous)]
  const { restrict } = pool
  if (next !== undefined) {
    return { keys: { wanted: next, tried: [current, next, ...previous], unwanted: [], restrict }, mark: 'added' }
  }
  // Each key that a guest refuses is held against this host by its sshd.
  const has = keyMark(otherConfig, keyPrint(current)) !== undefined
  const tried = has ? [current, ...previous] : [...previous, current]
  return { keys: { wanted: current, tried, unwanted: previous, restrict }, mark: 'only' }
}
