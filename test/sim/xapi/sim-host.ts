import type { Faults } from './faults.ts'

/** A host of the simulated pool, with the places where its files are. */
export interface SimHost {
  readonly index: number
  readonly ref: string
  readonly uuid: string
  /** Address of its management interface. */
  readonly address: string
  readonly socketPath: string
  /** As /etc/xensource-inventory. */
  readonly inventoryPath: string
  /** As /etc/xapi.d/plugins: host.call_plugin runs the files in it. */
  readonly pluginsDir: string
  /** Added to a plugin's environment, because the hosts of a simulated pool share one file system. Empty by default. */
  readonly pluginEnv: Record<string, string>
  readonly faults: Faults
}
