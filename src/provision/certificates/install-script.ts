/**
 * The PowerShell script (5.1 and later) that brings the engine's part of the material from the disc into Docker on
 * Windows. Run twice it changes nothing the second time; when the engine does not start with the new settings, the old
 * ones come back. ASCII only: without a byte order mark PowerShell 5.1 reads the system's code page.
 */
export function installScript(): string {
  return String.raw`#Requires -RunAsAdministrator
# Sets up TLS for Docker on Windows with the certificates beside this file. Can be run again at any time.
$ErrorActionPreference = 'Stop'
$source = Split-Path -Parent $MyInvocation.MyCommand.Path
$docker = Join-Path $env:ProgramData 'docker'
$certs = Join-Path $docker 'certs.d'
$config = Join-Path (Join-Path $docker 'config') 'daemon.json'
$plain = New-Object System.Text.UTF8Encoding $false   # dockerd does not read a byte order mark
$changed = $false

$service = Get-CimInstance Win32_Service -Filter "Name='docker'"
if (-not $service) { throw 'There is no service "docker" on this machine: install the Docker engine first.' }
if ($service.PathName -match '\s(-H|--host|--tls\w*)[\s=]') {
    throw "The service docker is registered with options that exclude those of daemon.json: $($service.PathName). Register it without them (dockerd --unregister-service, dockerd --register-service), then run this again."
}

# 1. Certificates and key, readable for SYSTEM and administrators only
New-Item -ItemType Directory -Force -Path $certs, (Split-Path -Parent $config) | Out-Null
foreach ($name in 'ca.pem', 'server-cert.pem', 'server-key.pem') {
    $target = Join-Path $certs $name
    $new = [IO.File]::ReadAllText((Join-Path $source $name))
    if (-not (Test-Path $target) -or [IO.File]::ReadAllText($target) -cne $new) {
        if (-not (Test-Path $target)) { [IO.File]::WriteAllText($target, '', $plain) }
        & icacls.exe $target /inheritance:r /grant:r '*S-1-5-18:F' '*S-1-5-32-544:F' | Out-Null
        if ($LASTEXITCODE -ne 0) { throw "Cannot protect $target (icacls ended with $LASTEXITCODE)." }
        [IO.File]::WriteAllText($target, $new, $plain)
        $changed = $true
    }
}

# 2. daemon.json: our settings into those that are there, all others stay
$wanted = [IO.File]::ReadAllText((Join-Path $source 'daemon.json')) | ConvertFrom-Json
$before = $null
$settings = New-Object PSObject
if (Test-Path $config) {
    $before = [IO.File]::ReadAllText($config)
    if ($before.Trim() -ne '') { $settings = $before | ConvertFrom-Json }
}
$differs = $false
foreach ($setting in $wanted.PSObject.Properties) {
    $old = $settings.PSObject.Properties[$setting.Name]
    $value = $setting.Value
    if ($setting.Name -eq 'hosts' -and $old) {
        $value = @($value) + @($old.Value | Where-Object { $_ -notlike 'tcp://*' -and $value -notcontains $_ })
    }
    if ($old -and (ConvertTo-Json @($old.Value) -Compress) -ceq (ConvertTo-Json @($value) -Compress)) { continue }
    $settings | Add-Member -Force -MemberType NoteProperty -Name $setting.Name -Value $value
    $differs = $true
}
if ($differs) {
    [IO.File]::WriteAllText($config, (ConvertTo-Json $settings -Depth 20), $plain)
    $changed = $true
}

# 3. The firewall lets the port in
$port = [int]([regex]::Match(@($wanted.hosts)[0], ':(\d+)$').Groups[1].Value)
$rule = 'xscontainer-docker-tls'
Get-NetFirewallRule -Name $rule -ErrorAction SilentlyContinue |
    Where-Object { ($_ | Get-NetFirewallPortFilter).LocalPort -ne "$port" } | Remove-NetFirewallRule
if (-not (Get-NetFirewallRule -Name $rule -ErrorAction SilentlyContinue)) {
    New-NetFirewallRule -Name $rule -DisplayName "Docker engine with TLS (TCP $port)" -Direction Inbound -Action Allow -Protocol TCP -LocalPort $port | Out-Null
}

# 4. The engine starts with them, or again with what it had
Set-Service docker -StartupType Automatic
if ($changed -or (Get-Service docker).Status -ne 'Running') {
    try {
        Restart-Service docker -Force
        (Get-Service docker).WaitForStatus('Running', '00:01:00')
    } catch {
        if ($differs) {
            if ($null -eq $before) { Remove-Item $config } else { [IO.File]::WriteAllText($config, $before, $plain) }
            Start-Service docker -ErrorAction SilentlyContinue
        }
        throw "The Docker engine did not start with TLS; its settings are as they were. See: Get-EventLog Application -Source docker -Newest 20. $_"
    }
}
Write-Host "Done: the Docker engine listens on TCP port $port and lets in who has the right certificate."
`
}
