import { RefusedError } from '../base/errors.ts'
import type { Transport } from '../model/guest.ts'

/** Reaches each guest in the way whose name is its target's mode. Rejects with a RefusedError when none has it. */
export function byMode(transports: readonly Transport[]): Transport {
  return {
    name: transports.map(({ name }) => name).join(' or '),
    connect(target, signal, entered) {
      const transport = transports.find(({ name }) => name === target.mode)
      if (transport === undefined) return Promise.reject(noSuchMode(target.mode))
      return transport.connect(target, signal, entered)
    },
  }
}

function noSuchMode(mode: string): RefusedError {
  return new RefusedError({
    kind: 'mode',
    cause: `There is no connection mode ${JSON.stringify(mode.slice(0, 20))}`,
    cure: "Set the VM's other-config key xscontainer-mode to ssh or tls",
  })
}
