/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that the x86 payloads use: TSC modes, MSRs, HVM parameters, bits of registers. */
#include "x86_priv.h"

const struct xsi_name x86_tsc_modes[] = {
    { 0, "default" },  { 1, "always_emulate" }, { 2, "never_emulate" },
    { 3, "pvrdtscp" }, /* refused since 4.12 */
    { 0, NULL },
};

/* Numbers are the processors' own; which of them Xen sends grew from 4.5 to 4.18. */
const struct xsi_name x86_msr_names[] = {
    { 0x10, "TSC" },
    { 0x1b, "APIC_BASE" },
    { 0x3b, "TSC_ADJUST" },
    { 0x48, "SPEC_CTRL" },
    { 0x49, "PRED_CMD" },
    { 0xce, "PLATFORM_INFO" },
    { 0x10a, "ARCH_CAPABILITIES" },
    { 0x122, "TSX_CTRL" },
    { 0x140, "MISC_FEATURES_ENABLES" },
    { 0x174, "SYSENTER_CS" },
    { 0x175, "SYSENTER_ESP" },
    { 0x176, "SYSENTER_EIP" },
    { 0x1d9, "DEBUGCTL" },
    { 0x277, "PAT" },
    { 0x6e0, "TSC_DEADLINE" },
    { 0x6e1, "PKRS" },
    { 0xd90, "BNDCFGS" },
    { 0xda0, "XSS" },
    { 0xc0000080, "EFER" },
    { 0xc0000081, "STAR" },
    { 0xc0000082, "LSTAR" },
    { 0xc0000083, "CSTAR" },
    { 0xc0000084, "SYSCALL_MASK" },
    { 0xc0000100, "FS_BASE" },
    { 0xc0000101, "GS_BASE" },
    { 0xc0000102, "SHADOW_GS_BASE" },
    { 0xc0000103, "TSC_AUX" },
    { 0xc0011019, "DR1_ADDRESS_MASK" },
    { 0xc001101a, "DR2_ADDRESS_MASK" },
    { 0xc001101b, "DR3_ADDRESS_MASK" },
    { 0xc0011027, "DR0_ADDRESS_MASK" },
    { 0xc001011f, "VIRT_SPEC_CTRL" },
    { 0, NULL },
};

const struct xsi_name x86_vm_assist_bits[] = {
    { X86_BIT(0), "4gb_segments" },        { X86_BIT(1), "4gb_segments_notify" },
    { X86_BIT(2), "writable_pagetables" }, { X86_BIT(3), "pae_extended_cr3" },
    { X86_BIT(4), "architectural_iopl" },  { X86_BIT(5), "runstate_update_flag" },
    { X86_BIT(32), "m2p_strict" },         { 0, NULL },
};

const struct xsi_name x86_rflags_bits[] = {
    { X86_BIT(0), "cf" },  { X86_BIT(1), "r1" },   { X86_BIT(2), "pf" },   { X86_BIT(4), "af" },
    { 0x3000, "iopl3" },   { 0x2000, "iopl2" },    { 0x1000, "iopl1" },    { X86_BIT(6), "zf" },
    { X86_BIT(7), "sf" },  { X86_BIT(8), "tf" },   { X86_BIT(9), "if" },   { X86_BIT(10), "df" },
    { X86_BIT(11), "of" }, { X86_BIT(14), "nt" },  { X86_BIT(16), "rf" },  { X86_BIT(17), "vm" },
    { X86_BIT(18), "ac" }, { X86_BIT(19), "vif" }, { X86_BIT(20), "vip" }, { X86_BIT(21), "id" },
    { 0, NULL },
};

const struct xsi_name x86_cr0_bits[] = {
    { X86_BIT(0), "pe" },  { X86_BIT(1), "mp" },  { X86_BIT(2), "em" },  { X86_BIT(3), "ts" },
    { X86_BIT(4), "et" },  { X86_BIT(5), "ne" },  { X86_BIT(16), "wp" }, { X86_BIT(18), "am" },
    { X86_BIT(29), "nw" }, { X86_BIT(30), "cd" }, { X86_BIT(31), "pg" }, { 0, NULL },
};

