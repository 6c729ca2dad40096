/**
 * A wall clock that can be set while the process runs: on SIGUSR2 it is moved by the milliseconds in the file that
 * $SOAK_CLOCK names, once there is a file of that name with `.ready` behind it. Timers do not follow, as they do not follow when an administrator sets the clock.
 */
const CODE = `
import { readFileSync, writeFileSync } from 'node:fs'
const Real = Date
let moved = 0
globalThis.Date = class Date extends Real {
  constructor(...given) { if (given.length === 0) super(Real.now() + moved); else super(...given) }
  static now() { return Real.now() + moved }
}
process.on('SIGUSR2', () => { moved = Number(readFileSync(process.env.SOAK_CLOCK, 'utf8')) })
writeFileSync(process.env.SOAK_CLOCK + '.ready', '')
`

/** What NODE_OPTIONS must say for it. */
export const CLOCK_JUMPS = `--import=data:text/javascript,${encodeURIComponent(CODE)}`
