import type { XapiParam } from '../../xapi/wire.ts'

/** Xen Orchestra shows its cloud-config page for a template of exactly this name, XenCenter for one that contains it. */
export const TEMPLATE_NAME = 'CoreOS'
/** Ours in other_config of the template: its own uuid, since VMs that are made of it inherit the key. */
export const TEMPLATE_KEY = 'xscontainer-template'
/** The key's value until XAPI has said which uuid the template has. */
export const TEMPLATE_NEW = 'new'

const GIB = 1024 ** 3
/** What clients let users choose up to: as in XenServer's own Linux templates. */
const MOST_MEMORY = 1536 * GIB
const MOST_VCPUS = 32

/**
 * Sizes for Flatcar and Fedora CoreOS of 2026, and for containers on top. Disk: both want 8 GB and more for the root file
 * system (flatcar.org, "Installing Flatcar Container Linux to disk"; docs.fedoraproject.org, "Configuring Storage": 8 GiB,
 * or it does not boot). Memory: 2 GiB for an image that runs out of memory, 4 GiB where Ignition lays out the root file
 * system anew (Fedora CoreOS); 1 GiB is what XenServer's own CoreOS template had as the least.
 */
export const SIZES = { diskBytes: 20 * GIB, memory: 4 * GIB, leastMemory: GIB, vcpus: 2 } as const

/** VM.create's record of the template. Whole numbers are texts, as XAPI wants them. */
export function coreOsRecord(uefi: boolean): { readonly [key: string]: XapiParam } {
  const memory = String(SIZES.memory)
  return {
    name_label: TEMPLATE_NAME,
    name_description:
      'Flatcar Container Linux, Fedora CoreOS and other systems that are set up by a config drive at their first boot. Made by xscontainer.',
    user_version: '1',
    is_a_template: true,
    affinity: 'OpaqueRef:NULL',
    memory_target: memory,
    memory_static_max: memory,
    memory_dynamic_max: memory,
    memory_dynamic_min: memory,
    memory_static_min: String(SIZES.leastMemory),
    VCPUs_params: {},
    VCPUs_max: String(SIZES.vcpus),
    VCPUs_at_startup: String(SIZES.vcpus),
    actions_after_shutdown: 'destroy',
    actions_after_reboot: 'restart',
    actions_after_crash: 'restart',
    PV_bootloader: '',
    PV_kernel: '',
    PV_ramdisk: '',
    PV_args: '',
    PV_bootloader_args: '',
    PV_legacy_args: '',
    HVM_boot_policy: 'BIOS order',
    HVM_boot_params: { order: 'cdn', ...(uefi && { firmware: 'uefi' }) },
    platform: platform(uefi),
    PCI_bus: '',
    other_config: otherConfig(),
    recommendations: recommendations(uefi),
    ha_always_run: false,
    ha_restart_priority: '',
    tags: [],
    domain_type: 'hvm',
  }
}

/** Secure boot off: images of these systems that one builds oneself are not signed. */
function platform(uefi: boolean): Readonly<Record<string, string>> {
  return {
    nx: 'true',
    acpi: '1',
    apic: 'true',
    pae: 'true',
    hpet: 'true',
    viridian: 'false',
    vga: 'std',
    videoram: '8',
    device_id: '0001',
    ...(uefi && { secureboot: 'false' }),
  }
}

/** `default_template` is what XenCenter tells the kind of a template by its name for; others are "custom" to it. */
function otherConfig(): Readonly<Record<string, string>> {
  const disk = `<disk bootable="true" device="0" size="${SIZES.diskBytes}" sr="" type="system"/>`
  return {
    default_template: 'true',
    linux_template: 'true',
    'install-methods': 'cdrom',
    disks: `<provision>${disk}</provision>`,
    [TEMPLATE_KEY]: TEMPLATE_NEW,
  }
}

/** In the form of XenServer's own templates, which clients read. */
function recommendations(uefi: boolean): string {
  const restrictions = [
    `field="memory-static-max" max="${MOST_MEMORY}"`,
    `field="vcpus-max" max="${MOST_VCPUS}"`,
    'field="has-vendor-device" value="false"',
    'field="allow-gpu-passthrough" value="1"',
    'field="allow-vgpu" value="1"',
    'field="supports-bios" value="yes"',
    `field="supports-uefi" value="${uefi ? 'yes' : 'no'}"`,
    'field="supports-secure-boot" value="no"',
    'property="number-of-vbds" max="255"',
    'property="number-of-vifs" max="7"',
  ]
  return `<restrictions>${restrictions.map((text) => `<restriction ${text}/>`).join('')}</restrictions>`
}
