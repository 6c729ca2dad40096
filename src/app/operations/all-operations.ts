import { OPERATIONS, STREAM_OPERATIONS } from '../../operations/index.ts'
import { createConfigDrive } from './create-config-drive.ts'
import { diagnose } from './diagnose.ts'
import { getConfigDriveConfiguration } from './get-config-drive-configuration.ts'
import { getConfigDriveDefault } from './get-config-drive-default.ts'
import { list } from './list.ts'
import { prepareVm } from './prepare-vm.ts'
import { refresh } from './refresh.ts'
import { renewKey } from './renew-key.ts'
import type { OperationSet } from './run-operation.ts'
import { spend } from './spend.ts'
import { version } from './version.ts'

/** Everything that can be asked of this host. */
export const ALL_OPERATIONS: OperationSet = {
  ofVms: OPERATIONS,
  ofHosts: [
    list,
    version,
    refresh,
    spend,
    diagnose,
    renewKey,
    prepareVm,
    createConfigDrive,
    getConfigDriveConfiguration,
    getConfigDriveDefault,
  ],
  conversations: STREAM_OPERATIONS,
}
