#!/bin/sh
# boot.sh DIR BIND..: starts a systemd of its own on this system's files, in namespaces of its own. What is written goes
# to memory and is gone with it; DIR/files lies over it, and each BIND (as systemd-nspawn takes it) is seen inside.
# Ends when it is killed, or when the system inside powers off.
set -eu
dir=$1
shift

if [ "${BOOT_APART-}" != yes ]; then
  # A group of its own: two of these must not share one.
  group=/sys/fs/cgroup/systemd/$(basename "$dir")
  if [ -d /sys/fs/cgroup/systemd ]; then
    mkdir "$group"
    # Processes end a moment after their kill.
    trap 'for _ in 1 2 3 4 5 6 7 8 9 10; do
      find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.3
    done' EXIT
  fi
  trap 'kill "$child" 2>/dev/null; wait "$child"; exit' TERM INT
  BOOT_APART=yes GROUP=$group unshare --mount "$0" "$dir" "$@" &
  child=$!
  wait "$child"
  exit
fi

[ ! -d "$GROUP" ] || echo $$ >"$GROUP/cgroup.procs"
mkdir "$dir/memory"
mount -t tmpfs tmpfs "$dir/memory"
mkdir "$dir/memory/upper" "$dir/memory/work" "$dir/memory/root"
root=$dir/memory/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/memory/upper,workdir=$dir/memory/work" "$root"
# Nothing that this system starts, and no trace of what was tried here by hand.
rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/xscontainer" "$root/opt/xscontainer" "$root/root/.rpmdb"
cp -a "$dir/files/." "$root/"
options='--quiet --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off --console=pipe'
for bind; do options="$options --bind=$bind"; done
# shellcheck disable=SC2086 # one word per option
exec systemd-nspawn $options "--directory=$root" --boot -- --unit=check.target --show-status=no
