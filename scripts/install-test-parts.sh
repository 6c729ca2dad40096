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

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

missing=
for part in $parts; do
  command -v "${part%%:*}" >/dev/null || missing="$missing ${part#*:}"
done
[ -n "$missing" ] || exit 0

give_up() {
  echo "*** REAL TESTS WILL NOT RUN: $1; missing:$missing" >&2
  [ "${CI-}" != true ] || exit 1
  exit 0
}

[ "$(id -u)" = 0 ] || give_up 'only root can install packages'
command -v apt-get >/dev/null || give_up 'there is no apt-get here, install them by hand'

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
ours=
tidy() {
  rm -f "$log"
  [ -z "$ours" ] || rm -f "$policy"
}
trap tidy EXIT

# The packages must not start services of their own: the tests start what they need, apart from the system's.
if [ ! -e "$policy" ]; then
  ours=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

# Nor may cloud-init take this machine for a new one when it boots next: it is for the tests' guests only.
case " $missing " in
*" cloud-init "*)
  mkdir -p /etc/cloud
  : >/etc/cloud/cloud-init.disabled
  ;;
esac

install_missing() {
  # shellcheck disable=SC2086 # one word per package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1
}

# The package lists may be absent or too old to fetch from.
if ! install_missing && ! { apt-get update -q >>"$log" 2>&1 && install_missing; }; then
  cat "$log" >&2
  give_up 'apt-get could not install all'
fi
