import type { IsoEntry } from '../../../src/provision/iso/write-iso.ts'

export const NOW = new Date('2026-01-02T03:04:05Z')

/** Bytes that differ from one place to the next, the same each time. */
export function patterned(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 17 + seed) & 0xff))
}

/** What is hard on an image: long names, names that are alike in 8.3, folders of several sectors, sizes around a sector's. */
export const HARD_FILES: readonly IsoEntry[] = [
  { path: 'openstack/latest/user_data', data: Buffer.from('#cloud-config\n') },
  { path: 'openstack/latest/user_data.template', data: Buffer.from('#cloud-config\r\n') },
  { path: 'openstack/latest/user_data.templates', data: Buffer.from('alike in 8.3') },
  { path: 'agent/xe-daemon', data: Buffer.from('#!/bin/sh\n'), executable: true },
  { path: 'agent/empty', data: Buffer.alloc(0) },
  { path: 'agent/empty too', data: Buffer.alloc(0) },
  { path: 'a/b/c/d/e/f/g/eight levels', data: Buffer.from('deep') },
  { path: 'ünïcode/grüße 😀.txt', data: Buffer.from('names in UTF-8') },
  { path: `long/${'n'.repeat(255)}`, data: Buffer.from('as long as Linux takes') },
  { path: `long/${'m'.repeat(180)}.one`, data: Buffer.from('alike for the first') },
  { path: `long/${'m'.repeat(180)}.two`, data: Buffer.from('180 characters') },
  // Their descriptions need more than one sector beside the folder.
  ...Array.from('abcdefghijklmnop', (letter) => ({ path: `long/${letter.repeat(240)}`, data: Buffer.from(letter) })),
  ...[2047, 2048, 2049, 70_000].map((size) => ({ path: `sizes/${size}`, data: patterned(size, size) })),
  ...Array.from({ length: 150 }, (_, index) => ({
    path: `many/A rather long name, and ${index} of its kind.text`,
    data: Buffer.from(`${index}`),
  })),
]

/** Path to content in hexadecimal, for comparison. */
export function contents(files: readonly { readonly path: string; readonly data: Buffer }[]): Record<string, string> {
  return Object.fromEntries([...files].map(({ path, data }) => [path, data.toString('hex')] as const).sort())
}