const struct xsi_name x86_cr4_bits[] = {
    { X86_BIT(0), "vme" },       { X86_BIT(1), "pvi" },         { X86_BIT(2), "tsd" },
    { X86_BIT(3), "de" },        { X86_BIT(4), "pse" },         { X86_BIT(5), "pae" },
    { X86_BIT(6), "mce" },       { X86_BIT(7), "pge" },         { X86_BIT(8), "pce" },
    { X86_BIT(9), "osfxsr" },    { X86_BIT(10), "osxmmexcpt" }, { X86_BIT(11), "umip" },
    { X86_BIT(12), "la57" },     { X86_BIT(13), "vmxe" },       { X86_BIT(14), "smxe" },
    { X86_BIT(16), "fsgsbase" }, { X86_BIT(17), "pcide" },      { X86_BIT(18), "osxsave" },
    { X86_BIT(20), "smep" },     { X86_BIT(21), "smap" },       { X86_BIT(22), "pke" },
    { X86_BIT(23), "cet" },      { X86_BIT(24), "pks" },        { X86_BIT(25), "uintr" },
    { X86_BIT(28), "lam_sup" },  { X86_BIT(32), "fred" },       { 0, NULL },
};

const struct xsi_name x86_efer_bits[] = {
    { X86_BIT(0), "sce" },     { X86_BIT(8), "lme" },
    { X86_BIT(10), "lma" },    { X86_BIT(11), "nxe" },
    { X86_BIT(12), "svme" },   { X86_BIT(13), "lmsle" },
    { X86_BIT(14), "ffxse" },  { X86_BIT(15), "tce" },
    { X86_BIT(21), "aibrse" }, { 0, NULL },
};

const struct xsi_name x86_mcg_cap_bits[] = {
    { X86_BIT(8), "ctl_p" },
    { X86_BIT(9), "ext_p" },
    { X86_BIT(10), "cmci_p" },
    { X86_BIT(11), "tes_p" },
    { X86_BIT(24), "ser_p" },
    { X86_BIT(27), "lmce_p" },
    { 0, NULL },
};

const struct xsi_name x86_xstate_bits[] = {
    { X86_BIT(0), "x87" },
    { X86_BIT(1), "sse" },
    { X86_BIT(2), "avx" },
    { X86_BIT(3), "mpx_bndregs" },
    { X86_BIT(4), "mpx_bndcsr" },
    { X86_BIT(5), "avx512_opmask" },
    { X86_BIT(6), "avx512_zmm_hi256" },
    { X86_BIT(7), "avx512_hi16_zmm" },
    { X86_BIT(8), "pt" },
    { X86_BIT(9), "pkru" },
    { X86_BIT(10), "pasid" },
    { X86_BIT(11), "cet_user" },
    { X86_BIT(12), "cet_kernel" },
    { X86_BIT(17), "amx_tilecfg" },
    { X86_BIT(18), "amx_tiledata" },
    { X86_BIT(62), "lwp" },
    { 0, NULL },
};

const char *x86_release_name(unsigned release)
{
    static const struct xsi_name names[] = {
        { 300, "xen-3.0" },  { 301, "xen-3.1" },  { 302, "xen-3.2" },  { 303, "xen-3.3" },
        { 304, "xen-3.4" },  { 400, "xen-4.0" },  { 401, "xen-4.1" },  { 402, "xen-4.2" },
        { 403, "xen-4.3" },  { 404, "xen-4.4" },  { 405, "xen-4.5" },  { 406, "xen-4.6" },
        { 407, "xen-4.7" },  { 408, "xen-4.8" },  { 409, "xen-4.9" },  { 410, "xen-4.10" },
        { 411, "xen-4.11" }, { 412, "xen-4.12" }, { 413, "xen-4.13" }, { 414, "xen-4.14" },
        { 415, "xen-4.15" }, { 416, "xen-4.16" }, { 417, "xen-4.17" }, { 418, "xen-4.18" },
        { 419, "xen-4.19" }, { 420, "xen-4.20" }, { 421, "xen-4.21" }, { 422, "xen-4.22" },
    };

    for (size_t i = 0; i < X86_COUNT(names); i++)
        if (names[i].value == release)
            return names[i].name;
    return NULL;
}
