import { RefusedError } from '../../base/errors.ts'
import type { HostOperation } from './host-operation.ts'

/** What the monitor of this host costs XAPI: a SpendDocument. For the control socket; without a monitor there is none. */
export const spend: HostOperation = {
  name: 'spend',
  args: [],

  run(host) {
    if (host.spend !== undefined) return Promise.resolve(JSON.stringify(host.spend()))
    const nobody = {
      kind: 'no-monitor',
      cause: 'Only a running monitor can tell what it has written into XAPI',
      cure: 'Start it with: systemctl start xscontainer-monitor',
    }
    return Promise.reject(new RefusedError(nobody))
  },
}
