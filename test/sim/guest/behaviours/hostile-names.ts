import type { Behaviour } from '../faults.ts'
import type { ContainerSpec } from '../sim-container.ts'
import { extraContainers } from './parts/extra-containers.ts'

/** Strings that break careless writers of XML, JSON, logs and terminals. */
export const HOSTILE: readonly string[] = [
  'nul\u0000byte',
  'bell\u0007 escape\u001b[31m delete\u007f c1\u0085',
  ']]><entry><id>ghost</id></entry>',
  '<![CDATA[ & &amp; &#x0; <b>',
  `both "quotes" 'and' \`ticks\``,
  'whale 🐳 flag 🇩🇪 family 👨‍👩‍👧',
  'non-characters \ufffe\uffff, override \u202e, mark \ufeff, separators \u2028\u2029',
  'lone \ud800 surrogate',
  '__proto__',
  'two\r\nlines\tand a tab',
  '../../../etc/shadow',
  'http://169.254.169.254/latest/meta-data',
  '$(reboot); `reboot` | reboot & "',
  '\u001b]0;owned\u0007\u001b[2J\u009b31m',
  'abc\u202egpj.exe\u2066 x\u2069',
  '',
]

export function hostileNames(strings: readonly string[] = HOSTILE): Behaviour {
  const summary = 'Names, images, labels and commands hold control characters, `]]>`, quotes, emoji, half characters.'
  return extraContainers({ name: 'hostile-names', summary }, strings.map(hostileContainer))
}

function hostileContainer(text: string): ContainerSpec {
  return {
    names: [`/${text}`],
    image: text,
    command: text,
    labels: Object.fromEntries([
      [text, text],
      ['com.docker.compose.project', text],
      ['com.docker.compose.service', text],
    ]),
    mounts: [{ source: `/${text}`, destination: text }],
    processes: [{ user: text, command: text }],
  }
}
