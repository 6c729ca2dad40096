/** What sun_path holds on Linux, less the terminating zero. */
const LONGEST = 107

/** Whether the text can be a unix socket's path: absolute, short enough, no control characters. */
export function isSocketPath(path: string): boolean {
  return /^\/[^\0-\x1f\x7f]+$/.test(path) && Buffer.byteLength(path) <= LONGEST
}

/**
 * Whether the path may stand in a command. Not quoted but refused otherwise, as it passes an unknown login shell, then
 * sh, then the helper's own syntax (socat takes `,` and `:` for itself).
 */
export function isPlainPath(path: string): boolean {
  return /^\/[A-Za-z0-9._/@+-]+$/.test(path) && isSocketPath(path)
}
