# Completion of the xscontainer command for bash 4 and later; for /etc/bash_completion.d or `source` in ~/.bashrc.

# Names of VMs of this host, or names of a VM's containers, one a line. Names that JSON has to escape are left out.
_xscontainer_vms() {
  xscontainer "${config[@]}" status --json 2>/dev/null | sed -n 's/^    "name": "\([^"\\]*\)",$/\1/p'
}

_xscontainer_containers() {
  xscontainer "${config[@]}" ps -a --json -- "$1" 2>/dev/null | sed -n 's/^    "names": "\([^"\\]*\)",$/\1/p'
}

# Offers the lines on standard input that begin with the word under the cursor, quoted where they need it.
_xscontainer_offer() {
  local line typed=${cur#[\"\']}
  typed=${typed//\\/}
  while IFS= read -r line; do
    [[ -n $line && $line == "$typed"* ]] || continue
    if [[ $cur == [\"\']* ]]; then COMPREPLY+=("$line"); else COMPREPLY+=("$(printf %q "$line")"); fi
  done
}

_xscontainer() {
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local verb='' word i options='' config=() given=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      --config) config=(--config "${COMP_WORDS[++i]}") ;;
      -n | --tail | --level | --since | -u | --user | --sr | --file | --username | --identity | --password-file | --mode | \
        --client-cert | --client-key | --ca-cert) [[ -n $verb ]] && ((i++)) ;;
      -i) [[ $verb == prepare-vm ]] && ((i++)) ;;
      -*) ;;
      *)
        if [[ -z $verb ]]; then
          verb=$word
        else
          # As the shell will read it, without having the shell run anything.
          word=${word//\\/} word=${word#[\"\']} word=${word%[\"\']}
          given+=("$word")
        fi
        ;;
    esac
  done

  case $previous in
    --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --mode) [[ -n $verb ]] && mapfile -t COMPREPLY < <(compgen -W "ssh tls" -- "$cur") && return ;;
    --identity | --password-file | --client-cert | --client-key | --ca-cert)
      [[ -n $verb ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return
      ;;
    --file) [[ -n $verb ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
    --level) [[ -n $verb ]] && mapfile -t COMPREPLY < <(compgen -W "trace debug info warn error fatal" -- "$cur") && return ;;
    -n | --tail | --since | -u | --user | --username | --sr) [[ -n $verb ]] && return ;;
  esac

  case $verb in
    status) options='--pool --json' ;;
    ps) options='--all --pool --json' ;;
    top | inspect | stats | doctor) options='--json' ;;
    log) options='--tail --level' ;;
    purge) options='--published --yes' ;;
    logs) options='--follow --tail --since' ;;
    key) options='--restrict --forget --finish --next --json' ;;
    exec) options='--interactive --tty --user' ;;
    console) options='--user' ;;
    tls) options='--client-cert --client-key --ca-cert --sr --yes' ;;
    prepare-vm) options='--username --mode --identity --password-file --yes --dry-run --undo --print --restrict --sudo --client-cert --client-key --ca-cert --generate-certs --sr' ;;
    config-drive) options='--sr --file' ;;
  esac
  if [[ $cur == -* ]]; then
    [[ $verb == exec && ${#given[@]} -ge 2 ]] && return
    mapfile -t COMPREPLY < <(compgen -W "$options --config --help --version" -- "$cur")
    return
  fi

  case $verb in
    '')
      mapfile -t COMPREPLY < <(compgen -W 'status ps top inspect logs stats start stop restart pause unpause exec console
        register deregister prepare-vm tls watch config-drive template key log purge doctor help' -- "$cur")
      ;;
    help) mapfile -t COMPREPLY < <(compgen -W 'status ps top inspect logs stats start stop restart pause unpause exec
        console register deregister prepare-vm tls watch config-drive template key log purge doctor' -- "$cur") ;;
    ps | register | deregister | prepare-vm | watch | doctor)
      ((${#given[@]} == 0)) && _xscontainer_offer < <(_xscontainer_vms)
      ;;
    config-drive)
      ((${#given[@]} == 0)) && mapfile -t COMPREPLY < <(compgen -W "create show default" -- "$cur")
      ((${#given[@]} == 1)) && [[ ${given[0]} != default ]] && _xscontainer_offer < <(_xscontainer_vms)
      ;;
    tls)
      ((${#given[@]} == 0)) && mapfile -t COMPREPLY < <(compgen -W "renew" -- "$cur")
      ((${#given[@]} == 1)) && _xscontainer_offer < <(_xscontainer_vms)
      ;;
    template) ((${#given[@]} == 0)) && mapfile -t COMPREPLY < <(compgen -W "install remove status" -- "$cur") ;;
    key) ((${#given[@]} == 0)) && mapfile -t COMPREPLY < <(compgen -W "show status rotate" -- "$cur") ;;
    top | logs | stats | exec | console)
      ((${#given[@]} == 0)) && _xscontainer_offer < <(_xscontainer_vms)
      ((${#given[@]} == 1)) && _xscontainer_offer < <(_xscontainer_containers "${given[0]}")
      ;;
    inspect | start | stop | restart | pause | unpause)
      ((${#given[@]} == 0)) && _xscontainer_offer < <(_xscontainer_vms)
      ((${#given[@]} >= 1)) && _xscontainer_offer < <(_xscontainer_containers "${given[0]}")
      ;;
  esac
  return 0
}

complete -F _xscontainer xscontainer
