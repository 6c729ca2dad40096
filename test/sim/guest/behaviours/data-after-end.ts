import type { Behaviour } from '../faults.ts'
import { MESSAGE, payload } from '../ssh-wire.ts'

const STDERR = 1

/** Both of a channel's streams have ended for a client then: what comes for one of them is an error of a stream's. */
export function dataAfterEnd(): Behaviour {
  return {
    name: 'data-after-end',
    summary: 'Each channel that opens is ended at once, and then goes on with standard error.',
    begin: () => ({
      connection: (_client, wire) =>
        wire.afterConfirm((channel) => {
          wire.send(payload(MESSAGE.channelEof, channel))
          wire.send(payload(MESSAGE.channelExtendedData, channel, STDERR, 'still here'))
        }),
    }),
  }
}
