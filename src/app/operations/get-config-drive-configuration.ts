import { readStorage } from '../../xapi/storage.ts'
import { readDrive } from '../config-drive/read-drive.ts'
import { mustBeHere, noSuchDisk, noSuchStorage } from '../config-drive/storage-place.ts'
import { uuidArgument } from '../config-drive/uuid-argument.ts'
import { withDisks } from '../config-drive/with-disks.ts'
import type { HostOperation } from './host-operation.ts'

/** The template on a config drive, as the user wrote it. Kind `vm-elsewhere`: other hosts have its storage attached. */
export const getConfigDriveConfiguration: HostOperation = {
  name: 'get_config_drive_configuration',
  args: ['vdiuuid'],

  async run(host, args, signal) {
    const uuid = uuidArgument(args, 'vdiuuid', 'VDI')
    const myHost = await host.myHost(signal)
    return withDisks(host, signal, async ({ session, disks }) => {
      const disk = await disks.diskByUuid(uuid, signal)
      if (disk === undefined) throw noSuchDisk(uuid)
      const storage = await readStorage(session, disk.sr, signal)
      if (storage === undefined) throw noSuchStorage(disk.sr)
      mustBeHere(storage, myHost)
      return readDrive({ disks, log: host.log }, disk, signal)
    })
  },
}
