/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The libxc image of Xen 4.6 and later (versions 2 and 3), and libxl's stream around it. */
#include <string.h>

#include "xsgen.h"

enum {
    END,
    PAGE_DATA,
    PV_INFO,
    P2M_FRAMES,
    VCPU_BASIC,
    VCPU_EXTENDED,
    VCPU_XSAVE,
    SHARED_INFO,
    TSC_INFO,
    HVM_CONTEXT,
    HVM_PARAMS,
    TOOLSTACK,
    VCPU_MSRS,
    VERIFY,
    CHECKPOINT,
    DIRTY_LIST,
    STATIC_DATA_END,
    CPUID_POLICY,
    MSR_POLICY
};

static const char *const names[] = {
    "END",
    "PAGE_DATA",
    "X86_PV_INFO",
    "X86_PV_P2M_FRAMES",
    "X86_PV_VCPU_BASIC",
    "X86_PV_VCPU_EXTENDED",
    "X86_PV_VCPU_XSAVE",
    "SHARED_INFO",
    "X86_TSC_INFO",
    "HVM_CONTEXT",
    "HVM_PARAMS",
    "TOOLSTACK",
    "X86_PV_VCPU_MSRS",
    "VERIFY",
    "CHECKPOINT",
    "CHECKPOINT_DIRTY_PFN_LIST",
    "STATIC_DATA_END",
    "X86_CPUID_POLICY",
    "X86_MSR_POLICY",
};

static void head(struct image *g, const char *name, unsigned type, uint64_t length)
{
    row_begin(g, name, type);
    put32(g, type);
    put32(g, (uint32_t)length);
}

static void record(struct image *g, unsigned type, uint64_t length)
{
    head(g, names[type], type, length);
}

/* Padding is counted from the start of the layer, not of the file. */
static void record_end(struct image *g, uint64_t pages)
{
    put_zeros(g, -(g->size - g->align_base) % 8);
    row_end(g, pages);
}

static void empty_record(struct image *g, unsigned type)
{
    record(g, type, 0);
    record_end(g, 0);
}

static bool is_v3(const struct recipe *r)
{
    return r->version ? r->version >= 3 : r->era >= ERA(4, 14, 0);
}

static void headers(struct image *g)
{
    const struct recipe *r = g->r;

    row_begin(g, "IMAGE_HEADER", NO_ID);
    put_be64(g, UINT64_MAX);
    put_be32(g, 0x58454E46);
    put_be32(g, r->version ? (uint32_t)r->version : is_v3(r) ? 3 : 2);
    put_be16(g, r->order == ORDER_BIG);
    put_zeros(g, 6);
    row_end(g, 0);
    row_begin(g, "DOMAIN_HEADER", NO_ID);
    put32(g, is_pv(r) ? 1 : 2);
    put16(g, 12);
    put16(g, 0);
    put32(g, r->converted ? 0 : (uint32_t)(r->era / 10000));
    put32(g, r->converted ? 1 : (uint32_t)(r->era / 100 % 100));
    row_end(g, 0);
}

/* ------------------------------------------------------------------ static data ---- */

/* The leaves in the order of Xen: basic with their subleaves, two of Xen's own, extended. */
static void cpuid_leaf(unsigned i, uint32_t *leaf, uint32_t *subleaf)
{
    static const struct {
        uint32_t leaf, subleaf;
    } first[] = {
        { 0, ~0U },          { 1, ~0U },          { 2, ~0U },  { 3, ~0U }, { 4, 0 },
        { 5, ~0U },          { 6, ~0U },          { 7, 0 },    { 8, ~0U }, { 9, ~0U },
        { 10, ~0U },         { 11, 0 },           { 12, ~0U }, { 13, 0 },  { 13, 1 },
        { 0x40000000, ~0U }, { 0x40000100, ~0U },
    };

    if (i < COUNT(first)) {
        *leaf = first[i].leaf;
        *subleaf = first[i].subleaf;
    } else {
        *leaf = 0x80000000 + i - (uint32_t)COUNT(first);
        *subleaf = ~0U;
    }
}

