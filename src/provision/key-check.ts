import type { ShellResult } from '../model/shell.ts'
import { markedLines } from './authorized-keys-answer.ts'
import { shScript, type GuestScript } from './authorized-keys.ts'

/**
 * Tells what of a guest may keep sshd from taking a key that is in its file: where sshd is told to look (sshd_config(5):
 * the first value counts, Match blocks aside), and who may write to the file and the folders above it.
 */
const CHECK_SCRIPT = String.raw`
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
for c in /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config; do
  if [ -r "$c" ]; then
    sed -n -e 's/^[[:space:]]*[Aa]uthorized[Kk]eys[Ff]ile[[:space:]=]*/xsc:looks:/p' "$c"
  else
    [ ! -e "$c" ] || echo "xsc:unread:$c"
  fi
done
p=$xsc_path
while [ -n "$p" ]; do
  case $(ls -dlL "$p" 2>/dev/null) in ?????w*|????????w*) echo "xsc:open:$p" ;; esac
  case $p in "$HOME") break ;; esac
  p=$(dirname "$p")
  [ "$p" != / ] || break
done
if [ -e /sys/fs/selinux/enforce ]; then echo "xsc:label:$(ls -dZ "$xsc_path" 2>/dev/null)"; fi
echo xsc:end:
`

/** Looks why sshd does not take a key that is in the file at `path`. */
export function keyCheckScript(path: string): GuestScript {
  return shScript({ xsc_path: path }, CHECK_SCRIPT)
}

/** What was found, as the end of a sentence, and what to do about it. */
export interface KeyFinding {
  readonly why: string
  readonly cure: string
}

/** The likeliest reason; a general one where nothing was found. */
export function readKeyCheck({ stdout }: ShellResult, path: string): KeyFinding {
  const lines = markedLines(stdout)
  const words = (kind: string) => lines.find((line) => line.kind === kind)?.words
  const looks = words('looks')
  if (looks !== undefined && !/(?:^|[\s/])\.ssh\/authorized_keys(?:\s|$)/.test(looks)) {
    return {
      why: `sshd there looks for keys elsewhere (AuthorizedKeysFile ${looks})`,
      cure: "Put the pool's key (xscontainer key show) into that file, or add .ssh/authorized_keys to AuthorizedKeysFile in the guest's sshd_config and reload sshd",
    }
  }
  const open = lines.filter(({ kind }) => kind === 'open').map((line) => line.words)
  if (open.length > 0) {
    return {
      why: `group or others can write to ${open.join(', ')}, so that sshd does not trust the file`,
      cure: `In the guest, as their owner: chmod go-w ${open.join(' ')}`,
    }
  }
  const label = words('label')
  if (label !== undefined && !label.includes(':ssh_home_t:')) {
    return {
      why: `SELinux keeps sshd from reading it (${label})`,
      cure: `As root in the guest: restorecon -R -v ${path.replace(/\/[^/]*$/, '')}`,
    }
  }
  return {
    why: 'nothing in its file is to blame',
    cure: 'See the log of sshd in the guest (journalctl -u ssh -u sshd), and AuthorizedKeysFile, AuthorizedKeysCommand, PubkeyAcceptedAlgorithms, AllowUsers and Match in its sshd_config',
  }
}
