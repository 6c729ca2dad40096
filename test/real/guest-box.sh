#!/bin/sh
# A guest in a box: own network, mounts, processes and host name; private /etc, /home, /run and /var/log.
#
#   guest-box.sh DIR      sets the box up in the existing directory DIR and writes "ready PID" (PID of its process 1 as
#                         the host counts). The box lives while standard input is open. The kernel then kills all that
#                         runs in it, its mounts and links vanish with its namespaces, and DIR is removed: nothing can
#                         be left behind, not even by a test that crashed.
set -eu
dir=$1

if [ "${2-}" != inside ]; then
  unshare --net --mount --uts --ipc --pid --fork --kill-child=KILL sh "$0" "$dir" inside || true
  # What engines put under their cgroup parent (named after DIR) is empty now.
  find /sys/fs/cgroup -depth -type d -path "*/$(basename "$dir")*" -exec rmdir {} + 2>/dev/null || true
  rm -rf "$dir"
  exit 0
fi

# /proc still is the host's here: it tells this shell's pid as the host counts.
read -r pid _ </proc/self/stat
mkdir -p "$dir/run/sshd" "$dir/home" "$dir/log" "$dir/etc" "$dir/etc-work"
overlay="lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/etc-work"
if ! mount -t overlay overlay -o "$overlay" /etc 2>/dev/null; then
  cp -a /etc/. "$dir/etc/"
  mount --bind "$dir/etc" /etc
fi
mount --bind "$dir/home" /home
mount --bind "$dir/log" /var/log
mount --bind "$dir/run" /run
mount -t proc proc /proc
hostname guest
ip link set lo up
echo "ready $pid"

# `wait` collects orphans too, which process 1 has to do; a plain `read` would leave them as zombies.
exec 3<&0
cat <&3 >/dev/null &
wait $!

# A paused container (cgroup v1) survives its kill until it is thawed, and the box with it.
sed -n 's/^[0-9]*:freezer:\(\/.\)/\1/p' /proc/[0-9]*/cgroup 2>/dev/null | sort -u | while read -r group; do
  echo THAWED >"/sys/fs/cgroup/freezer$group/freezer.state" || true
done
