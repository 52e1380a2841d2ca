/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of CPUID feature bits, as in the processor manuals, in lower case. */
#include "x86_priv.h"

/* A row's place is not its bit: reserved bits have no row. */
#define BIT(n, name)             \
    {                            \
        UINT64_C(1) << (n), name \
    }

static const struct xsi_name leaf_1_d[] = {
    BIT(0, "fpu"),   BIT(1, "vme"),    BIT(2, "de"),    BIT(3, "pse"),      BIT(4, "tsc"),
    BIT(5, "msr"),   BIT(6, "pae"),    BIT(7, "mce"),   BIT(8, "cx8"),      BIT(9, "apic"),
    BIT(11, "sep"),  BIT(12, "mtrr"),  BIT(13, "pge"),  BIT(14, "mca"),     BIT(15, "cmov"),
    BIT(16, "pat"),  BIT(17, "pse36"), BIT(18, "psn"),  BIT(19, "clflush"), BIT(21, "ds"),
    BIT(22, "acpi"), BIT(23, "mmx"),   BIT(24, "fxsr"), BIT(25, "sse"),     BIT(26, "sse2"),
    BIT(27, "ss"),   BIT(28, "htt"),   BIT(29, "tm"),   BIT(31, "pbe"),     { 0, NULL },
};

static const struct xsi_name leaf_1_c[] = {
    BIT(0, "sse3"),    BIT(1, "pclmulqdq"), BIT(2, "dtes64"),      BIT(3, "monitor"),
    BIT(4, "ds_cpl"),  BIT(5, "vmx"),       BIT(6, "smx"),         BIT(7, "eist"),
    BIT(8, "tm2"),     BIT(9, "ssse3"),     BIT(10, "cnxt_id"),    BIT(11, "sdbg"),
    BIT(12, "fma"),    BIT(13, "cx16"),     BIT(14, "xtpr"),       BIT(15, "pdcm"),
    BIT(17, "pcid"),   BIT(18, "dca"),      BIT(19, "sse4_1"),     BIT(20, "sse4_2"),
    BIT(21, "x2apic"), BIT(22, "movbe"),    BIT(23, "popcnt"),     BIT(24, "tsc_deadline"),
    BIT(25, "aes"),    BIT(26, "xsave"),    BIT(27, "osxsave"),    BIT(28, "avx"),
    BIT(29, "f16c"),   BIT(30, "rdrand"),   BIT(31, "hypervisor"), { 0, NULL },
};

static const struct xsi_name leaf_7_b[] = {
    BIT(0, "fsgsbase"),
    BIT(1, "tsc_adjust"),
    BIT(2, "sgx"),
    BIT(3, "bmi1"),
    BIT(4, "hle"),
    BIT(5, "avx2"),
    BIT(6, "fdp_excptn_only"),
    BIT(7, "smep"),
    BIT(8, "bmi2"),
    BIT(9, "erms"),
    BIT(10, "invpcid"),
    BIT(11, "rtm"),
    BIT(12, "pqm"),
    BIT(13, "no_fcs_fds"),
    BIT(14, "mpx"),
    BIT(15, "pqe"),
    BIT(16, "avx512f"),
    BIT(17, "avx512dq"),
    BIT(18, "rdseed"),
    BIT(19, "adx"),
    BIT(20, "smap"),
    BIT(21, "avx512_ifma"),
    BIT(23, "clflushopt"),
    BIT(24, "clwb"),
    BIT(25, "pt"),
    BIT(26, "avx512pf"),
    BIT(27, "avx512er"),
    BIT(28, "avx512cd"),
    BIT(29, "sha"),
    BIT(30, "avx512bw"),
    BIT(31, "avx512vl"),
    { 0, NULL },
};

