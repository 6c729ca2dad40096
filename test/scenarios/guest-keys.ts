import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Behaviour } from '../sim/guest/faults.ts'
import { makeKey } from '../transports/ssh/keys.ts'
import type { World } from './world.ts'

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

/** An earlier run has just made the next key: making one of 4096 bits takes seconds. Gives its public line. */
export async function nextKeyIsMade(world: World): Promise<string> {
  const { pem, publicLine } = makeKey()
  const secret = await world.call('secret.create', { value: pem, other_config: {} })
  const key = 'xscontainer-next-private-secret-uuid'
  await world.call(
    'pool.add_to_other_config',
    world.pool.objects.pool,
    key,
    await world.call('secret.get_uuid', secret),
  )
  return publicLine
}
