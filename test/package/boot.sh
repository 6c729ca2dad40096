#!/bin/sh
# boot.sh DIR BIND..: starts a systemd of its own on this system's files, in namespaces of its own. What is written goes
# to memory and is gone with it; DIR/files lies over it, and each BIND (as systemd-nspawn takes it) is seen inside.
# Ends when it is killed, when its standard input does, or when the system inside powers off.
set -eu
dir=$1
shift

# The hierarchies in which systemd-nspawn looks for its own group: one of the kernel's second version, or both of these.
name=$(basename "$dir")
groups=
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  [ ! -f "$hierarchy/cgroup.procs" ] || groups="$groups $hierarchy/$name"
done

remove_groups() {
  # Processes end a moment after their kill.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for group in $groups; do
      [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || left=yes
    done
    [ -n "$left" ] || return 0
    sleep 0.3
  done
}

if [ "${BOOT_APART-}" != yes ]; then
  # Groups of its own: two of these must not share them. Where there are two hierarchies, systemd-nspawn makes its two
  # groups in one, and takes for granted that the other has them too.
  trap remove_groups EXIT
  for group in $groups; do
    mkdir "$group"
    case $group in /sys/fs/cgroup/systemd/*) mkdir "$group/payload" "$group/supervisor" ;; esac
  done
  trap 'kill "$child" 2>/dev/null; wait "$child"; exit' TERM INT
  exec 3<&0
  BOOT_APART=yes unshare --mount "$0" "$dir" "$@" </dev/null 3<&- &
  child=$!
  # Whoever has started this may be killed: nothing is left running then.
  (cat <&3 >/dev/null; kill "$child") >/dev/null 2>&1 &
  wait "$child"
  exit
fi

for group in $groups; do
  echo $$ >"$group/cgroup.procs"
done
mkdir "$dir/memory"
mount -t tmpfs tmpfs "$dir/memory"
mkdir "$dir/memory/upper" "$dir/memory/work" "$dir/memory/root"
root=$dir/memory/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/memory/upper,workdir=$dir/memory/work" "$root"
# Nothing that this system starts, and no trace of what was tried here by hand.
rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/xscontainer" "$root/opt/xscontainer" "$root/root/.rpmdb"
cp -a "$dir/files/." "$root/"
options="--quiet --machine=$name --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off --console=pipe"
for bind; do options="$options --bind=$bind"; done
# shellcheck disable=SC2086 # one word per option
exec systemd-nspawn $options "--directory=$root" --boot -- --unit=check.target --show-status=no
