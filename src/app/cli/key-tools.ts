import { orphanLabel } from '../../provision/orphans.ts'
import type { RotationTools } from '../../provision/rotation.ts'
import { generatePoolKey } from '../../provision/ssh-key.ts'
import { parsePrivateKey } from '../../transports/ssh/ssh-key.ts'
import type { CliContext } from './context.ts'

/** Making a key takes seconds, and whoever waits should know why. */
export function keyTools(context: CliContext): RotationTools {
  return {
    generate() {
      context.note('making a key of 4096 bits')
      return generatePoolKey()
    },
    publicLineOf: (pem) => parsePrivateKey(pem).publicLine,
    label: () => orphanLabel(context.clock.now()),
  }
}