static void cpuid_policy(struct image *g, unsigned n)
{
    unsigned i;

    record(g, CPUID_POLICY, 24ULL * n);
    for (i = 0; i < n; i++) {
        uint32_t leaf, subleaf;

        cpuid_leaf(i, &leaf, &subleaf);
        put32(g, leaf);
        put32(g, subleaf);
        put32(g, leaf == 0            ? 0xD
                 : leaf == 1          ? 0x106A5
                 : leaf == 0x80000000 ? 0x80000008
                 : leaf == 0x80000008 ? 0x3028 /* 40 bits of physical address */
                                      : 0);
        put32(g, leaf == 0 ? 0x756E6547 : 0); /* GenuineIntel */
        put32(g, leaf == 0 ? 0x6C65746E : leaf == 1 ? 0x80202001 : 0);
        put32(g, leaf == 0            ? 0x49656E69
                 : leaf == 1          ? 0x078BFBFD
                 : leaf == 0x80000001 ? 0x20100800 /* LM, NX, SYSCALL: what EFER uses */
                                      : 0);
    }
    record_end(g, 0);
}

static void msr_policy(struct image *g, unsigned n)
{
    unsigned i;

    record(g, MSR_POLICY, 16ULL * n);
    for (i = 0; i < n; i++) {
        put32(g, i == 0 ? 0xCE : i == 1 ? 0x10A : 0xC0010000 + i);
        put32(g, 0);
        put64(g, i == 0 ? 0x80000000 : 0);
    }
    record_end(g, 0);
}

static void static_data(struct image *g)
{
    const struct recipe *r = g->r;
    uint64_t leaves = r->cpuid == UINT64_MAX ? 26 : r->cpuid;
    uint64_t msrs = r->msrs == UINT64_MAX ? (r->era < ERA(4, 14, 1) ? 1 : 2) : r->msrs;

    if (is_pv(r)) {
        record(g, PV_INFO, 8);
        put8(g, (uint8_t)guest_width(r));
        put8(g, (uint8_t)r->levels);
        put_zeros(g, 6);
        record_end(g, 0);
    }
    if (is_v3(r) && !r->converted && leaves)
        cpuid_policy(g, (unsigned)leaves);
    if (is_v3(r) && !r->converted && msrs)
        msr_policy(g, (unsigned)msrs);
    if (is_v3(r))
        empty_record(g, STATIC_DATA_END);
}

static void p2m_frames(struct image *g)
{
    uint64_t per = PAGE / guest_width(g->r), end = p2m_size(g->r) - 1, n = end / per + 1, i;

    record(g, P2M_FRAMES, 8 + 8 * n);
    put32(g, 0);
    put32(g, (uint32_t)end);
    for (i = 0; i < n; i++)
        put64(g, p2m_frame(g->r, i));
    record_end(g, 0);
}

/* ------------------------------------------------------------------ pages ---- */

struct batch {
    unsigned n, data;
    bool plain;
    uint64_t pfn[BATCH_MAX];
    unsigned type[BATCH_MAX];
};

static void batch_flush(struct image *g, struct batch *b, uint32_t version)
{
    const struct recipe *r = g->r;
    unsigned i;

    if (b->n && (b->data || !r->compact)) {
        record(g, PAGE_DATA, 8 + 8ULL * b->n + (uint64_t)PAGE * b->data);
        if (r->sparse && b->plain) {
            put_batch(g, b->pfn[0], b->n, g->big ? BATCH_V2_BIG : BATCH_V2_LITTLE);
            put_zeros(g, (uint64_t)PAGE * b->n);
        } else {
            put32(g, b->n);
            put32(g, 0);
            for (i = 0; i < b->n; i++)
                put64(g, (uint64_t)b->type[i] << 60 | b->pfn[i]);
            for (i = 0; i < b->n; i++)
                if (b->type[i] < TYPE_BROKEN)
                    put_page(g, b->pfn[i], version);
        }
        record_end(g, b->data);
    }
    b->n = b->data = 0;
    b->plain = true;
}

