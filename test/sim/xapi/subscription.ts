import type { ClassDef } from './data-model.ts'

/** Which objects a call of event.from asks about. */
export interface Subscription {
  /** Whether any object of the class (by its lower-case name) can match. */
  wantsClass(lowerName: string): boolean
  wants(cls: ClassDef, ref: string): boolean
  readonly onlyTasks: boolean
}

/** Parses class names in any letter case, `*`, and `class/OpaqueRef:..`. Unknown names never match. */
export function parseSubscription(classes: readonly string[]): Subscription {
  const whole = new Set<string>()
  const objects = new Map<string, Set<string>>()
  for (const text of classes) {
    const slash = text.indexOf('/')
    const cls = (slash < 0 ? text : text.slice(0, slash)).toLowerCase()
    if (slash < 0) whole.add(cls)
    else objects.set(cls, (objects.get(cls) ?? new Set()).add(text.slice(slash + 1)))
  }
  const all = whole.has('*')
  const names = [...whole, ...objects.keys()]
  return {
    wantsClass: (name) => all || whole.has(name) || objects.has(name),
    wants: (cls, ref) => all || whole.has(cls.lowerName) || (objects.get(cls.lowerName)?.has(ref) ?? false),
    onlyTasks: names.length > 0 && names.every((name) => name === 'task'),
  }
}
