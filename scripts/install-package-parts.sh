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
/usr/lib/x86_64-linux-gnu/libc.a:libc6-dev
systemd-analyze:systemd
systemd-nspawn:systemd-container
'

give_up() {
  echo "*** Packages cannot be made: $1; missing:$missing. rpm/Dockerfile has what it takes on Debian 12" >&2
  exit 1
}

# shellcheck source=scripts/debian-parts.sh
. "$(dirname "$0")/debian-parts.sh"
[ -n "$missing" ] || exit 0
check_can_install
install_missing
