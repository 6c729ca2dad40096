import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { World } from './world.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let world: World
beforeAll(async () => {
  world = await World.start()
  const guest = await world.addGuest({
    name: 'web 01',
    engine: { containers: [{ name: 'shop' }, { name: 'stopped', state: 'exited' }] },
  })
  await world.addGuest({ name: 'db-01' })
  await world.addGuest({ name: 'evil"$(touch x)' })
  await world.startDaemon()
  await world.untilMonitored(guest)
})
afterAll(() => world.stop())

/** What bash offers at the end of this line: its words as bash has split them, the last one under the cursor. */
function offered(...words: string[]): Promise<string[]> {
  const script = `
    xscontainer() { ${ROOT}/dist/bin/xscontainer "$@"; }
    . ${ROOT}/completion/xscontainer.bash
    COMP_WORDS=(xscontainer "$@"); COMP_CWORD=$#
    _xscontainer
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const env = { ...process.env, XSCONTAINER_CONFIG: world.configFile() }
  return new Promise((resolve, reject) => {
    execFile('bash', ['-c', script, 'bash', ...words], { env }, (error, out, err) => {
      if (error !== null || err !== '') reject(error ?? new Error(err))
      else resolve(out.split('\n').filter((line) => line !== ''))
    })
  })
}

test.each<[string[], string[]]>([
  [['st'], ['status', 'stats', 'start', 'stop']],
  [['help', 'de'], ['deregister']],
  [['ps', '--p'], ['--pool']],
  [
    ['logs', '--'],
    ['--follow', '--tail', '--since', '--config', '--help', '--version'],
  ],
  [
    ['ps', ''],
    ['db-01', 'web\\ 01'],
  ],
  [['exec', '-it', 'we'], ['web\\ 01']],
  [['exec', 'web\\ '], ['web\\ 01']],
  [
    ['exec', '-it', 'web\\ 01', 's'],
    ['shop', 'stopped'],
  ],
  [['exec', '-u', 'root', 'web\\ 01', 'sh'], ['shop']],
  [['stop', 'web\\ 01', 'shop', 'st'], ['stopped']],
  [
    ['logs', '-n', '5', '"web 01"', ''],
    ['shop', 'stopped'],
  ],
  [['exec', 'web\\ 01', 'shop', '-'], []],
  [['logs', 'web\\ 01', 'shop', ''], []],
  [['logs', '-n', ''], []],
  [['top', '$(touch x)', ''], []],
  [['frobnicate', ''], []],
])('%j: %j', async (words, expected) => {
  expect((await offered(...words)).sort()).toEqual([...expected].sort())
})
