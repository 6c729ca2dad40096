import { setFlagsFromString } from 'node:v8'

/** Before it, V8's middle compiler was not for everybody. */
const FIRST_NODE_WITH_MAGLEV = 24

/**
 * Has V8 compile what runs often, if this process was started without (docs/decisions/0007): the compilers take 10 MB,
 * and a monitor without guests has nothing that runs often. Does nothing when called again.
 */
export function useCompilers(): void {
  setFlagsFromString('--opt')
  if (Number(process.versions.node.split('.')[0]) >= FIRST_NODE_WITH_MAGLEV) setFlagsFromString('--maglev')
}

/**
 * Gives the system back what the start took, if this process was started with `--expose-gc`: a monitor without guests
 * makes so little garbage that V8 would not collect it for hours. It takes some 30 ms: for a process that does nothing.
 */
export function giveBackMemory(): void {
  const { gc } = globalThis as { gc?: (options: { type: 'major'; flavor: 'last-resort' }) => void }
  gc?.({ type: 'major', flavor: 'last-resort' })
}
