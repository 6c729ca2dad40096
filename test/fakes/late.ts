/** A promise that a test settles by hand, and the order in which things came to it. */
export class Late<T> {
  readonly promise: Promise<T>
  resolve!: (value: T) => void
  reject!: (error: Error) => void

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.promise.catch(() => undefined)
  }
}

/** What has become of a promise so far. Ask after `settle()`. */
export function stateOf(promise: Promise<unknown>): { state: 'pending' | 'fulfilled' | 'rejected' } {
  const seen: { state: 'pending' | 'fulfilled' | 'rejected' } = { state: 'pending' }
  promise.then(
    () => (seen.state = 'fulfilled'),
    () => (seen.state = 'rejected'),
  )
  return seen
}
