/**
 * Throws RefusedError, naming the line at fault, when a guest could not read this template: neither `#cloud-config`
 * nor Ignition's JSON nor another kind of cloud-init user data, too large, or not valid once its placeholders are filled.
 */
export function checkTemplate(_text: string): void {
  throw new Error('not yet')
}
