import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './packages.ts'

/** A package as the predecessor's was: names, paths, scriptlets; its service sleeps, its programs do nothing. */
const SPEC = `
Name: xscontainer
Version: 10.0.4
Release: 1
Summary: stand-in for the predecessor
License: BSD
BuildArch: noarch
AutoReqProv: no
%global __os_install_post %{nil}
%description
x
%install
for file in usr/bin/xscontainer-monitor usr/bin/xscontainer-prepare-vm etc/xapi.d/plugins/xscontainer \\
  etc/xensource/bugtool/xscontainer.xml etc/xensource/bugtool/xscontainer/xscontainer_logs.xml \\
  usr/lib/systemd/system/xscontainer-monitor.service usr/lib/systemd/system-preset/80-xscontainer.preset \\
  usr/lib/python2.7/site-packages/xscontainer/__init__.py; do
  mkdir -p %{buildroot}/$(dirname $file)
  echo "#!/usr/bin/python" >%{buildroot}/$file
  chmod 755 %{buildroot}/$file
done
cd %{buildroot}/usr/lib/systemd
printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' >system/xscontainer-monitor.service
echo 'enable xscontainer-monitor.service' >system-preset/80-xscontainer.preset
%post
systemctl preset xscontainer-monitor.service >/dev/null 2>&1 || :
%preun
if [ $1 -eq 0 ]; then
  systemctl --no-reload disable xscontainer-monitor.service >/dev/null 2>&1 || :
  systemctl stop xscontainer-monitor.service >/dev/null 2>&1 || :
fi
%postun
systemctl daemon-reload >/dev/null 2>&1 || :
%files
/usr/bin/*
/etc/xapi.d/plugins/xscontainer
/etc/xensource/bugtool/*
/usr/lib/systemd/system/*
/usr/lib/systemd/system-preset/*
/usr/lib/python2.7/site-packages/xscontainer
`

/** A package that provides what every dom0 has, for those who resolve what packages need. */
const BASE = `
Name: dom0-base
Version: 1
Release: 1
Summary: stand-in for dom0
License: BSD
BuildArch: noarch
Provides: /bin/sh
Provides: /bin/bash
%description
x
%files
`

/** Builds a stand-in package in `folder`; its path. */
export function standIn(which: 'predecessor' | 'base', folder: string): string {
  mkdirSync(folder, { recursive: true })
  const spec = join(folder, `${which}.spec`)
  writeFileSync(spec, which === 'base' ? BASE : SPEC)
  const defines = ['--define', `_topdir ${folder}/rpmbuild`, '--define', `_rpmdir ${folder}`]
  run('rpmbuild', ['-bb', '--quiet', '--nodeps', ...defines, '--define', '_rpmfilename %%{NAME}.rpm', spec])
  return join(folder, which === 'base' ? 'dom0-base.rpm' : 'xscontainer.rpm')
}