static void pass(struct image *g, unsigned number_of_pass, uint32_t version)
{
    const struct recipe *r = g->r;
    struct batch b = { .plain = true };
    uint64_t pfn, taken = 0, size = p2m_size(r);

    for (pfn = 0; pfn < size; pfn++) {
        unsigned type = page_type(r, pfn);

        if (!in_pass(r, pfn, number_of_pass, &taken) || (r->converted && type == TYPE_XTAB))
            continue;
        b.plain &= type == 0 && (b.n == 0 || pfn == b.pfn[0] + b.n);
        b.pfn[b.n] = pfn;
        b.type[b.n++] = type;
        b.data += type < TYPE_BROKEN;
        if (b.n == r->batch)
            batch_flush(g, &b, version);
    }
    batch_flush(g, &b, version);
}

/* ------------------------------------------------------------------ vCPUs and devices ---- */

static void tsc_info(struct image *g)
{
    if (g->r->tsc == 0)
        return;
    record(g, TSC_INFO, 24);
    put32(g, 0);
    put32(g, 2596131);
    put64(g, 744200901);
    put32(g, 1);
    put32(g, 0);
    record_end(g, 0);
}

static void vcpu_head(struct image *g, unsigned type, unsigned vcpu, uint64_t length)
{
    record(g, type, 8 + length);
    put32(g, vcpu);
    put32(g, 0);
}

static void pv_vcpu(struct image *g, unsigned vcpu)
{
    const struct recipe *r = g->r;
    unsigned extended = r->converted ? 128 : r->era < ERA(4, 10, 0) ? 56 : 64, i;

    vcpu_head(g, VCPU_BASIC, vcpu, guest_width(r) == 8 ? 5168 : 2800);
    put_vcpu_context(g, vcpu, false);
    record_end(g, 0);
    vcpu_head(g, VCPU_EXTENDED, vcpu, extended);
    put_extended(g, vcpu, extended);
    record_end(g, 0);
    if (r->xsave.n) {
        vcpu_head(g, VCPU_XSAVE, vcpu, r->xsave.at[vcpu % r->xsave.n]);
        put_xsave(g, r->xsave.at[vcpu % r->xsave.n]);
        record_end(g, 0);
    }
    if (r->vcpu_msrs) {
        vcpu_head(g, VCPU_MSRS, vcpu, 16 * r->vcpu_msrs);
        for (i = 0; i < r->vcpu_msrs; i++) {
            put32(g, i ? 0xC0011018 + i : 0xC0011027);
            put32(g, 0);
            put64(g, i);
        }
        record_end(g, 0);
    }
}

struct param {
    unsigned index;
    bool pfn, pvh;
    uint32_t since, before; /* writers from … and older than … (0: no end) */
    uint64_t value;
};

/* In the order in which every writer sends them. */
static const struct param params[] = {
    { 1, true, true, 0, 0, 0xFEFFC },
    { 5, true, true, 0, 0, 0xFEFFD },
    { 6, true, true, 0, 0, 0xFEFFB },
    { 27, true, true, 0, 0, 0xFEFF8 },
    { 28, true, true, 0, 0, 0xFEFF9 },
    { 29, true, true, 0, 0, 0xFEFFA },
    { 15, false, false, 0, ERA(4, 9, 0), 0xFC100280 },
    { 37, false, false, ERA(4, 9, 0), 0, 0x180FC100280 },
    { 17, true, true, 0, 0, 0xFEFFF },
    { 19, false, false, 0, 0, 1 },
    { 9, false, false, 0, 0, 0 },
    { 12, false, true, 0, 0, 0xFEFFE000 },
    { 4, false, false, 0, ERA(4, 14, 0), 1 },
    { 34, false, false, 0, 0, 0 },
    { 32, true, false, 0, 0, 0xFEFF0 },
    { 33, false, false, 0, 0, 8 },
    { 36, false, false, ERA(4, 6, 3), 0, 0 },
    { 38, false, false, ERA(4, 10, 0), 0, 0 },
};

static uint64_t param_value(const struct recipe *r, const struct param *p)
{
    if (r->era < p->since || (p->before && r->era >= p->before) ||
        (r->guest == GUEST_PVH && !p->pvh))
        return 0;
    return param_of(r, p->index, p->pfn ? special_pfn(r, p->value) : p->value);
}

