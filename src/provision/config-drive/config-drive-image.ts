import type { IsoImage } from '../iso/read-iso.ts'
import type { IsoEntry } from '../iso/write-iso.ts'
import type { TemplateFacts } from './fill-template.ts'

export interface ConfigDrive extends TemplateFacts {
  readonly vmUuid: string
  /** As the user wrote it. */
  readonly template: string
  /** Files of the Linux guest agent, as `agentFiles` gives them; empty where the host has no tools ISO. */
  readonly agent: readonly IsoEntry[]
  readonly now: Date
}

/** The image of a VM's config drive. Throws RefusedError when the template is not one, naming the line. */
export function configDriveImage(_drive: ConfigDrive): { image: Buffer; keyLineActive: boolean } {
  throw new Error('not yet')
}

/** The template of a config drive as the user wrote it; of a drive that has none, what the guest reads. Rejects with RefusedError. */
export function readTemplate(_drive: IsoImage): Promise<string> {
  return Promise.reject(new Error('not yet'))
}

/** The Linux guest agent's files of a tools ISO, below `agent/`; empty when it has none. */
export function agentFiles(_tools: IsoImage): Promise<IsoEntry[]> {
  return Promise.reject(new Error('not yet'))
}
