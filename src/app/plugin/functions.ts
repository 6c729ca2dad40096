/** What clients may call. The operations are named here once more so that no call has to load them all to know. */
export const FUNCTIONS: ReadonlySet<string> = new Set([
  'register',
  'deregister',
  'start',
  'stop',
  'restart',
  'pause',
  'unpause',
  'get_inspect',
  'get_top',
  'get_logs',
  'get_stats',
  'list',
  'diagnose',
  'version',
])
