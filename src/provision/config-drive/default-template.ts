/**
 * The template for new container VMs where the administrator has not put one of his own. For guests with cloud-init
 * (runcmd: once, at the first boot) and for Flatcar's coreos-cloudinit (coreos: at each boot), which both leave out what
 * they do not know.
 */
export const DEFAULT_TEMPLATE = `#cloud-config
# For guests with cloud-init, and for Flatcar. What stands between percent signs is filled in for each VM.
hostname: "%VMNAMETOHOSTNAME%"

# Who may log in: the user core, which is Flatcar's and which cloud-init makes in place of the image's own first user.
user:
  name: core
ssh_authorized_keys:
  # Container management logs in with this key: without this line the VM cannot be monitored.
  - ssh-rsa %CONTAINERRSAPUB%
  # Your own key, to log in yourself:
  # - ssh-ed25519 <your public key>

write_files:
  # Others learn where this VM is as soon as it has moved to another host.
  - path: /etc/sysctl.d/10-arp-notify.conf
    permissions: "0644"
    content: |
      net.ipv4.conf.all.arp_notify = 1
%HINEXISTS%
  # The host-internal management network gives an address, but leads nowhere else.
  - path: /etc/systemd/network/00-host-internal.network
    permissions: "0644"
    content: |
      [Match]
      Name=eth%HIN% enX%HIN%

      [Network]
      DHCP=yes

      [DHCP]
      UseRoutes=false
%ENDHINEXISTS%
  # The guest agent tells the host this VM's addresses: it is taken from the config drive, where it has one.
  - path: /opt/xscontainer/guest-agent.sh
    permissions: "0755"
    content: |
      #!/bin/sh
      pidof xe-daemon xen-guest-agent >/dev/null && exit 0
      here=/opt/xscontainer/agent
      drive=/media/configdrive
      if [ ! -d "$drive/agent" ]; then
        drive=/run/xscontainer-config-drive
        mkdir -p "$drive"
        mount -o ro LABEL=config-2 "$drive" || drive=
      fi
      if [ -n "$drive" ] && [ -d "$drive/agent" ]; then
        mkdir -p "$here"
        cp "$drive"/agent/* "$here/"
      fi
      [ "$drive" != /run/xscontainer-config-drive ] || umount "$drive"
      [ -f "$here/xe-daemon" ] || exit 0
      chmod 755 "$here/xe-daemon" "$here/xe-linux-distribution"
      mkdir -p /var/cache
      "$here/xe-linux-distribution" /var/cache/xe-linux-distribution
      exec "$here/xe-daemon"
  - path: /etc/systemd/system/xscontainer-guest-agent.service
    permissions: "0644"
    content: |
      [Unit]
      Description=Guest agent of the hypervisor, from the config drive

      [Service]
      ExecStart=/bin/sh /opt/xscontainer/guest-agent.sh

      [Install]
      WantedBy=multi-user.target
  # Docker is installed where there is neither it nor Podman; the user core may use it then.
  - path: /opt/xscontainer/first-boot.sh
    permissions: "0755"
    content: |
      #!/bin/sh
      if ! command -v dockerd >/dev/null && ! command -v podman >/dev/null && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q
        apt-get install -y -q docker.io
      fi
      if command -v dockerd >/dev/null; then
        systemctl enable --now docker.service
        usermod -aG docker core
      fi
      if [ -e /etc/systemd/network/00-host-internal.network ]; then
        networkctl reload
      fi
      systemctl daemon-reload
      systemctl enable --now xscontainer-guest-agent.service

runcmd:
  - [sh, /opt/xscontainer/first-boot.sh]

coreos:
  units:
%HINEXISTS%
    - name: systemd-networkd.service
      command: restart
%ENDHINEXISTS%
    - name: docker.service
      command: start
    - name: xscontainer-guest-agent.service
      command: start
`
