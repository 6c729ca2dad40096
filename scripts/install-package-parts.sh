#!/bin/sh
# Installs what `make rpm`, `make pack` and `make test-package` need, all from Debian 12's main section. Does nothing
# when all is there.
set -eu

# program:package
parts='
rpmbuild:rpm
createrepo_c:createrepo-c
xorriso:xorriso
isoinfo:genisoimage
patchelf:patchelf
strip:binutils
dpkg-deb:dpkg
xz:xz-utils
gpg:gnupg
cpio:cpio
git:git
unshare:util-linux
dnf:dnf
rpmlint:rpmlint
gcc:gcc
'

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

missing=
for part in $parts; do
  command -v "${part%%:*}" >/dev/null || missing="$missing ${part#*:}"
done
[ -n "$missing" ] || exit 0

give_up() {
  echo "*** $1; missing:$missing" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || give_up 'Only root can install packages'
command -v apt-get >/dev/null || give_up 'There is no apt-get here; rpm/Dockerfile builds on Debian 12'

log=$(mktemp)
trap 'rm -f "$log"' EXIT
install_missing() {
  # shellcheck disable=SC2086 # one word per package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1
}
if ! install_missing && ! { apt-get update -q >>"$log" 2>&1 && install_missing; }; then
  cat "$log" >&2
  give_up 'apt-get could not install all'
fi
