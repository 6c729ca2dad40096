/** Errors of the system that say that the other side is not there any more, as `read ETIMEDOUT`. */
export const SILENT: ReadonlySet<string> = new Set([
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
])
