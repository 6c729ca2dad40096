import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Behaviour } from '../sim/guest/faults.ts'

/** The commands about keys are run by the real sh in a home of the user's, and what they make of the keys counts. */
export function keepsKeys(user = 'core'): Behaviour {
  return {
    name: 'keeps-keys',
    summary: 'authorized_keys is a real file while a command about keys runs; every other command as before.',
    begin: () => ({
      exec(command, channel, guest) {
        if (!command.includes('xsc:key:')) return false
        const home = mkdtempSync(join(tmpdir(), 'xsc-home-'))
        const file = join(home, '.ssh', 'authorized_keys')
        mkdirSync(join(home, '.ssh'))
        writeFileSync(file, (guest.users[user]?.authorizedKeys ?? []).map((line) => `${line}\n`).join(''))
        const child = spawn('sh', ['-c', command], { env: { PATH: process.env['PATH'], HOME: home } })
        channel.pipe(child.stdin)
        child.stdin.on('error', () => undefined)
        child.stdout.pipe(channel, { end: false })
        child.stderr.pipe(channel.stderr, { end: false })
        child.on('close', (code) => {
          guest.setAuthorizedKeys(user, readFileSync(file, 'utf8').trimEnd().split('\n'))
          rmSync(home, { recursive: true })
          channel.exit(code ?? 0)
          channel.end()
        })
        return true
      },
    }),
  }
}