static void hvm_params(struct image *g)
{
    unsigned i, n = 0;

    for (i = 0; i < COUNT(params); i++)
        n += param_value(g->r, &params[i]) != 0;
    record(g, HVM_PARAMS, 8 + 16ULL * n);
    put32(g, n);
    put32(g, 0);
    for (i = 0; i < COUNT(params); i++) {
        if (param_value(g->r, &params[i]) == 0)
            continue;
        put64(g, params[i].index);
        put64(g, param_value(g->r, &params[i]));
    }
    record_end(g, 0);
}

static void state(struct image *g)
{
    const struct recipe *r = g->r;
    unsigned i;

    tsc_info(g);
    if (is_pv(r)) {
        record(g, SHARED_INFO, PAGE);
        put_shared_info(g);
        record_end(g, 0);
        for (i = 0; i < r->vcpus; i++)
            if (vcpu_online(r, i))
                pv_vcpu(g, i);
    } else {
        if (r->converted) /* the converter has them the other way round */
            hvm_params(g);
        record(g, HVM_CONTEXT, hvm_context_size(r));
        put_hvm_context(g);
        record_end(g, 0);
        if (!r->converted)
            hvm_params(g);
    }
}

/* ------------------------------------------------------------------ libxl ---- */

static void emulator_head(struct image *g, const char *name, unsigned type, uint64_t length)
{
    head(g, name, type, 8 + length);
    put32(g, g->r->converted ? 0 : g->r->qemu == QEMU_XEN ? 2 : 1);
    put32(g, 0);
}

void libxl_emulator(struct image *g)
{
    static const char physmap[] = "physmap/20000000/start_addr\0f0000000\0"
                                  "physmap/20000000/size\0"
                                  "800000\0physmap/20000000/name\0vga.vram";

    if (g->r->emu_xenstore) {
        emulator_head(g, "EMULATOR_XENSTORE_DATA", 2, sizeof(physmap));
        put(g, physmap, sizeof(physmap));
        record_end(g, 0);
    }
    if (g->r->qemu != QEMU_NONE) {
        emulator_head(g, "EMULATOR_CONTEXT", 3, g->r->qemu_size);
        put_qevm(g, g->r->qemu_size);
        record_end(g, 0);
    }
}

static void checkpoint_end(struct image *g)
{
    const char *inner = g->layer;

    g->layer = "libxl-v2";
    libxl_emulator(g);
    head(g, "CHECKPOINT_END", 4, 0);
    record_end(g, 0);
    g->layer = inner;
}

void v2_stream(struct image *g, bool in_libxl)
{
    const struct recipe *r = g->r;
    uint64_t base = g->align_base;
    unsigned i;

    g->align_base = g->size;
    g->layer = is_v3(r) ? "libxc-v3" : "libxc-v2";
    g->big = r->order == ORDER_BIG;
    headers(g);
    static_data(g);
    if (is_pv(r))
        p2m_frames(g);
    for (i = 0; i <= r->live.n; i++)
        pass(g, i, i);
    if (r->verify) {
        empty_record(g, VERIFY);
        pass(g, 0, (uint32_t)r->live.n);
    }
    state(g);
    for (i = 1; i <= r->checkpoints; i++) {
        empty_record(g, CHECKPOINT);
        if (in_libxl)
            checkpoint_end(g);
        if (i < r->checkpoints) {
            pass(g, r->live.n, r->live.n + i);
            state(g);
        }
    }
    if (r->checkpoints == 0)
        empty_record(g, END);
    g->align_base = base;
}

void libxl_stream(struct image *g)
{
    g->layer = "libxl-v2";
    g->big = g->r->order == ORDER_BIG;
    g->align_base = g->size;
    row_begin(g, "HEADER", NO_ID);
    put_be64(g, 0x4C6962786C466D74ULL);
    put_be32(g, 2);
    put_be32(g, (g->r->order == ORDER_BIG) | (g->r->converted ? 2 : 0));
    row_end(g, 0);
    head(g, "LIBXC_CONTEXT", 1, 0);
    record_end(g, 0);
    v2_stream(g, true);
    g->layer = "libxl-v2";
    if (g->r->checkpoints)
        return; /* a recorded Remus stream just stops */
    libxl_emulator(g);
    head(g, "END", 0, 0);
    record_end(g, 0);
}
