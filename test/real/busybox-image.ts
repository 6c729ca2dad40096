import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { engineRequest } from './engine-http.ts'
import { findProgram } from './parts.ts'
import type { RealGuest } from './real-guest.ts'

const run = promisify(execFile)

/** Gives the engine an image `busybox:test` (a shell and all applets) made from busybox-static: nothing is pulled. */
export async function importBusybox(guest: RealGuest, socketPath: string): Promise<void> {
  const tree = guest.path('image')
  await plantTree(tree)
  const tar = guest.path('image.tar')
  await run('tar', ['-C', tree, '-cf', tar, '.'])
  const query = new URLSearchParams({ fromSrc: '-', repo: 'busybox:test' })
  for (const change of ['CMD ["sh"]', 'ENV PATH=/bin']) query.append('changes', change)
  await engineRequest(socketPath, 'POST', `/images/create?${query.toString()}`, await readFile(tar))
  await rm(tree, { recursive: true })
  await rm(tar)
}

async function plantTree(tree: string): Promise<void> {
  const busybox = findProgram('busybox')
  if (busybox === undefined) throw new Error('busybox is not installed (package busybox-static)')
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp']) {
    await mkdir(join(tree, folder), { recursive: true })
  }
  await copyFile(busybox, join(tree, 'bin', 'busybox'))
  const { stdout } = await run(busybox, ['--list'])
  for (const applet of stdout.split('\n')) {
    if (applet !== '' && applet !== 'busybox') await symlink('busybox', join(tree, 'bin', applet))
  }
  await writeFile(join(tree, 'etc', 'passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
}
