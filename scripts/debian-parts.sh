# Sourced by the scripts that install what tests or packages are made with. Before, they set `parts`, lines of
# program:package or /file:package, and define `give_up REASON`, which does not return.

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

missing=
for part in $parts; do
  case $part in
  /*) [ -e "${part%%:*}" ] ;;
  *) command -v "${part%%:*}" >/dev/null ;;
  esac || missing="$missing ${part#*:}"
done

log=
policy=/usr/sbin/policy-rc.d
policy_is_ours=
tidy() {
  [ -z "$log" ] || rm -f "$log"
  [ -z "$policy_is_ours" ] || rm -f "$policy"
}

apt_install() {
  # Another script may be installing: wait for it. Word splitting is wanted: one word per package.
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 $missing >>"$log" 2>&1
}

# Gives up unless this can install packages.
check_can_install() {
  [ "$(id -u)" = 0 ] || give_up 'only root can install packages'
  command -v apt-get >/dev/null || give_up 'there is no apt-get here'
}

# Installs all that is missing, without starting any service of the packages.
install_missing() {
  log=$(mktemp)
  trap tidy EXIT
  if [ ! -e "$policy" ]; then
    policy_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  # The package lists may be absent or too old to fetch from.
  if ! apt_install && ! { apt-get update -q >>"$log" 2>&1 && apt_install; }; then
    cat "$log" >&2
    give_up 'apt-get could not install all'
  fi
}