static const struct xsi_name leaf_7_c[] = {
    BIT(0, "prefetchwt1"),
    BIT(1, "avx512_vbmi"),
    BIT(2, "umip"),
    BIT(3, "pku"),
    BIT(4, "ospke"),
    BIT(5, "waitpkg"),
    BIT(6, "avx512_vbmi2"),
    BIT(7, "cet_ss"),
    BIT(8, "gfni"),
    BIT(9, "vaes"),
    BIT(10, "vpclmulqdq"),
    BIT(11, "avx512_vnni"),
    BIT(12, "avx512_bitalg"),
    BIT(13, "tme"),
    BIT(14, "avx512_vpopcntdq"),
    BIT(16, "la57"),
    BIT(22, "rdpid"),
    BIT(23, "kl"),
    BIT(24, "bus_lock_detect"),
    BIT(25, "cldemote"),
    BIT(27, "movdiri"),
    BIT(28, "movdir64b"),
    BIT(29, "enqcmd"),
    BIT(30, "sgx_lc"),
    BIT(31, "pks"),
    { 0, NULL },
};

static const struct xsi_name leaf_7_d[] = {
    BIT(2, "avx512_4vnniw"),
    BIT(3, "avx512_4fmaps"),
    BIT(4, "fsrm"),
    BIT(5, "uintr"),
    BIT(8, "avx512_vp2intersect"),
    BIT(9, "srbds_ctrl"),
    BIT(10, "md_clear"),
    BIT(11, "rtm_always_abort"),
    BIT(13, "tsx_force_abort"),
    BIT(14, "serialize"),
    BIT(15, "hybrid"),
    BIT(16, "tsxldtrk"),
    BIT(18, "pconfig"),
    BIT(19, "arch_lbr"),
    BIT(20, "cet_ibt"),
    BIT(22, "amx_bf16"),
    BIT(23, "avx512_fp16"),
    BIT(24, "amx_tile"),
    BIT(25, "amx_int8"),
    BIT(26, "ibrs_ibpb"),
    BIT(27, "stibp"),
    BIT(28, "l1d_flush"),
    BIT(29, "arch_caps"),
    BIT(30, "core_caps"),
    BIT(31, "ssbd"),
    { 0, NULL },
};

static const struct xsi_name leaf_7_1_a[] = {
    BIT(0, "sha512"),    BIT(1, "sm3"),       BIT(2, "sm4"),
    BIT(3, "rao_int"),   BIT(4, "avx_vnni"),  BIT(5, "avx512_bf16"),
    BIT(6, "lass"),      BIT(7, "cmpccxadd"), BIT(8, "arch_perfmon"),
    BIT(10, "fzrm"),     BIT(11, "fsrs"),     BIT(12, "fsrcs"),
    BIT(17, "fred"),     BIT(18, "lkgs"),     BIT(19, "wrmsrns"),
    BIT(20, "nmi_src"),  BIT(21, "amx_fp16"), BIT(22, "hreset"),
    BIT(23, "avx_ifma"), BIT(26, "lam"),      { 0, NULL },
};

static const struct xsi_name leaf_7_2_d[] = {
    BIT(0, "intel_psfd"), BIT(1, "ipred_ctrl"), BIT(2, "rrsba_ctrl"), BIT(3, "ddp_ctrl"),
    BIT(4, "bhi_ctrl"),   BIT(5, "mcdt_no"),    { 0, NULL },
};

static const struct xsi_name leaf_d_1_a[] = {
    BIT(0, "xsaveopt"), BIT(1, "xsavec"), BIT(2, "xgetbv_ecx1"),
    BIT(3, "xsaves"),   BIT(4, "xfd"),    { 0, NULL },
};

static const struct xsi_name leaf_e1_c[] = {
    BIT(0, "lahf_lm"),
    BIT(1, "cmp_legacy"),
    BIT(2, "svm"),
    BIT(3, "extapic"),
    BIT(4, "cr8_legacy"),
    BIT(5, "abm"),
    BIT(6, "sse4a"),
    BIT(7, "misalignsse"),
    BIT(8, "3dnowprefetch"),
    BIT(9, "osvw"),
    BIT(10, "ibs"),
    BIT(11, "xop"),
    BIT(12, "skinit"),
    BIT(13, "wdt"),
    BIT(15, "lwp"),
    BIT(16, "fma4"),
    BIT(17, "tce"),
    BIT(19, "nodeid_msr"),
    BIT(21, "tbm"),
    BIT(22, "topoext"),
    BIT(23, "perfctr_core"),
    BIT(24, "perfctr_nb"),
    BIT(26, "dbext"),
    BIT(27, "perftsc"),
    BIT(28, "perfctr_llc"),
    BIT(29, "monitorx"),
    BIT(30, "addr_mask_ext"),
    { 0, NULL },
};

