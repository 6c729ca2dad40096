import { OPERATIONS, STREAM_OPERATIONS } from '../../operations/index.ts'
import { diagnose } from './diagnose.ts'
import { list } from './list.ts'
import { refresh } from './refresh.ts'
import type { OperationSet } from './run-operation.ts'
import { version } from './version.ts'

/** Everything that can be asked of this host. */
export const ALL_OPERATIONS: OperationSet = {
  ofVms: OPERATIONS,
  ofHosts: [list, version, refresh, diagnose],
  conversations: STREAM_OPERATIONS,
}
