import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Tests that mostly wait: for daemons, guests and engines that are real or behave so. */
export const WAITING = ['test/real/**/*.test.ts', 'test/scenarios/**/*.test.ts', 'test/soak/**/*.test.ts']

/** What mostly waits goes first: at the end short tests fill the processors, and none is waited for alone. */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const waits = ({ project }: TestSpecification) => project.name === 'whole'
    return [...sorted.filter(waits), ...sorted.filter((file) => !waits(file))]
  }
}