static const struct xsi_name leaf_e1_d[] = {
    BIT(11, "syscall"),  BIT(19, "mp"),      BIT(20, "nx"),     BIT(22, "mmxext"),
    BIT(25, "ffxsr"),    BIT(26, "page1gb"), BIT(27, "rdtscp"), BIT(29, "lm"),
    BIT(30, "3dnowext"), BIT(31, "3dnow"),   { 0, NULL },
};

static const struct xsi_name leaf_e7_d[] = {
    BIT(0, "ts"),   BIT(1, "fid"), BIT(2, "vid"),          BIT(3, "ttp"),
    BIT(4, "htc"),  BIT(5, "stc"), BIT(6, "100mhz_steps"), BIT(7, "hw_pstate"),
    BIT(8, "itsc"), BIT(9, "cpb"), BIT(10, "efro"),        { 0, NULL },
};

static const struct xsi_name leaf_e8_b[] = {
    BIT(0, "clzero"),
    BIT(1, "irperf"),
    BIT(2, "xsave_err_ptr"),
    BIT(4, "rdpru"),
    BIT(8, "mcommit"),
    BIT(9, "wbnoinvd"),
    BIT(12, "ibpb"),
    BIT(14, "ibrs"),
    BIT(15, "stibp"),
    BIT(16, "ibrs_always"),
    BIT(17, "stibp_always"),
    BIT(18, "ibrs_fast"),
    BIT(19, "ibrs_same_mode"),
    BIT(20, "no_lmsl"),
    BIT(23, "ppin"),
    BIT(24, "ssbd"),
    BIT(25, "virt_ssbd"),
    BIT(26, "ssb_no"),
    BIT(27, "cppc"),
    BIT(28, "psfd"),
    BIT(29, "btc_no"),
    BIT(30, "ibpb_ret"),
    { 0, NULL },
};

static const struct xsi_name leaf_e21_a[] = {
    BIT(0, "no_nested_data_bp"),
    BIT(2, "lfence_dispatch"),
    BIT(3, "smm_pg_cfg_lock"),
    BIT(5, "verw_clear"),
    BIT(6, "null_sel_clears_base"),
    BIT(7, "upper_addr_ignore"),
    BIT(8, "auto_ibrs"),
    BIT(9, "no_smm_ctl_msr"),
    BIT(10, "fsrs"),
    BIT(11, "fsrc"),
    BIT(13, "prefetchctl"),
    BIT(17, "cpuid_user_dis"),
    BIT(20, "eraps"),
    BIT(27, "sbpb"),
    BIT(28, "ibpb_brtype"),
    BIT(29, "srso_no"),
    BIT(30, "srso_us_no"),
    BIT(31, "srso_msr_fix"),
    { 0, NULL },
};

/* subleaf UINT32_MAX: the leaf has none, whatever the entry says. */
static const struct {
    uint32_t leaf, subleaf;
    unsigned reg;
    const struct xsi_name *names;
} tables[] = {
    { 0x1, UINT32_MAX, 3, leaf_1_d },
    { 0x1, UINT32_MAX, 2, leaf_1_c },
    { 0x7, 0, 1, leaf_7_b },
    { 0x7, 0, 2, leaf_7_c },
    { 0x7, 0, 3, leaf_7_d },
    { 0x7, 1, 0, leaf_7_1_a },
    { 0x7, 2, 3, leaf_7_2_d },
    { 0xd, 1, 0, leaf_d_1_a },
    { 0x80000001, UINT32_MAX, 2, leaf_e1_c },
    { 0x80000001, UINT32_MAX, 3, leaf_e1_d },
    { 0x80000007, UINT32_MAX, 3, leaf_e7_d },
    { 0x80000008, UINT32_MAX, 1, leaf_e8_b },
    { 0x80000021, UINT32_MAX, 0, leaf_e21_a },
};

const struct xsi_name *x86_cpuid_bits(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    for (size_t i = 0; i < X86_COUNT(tables); i++)
        if (tables[i].leaf == leaf && tables[i].reg == reg &&
            (tables[i].subleaf == UINT32_MAX || tables[i].subleaf == subleaf))
            return tables[i].names;
    return NULL;
}
