import { templateOnHost } from '../config-drive/template-on-host.ts'
import { uuidArgument } from '../config-drive/uuid-argument.ts'
import type { HostOperation } from './host-operation.ts'

/** The template that clients show for a new VM. It is the same for all templates of VMs. */
export const getConfigDriveDefault: HostOperation = {
  name: 'get_config_drive_default',
  args: ['templateuuid'],

  run(host, args) {
    uuidArgument(args, 'templateuuid', 'template')
    return templateOnHost(host.config.config_drive.template)
  },
}
