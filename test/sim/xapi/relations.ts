/** Field of one class that refers to an object of another, which lists the referrers in a set field of its own. */
export interface Relation {
  readonly field: string
  readonly target: string
  readonly set: string
}

/** XAPI keeps both ends in step, and a change of one end counts as a change of the object at the other. */
const RELATIONS: Readonly<Record<string, readonly Relation[]>> = {
  VM: [
    { field: 'resident_on', target: 'host', set: 'resident_VMs' },
    { field: 'snapshot_of', target: 'VM', set: 'snapshots' },
    { field: 'parent', target: 'VM', set: 'children' },
  ],
  VIF: [
    { field: 'VM', target: 'VM', set: 'VIFs' },
    { field: 'network', target: 'network', set: 'VIFs' },
  ],
  VBD: [
    { field: 'VM', target: 'VM', set: 'VBDs' },
    { field: 'VDI', target: 'VDI', set: 'VBDs' },
  ],
  VDI: [
    { field: 'SR', target: 'SR', set: 'VDIs' },
    { field: 'snapshot_of', target: 'VDI', set: 'snapshots' },
  ],
  PBD: [
    { field: 'host', target: 'host', set: 'PBDs' },
    { field: 'SR', target: 'SR', set: 'PBDs' },
  ],
  PIF: [
    { field: 'host', target: 'host', set: 'PIFs' },
    { field: 'network', target: 'network', set: 'PIFs' },
  ],
  task: [{ field: 'subtask_of', target: 'task', set: 'subtasks' }],
}

export function relationsOf(cls: string): readonly Relation[] {
  return RELATIONS[cls] ?? []
}
