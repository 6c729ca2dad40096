/**
 * Edits ~/.ssh/authorized_keys: removes lines with the blobs in $xsc_remove, adds $xsc_line unless $xsc_blob is there.
 * POSIX sh with sed, ls, wc, tail and the file utilities, as busybox has them. What goes before it is in one brace
 * group with it, which sh reads whole before it begins: a connection that breaks on the way changes nothing. Where
 * sshd looks and what it demands: sshd(8) on AUTHORIZED_KEYS and StrictModes.
 *
 * The file is written anew beside the old one and renamed over it, through symbolic links: what reads it meanwhile
 * sees the old or the new one, and a full disk leaves the old one. Each line of the answer begins with `xsc:`, which
 * tells it from what login scripts print: `did:WHAT:PATH`, `note:WHAT:PATH`, `fail:WHAT:PATH`, `said:WORDS`, and at
 * the end `end:`.
 */
export const EDIT_SCRIPT = String.raw`
xsc_say() { printf 'xsc:%s\n' "$1"; }
xsc_fail() {
  xsc_say "said:$xsc_words"
  xsc_say "fail:$1:$2"
  [ -z "$xsc_new" ] || rm -f "$xsc_new"
  xsc_say end:
  exit 1
}
# Keeps what a command complains of.
xsc_try() { xsc_words=$("$@" 2>&1 >/dev/null); }

# Whether group or others may write: sshd then ignores the key.
xsc_open() { case $(ls -dlL "$1" 2>/dev/null) in ?????w*|????????w*) return 0 ;; esac; return 1; }
xsc_close() {
  xsc_open "$1" || return 0
  chmod go-w "$1" 2>/dev/null
  if xsc_open "$1"; then xsc_say "note:open:$1"; else xsc_say "note:closed:$1"; fi
}

# With SELinux sshd reads only what is labelled for it.
xsc_labelled() { case $(ls -dZ "$1" 2>/dev/null) in *:ssh_home_t:*) return 0 ;; *:*_t:*) return 1 ;; esac; return 0; }
xsc_label() {
  xsc_labelled "$1" && return 0
  restorecon "$1" >/dev/null 2>&1
  xsc_labelled "$1" || chcon -t ssh_home_t "$1" >/dev/null 2>&1
  if xsc_labelled "$1"; then xsc_say "note:labelled:$1"; else xsc_say "note:label:$1"; fi
}

xsc_size() { wc -c | tr -d ' '; }
xsc_has() { [ -n "$(sed -n -e '/^[[:space:]]*#/b' -e "\|$2|=" "$1")" ]; }
xsc_copy() { cp -p "$1" "$2" && sed -e "$xsc_drop" "$1" >"$2"; }
xsc_create() { : >>"$1"; }
xsc_append() { printf '%s\n' "$2" >>"$1"; }
xsc_write() { cat "$1" >"$2" && rm -f "$1"; }

xsc_resolve() {
  xsc_file=$1
  xsc_links=0
  while [ -L "$xsc_file" ]; do
    xsc_links=$((xsc_links + 1))
    [ "$xsc_links" -le 20 ] || return 1
    xsc_target=$(readlink "$xsc_file") || return 1
    case $xsc_target in /*) xsc_file=$xsc_target ;; *) xsc_file=$(dirname "$xsc_file")/$xsc_target ;; esac
  done
}

xsc_prepare() {
  [ -d "$d" ] || { xsc_try mkdir "$d" || xsc_fail write "$d"; xsc_say "note:created:$d"; }
  [ -d "$(dirname "$f")" ] || xsc_fail link "$f"
  xsc_try xsc_create "$f" || xsc_fail write "$f"
  chmod 600 "$f"
  xsc_say "note:created:$f"
}

# The new text beside the old one, checked before it takes its place: every other line is there.
xsc_rewrite() {
  folder=$(dirname "$f")
  [ -w "$folder" ] || folder=$d
  xsc_new=$folder/authorized_keys.xscontainer.$$
  xsc_try rm -f "$xsc_new"
  xsc_try xsc_copy "$f" "$xsc_new" || xsc_fail write "$f"
  gone=$(sed -n -e "$xsc_show" "$f" | xsc_size)
  [ $(($(xsc_size <"$xsc_new") + gone)) -ge "$(xsc_size <"$f")" ] || xsc_fail write "$f"
  if [ -n "$xsc_add" ]; then
    # A last line without an end would swallow ours.
    if [ -s "$xsc_new" ] && [ -n "$(tail -c 1 "$xsc_new")" ]; then
      xsc_try xsc_append "$xsc_new" '' || xsc_fail write "$f"
      xsc_say "note:newline:$f"
    fi
    before=$(xsc_size <"$xsc_new")
    xsc_try xsc_append "$xsc_new" "$xsc_add" || xsc_fail write "$f"
    [ "$(xsc_size <"$xsc_new")" -eq $((before + $(printf '%s\n' "$xsc_add" | xsc_size))) ] || xsc_fail write "$f"
  fi
  chcon --reference="$f" "$xsc_new" >/dev/null 2>&1
  if [ -w "$(dirname "$f")" ]; then
    xsc_try mv -f "$xsc_new" "$f" || xsc_fail write "$f"
  else
    xsc_try xsc_write "$xsc_new" "$f" || xsc_fail write "$f"
  fi
  xsc_new=
}

umask 077
LC_ALL=C
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export LC_ALL PATH
xsc_new=
xsc_words=
d=$HOME/.ssh
f=$d/authorized_keys
case $HOME in /?*) ;; *) xsc_fail no-home "$HOME" ;; esac
[ -d "$HOME" ] || xsc_fail no-home "$HOME"
xsc_resolve "$f" || xsc_fail link "$f"
f=$xsc_file
[ "$f" = "$d/authorized_keys" ] || xsc_say "note:link:$f"

if [ ! -e "$f" ] && [ -n "$xsc_line" ]; then xsc_prepare; fi
if [ -e "$f" ]; then
  [ -f "$f" ] || xsc_fail not-a-file "$f"
  [ -r "$f" ] || xsc_fail read "$f"
fi

xsc_drop='/^[[:space:]]*#/b'
xsc_show=$xsc_drop
xsc_removed=
if [ -e "$f" ]; then
  for blob in $xsc_remove; do
    xsc_drop="$xsc_drop
\\|$blob|d"
    xsc_show="$xsc_show
\\|$blob|{
p
b
}"
    if xsc_has "$f" "$blob"; then xsc_removed=yes; fi
  done
fi
xsc_add=$xsc_line
if [ -n "$xsc_add" ]; then
  case " $xsc_remove " in
  *" $xsc_blob "*) ;;
  *) if xsc_has "$f" "$xsc_blob"; then xsc_add=; fi ;;
  esac
fi
if [ -n "$xsc_removed$xsc_add" ]; then xsc_rewrite; fi
if [ -n "$xsc_removed" ]; then xsc_say "did:removed:$f"; elif [ -n "$xsc_remove" ]; then xsc_say "did:absent:$f"; fi
if [ -n "$xsc_add" ]; then xsc_say "did:added:$f"; elif [ -n "$xsc_line" ]; then xsc_say "did:present:$f"; fi

if [ -n "$xsc_line" ]; then
  for p in "$f" "$d" "$HOME"; do xsc_close "$p"; done
  for p in "$d" "$f"; do xsc_label "$p"; done
fi
xsc_say end:
`
