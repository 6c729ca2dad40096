#!/bin/sh
# Installs what the real tests need: OpenSSH server, login shells that guests may have, Docker Engine, podman, a static
# busybox to make an image of, cloud-init, and tools that read and write ISO images.
# Does nothing when all is there. Where it cannot install it says so in one line, and fails only with CI=true.
set -eu

# program:package
parts='
sshd:openssh-server
ssh-keygen:openssh-client
dockerd:docker.io
docker:docker.io
containerd:containerd
podman:podman
conmon:conmon
busybox:busybox-static
socat:socat
ip:iproute2
openssl:openssl
iptables:iptables
unshare:util-linux
nsenter:util-linux
useradd:passwd
sudo:sudo
fish:fish
tcsh:tcsh
cloud-init:cloud-init
isoinfo:genisoimage
xorriso:xorriso
bsdtar:libarchive-tools
hostname:hostname
make:make
'

give_up() {
  echo "*** REAL TESTS WILL NOT RUN: $1; missing:$missing" >&2
  [ "${CI-}" != true ] || exit 1
  exit 0
}

# shellcheck source=scripts/debian-parts.sh
. "$(dirname "$0")/debian-parts.sh"

[ -n "$missing" ] || exit 0
check_can_install

# cloud-init may not take this machine for a new one when it boots next: it is for the tests' guests only.
case "$missing " in
*" cloud-init "*)
  mkdir -p /etc/cloud
  : >/etc/cloud/cloud-init.disabled
  ;;
esac

install_missing
