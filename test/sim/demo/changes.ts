import { causeOf, type ContainerView, type VmView } from './vm-view.ts'

export interface Change {
  /** The VM, or `vm/container`. */
  readonly what: string
  readonly text: string
}

/** What differs between two looks at a VM, in words. Shares of CPU differ all the time and are left out. */
export function changesOf(before: VmView | undefined, after: VmView): Change[] {
  const vm = after.name
  const say = (what: string, text: string): Change => ({ what, text: `${vm.padEnd(12)}  ${text}` })
  const changes: Change[] = []
  if (before !== undefined && before.host !== after.host) changes.push(say(vm, `is on ${after.host} now`))
  if (stateText(before) !== stateText(after)) changes.push(say(vm, stateText(after)))
  if (before?.containers !== undefined && after.containers === undefined) changes.push(say(vm, 'shows no containers'))
  const old = new Map((before?.containers ?? []).map((each) => [each.name, each]))
  for (const container of after.containers ?? []) {
    const was = old.get(container.name)
    old.delete(container.name)
    if (was?.status !== container.status)
      changes.push(say(`${vm}/${container.name}`, was === undefined ? full(container) : short(container)))
  }
  if (after.containers === undefined) return changes
  return [...changes, ...[...old.keys()].map((name) => say(`${vm}/${name}`, `${name} is gone`))]
}

function stateText(vm: VmView | undefined): string {
  if (vm === undefined || vm.state === 'waiting') return 'no daemon yet'
  if (vm.state === 'off') return 'not registered'
  return vm.state === 'failed' ? `failed: ${causeOf(vm)}` : vm.state
}

function full({ name, status, ports, image }: ContainerView): string {
  return `${name}: ${status}, ${image}${ports === '' ? '' : `, ports ${ports}`}`
}

function short({ name, status }: ContainerView): string {
  return `${name}: ${status}`
}
