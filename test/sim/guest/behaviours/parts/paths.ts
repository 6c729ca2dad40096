import type { IncomingMessage } from 'node:http'

/** Which requests a fault concerns, by path without version prefix: e.g. /^\/containers\/json/. */
export type Paths = RegExp

export const EVERY_PATH: Paths = /^/
export const LISTS: Paths = /^\/containers\/json/
export const EVENTS: Paths = /^\/events/

/** Whether the request is one of those. */
export function concerns(paths: Paths, req: IncomingMessage): boolean {
  return paths.test((req.url ?? '').replace(/^\/v[\d.]+(?=\/)/, ''))
}
