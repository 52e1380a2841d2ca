/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a legacy checkpoint: the chunks behind the last batch, the tail, QEMU's record. */
#include <string.h>

#include "xsgen.h"

struct hp16 {
    int id;
    const char *type;
    uint32_t since; /* oldest writer */
    bool pfn;       /* the value is the number of a special page */
    uint64_t value; /* 0: only when the recipe gives one */
};

/* In the order of the writers; the era decides which there are. */
static const struct hp16 hp16s[] = {
    { -14, "HVM_GENERATION_ID_ADDR", ERA(4, 2, 0), false, 0xFC00A000 },
    { -3, "HVM_IDENT_PT", ERA(3, 3, 0), false, 0xFEFFE000 },
    { -15, "HVM_PAGING_RING_PFN", ERA(4, 2, 0), true, 0xFEFF8 },
    { -16, "HVM_ACCESS_RING_PFN", ERA(4, 2, 0), true, 0xFEFF9 },
    { -17, "HVM_SHARING_RING_PFN", ERA(4, 2, 0), true, 0xFEFFA },
    { -4, "HVM_VM86_TSS", ERA(3, 4, 0), false, 0xFC012000 },
    { -8, "HVM_CONSOLE_PFN", ERA(4, 1, 0), true, 0xFEFFF },
    { -10, "HVM_ACPI_IOPORTS_LOCATION", ERA(4, 1, 0), false, 1 },
    { -11, "HVM_VIRIDIAN", ERA(4, 1, 3), false, 0 },
    { -19, "HVM_IOREQ_SERVER_PFN", ERA(4, 5, 0), true, 0xFEFF0 },
    { -20, "HVM_NR_IOREQ_SERVER_PAGES", ERA(4, 5, 0), false, 8 },
    { -21, "HVM_X87_FIP_WIDTH", ERA(4, 5, 4), false, 8 },
};

static void hvm_params(struct image *g)
{
    const struct recipe *r = g->r;
    size_t i;

    for (i = 0; i < COUNT(hp16s); i++) {
        const struct hp16 *p = &hp16s[i];
        uint64_t value = p->pfn ? special_pfn(r, p->value) : p->value;

        value = param_of(r, p->id, value);
        if (r->era < p->since || value == 0)
            continue;
        row_begin(g, p->type, p->id);
        put32(g, (uint32_t)p->id);
        put32(g, 0);
        put64(g, value);
        row_end(g, 0);
    }
}

static void vcpu_info(struct image *g)
{
    const struct recipe *r = g->r;
    unsigned top = (unsigned)r->vcpus - 1, i, k;

    while (top && !vcpu_online(r, top))
        top--;
    row_begin(g, "VCPU_INFO", -2);
    put32(g, (uint32_t)-2);
    put32(g, top);
    for (i = 0; i <= top / 64; i++) {
        uint64_t map = 0;

        for (k = 0; k < 64; k++)
            map |= (uint64_t)vcpu_online(r, 64 * i + k) << k;
        put64(g, map);
    }
    row_end(g, 0);
}

/* libxl's physmap. A 64-bit build leaves four bytes of its structure's padding behind a name. */
static void toolstack(struct image *g, unsigned entries)
{
    const char *name = "vga.vram";
    unsigned pad = g->r->width == 64 ? 4 : 0;
    unsigned each = 28 + (unsigned)strlen(name) + 1 + pad, i;

    row_begin(g, "TOOLSTACK", -18);
    put32(g, (uint32_t)-18);
    put32(g, 8 + entries * each);
    put32(g, 1);
    put32(g, entries);
    for (i = 0; i < entries; i++) {
        put64(g, 0x20000000ULL + i * 0x1000000ULL);
        put64(g, 0xF0000000ULL + i * 0x1000000ULL);
        put64(g, 0x800000);
        put32(g, (uint32_t)strlen(name) + 1);
        put(g, name, strlen(name) + 1);
        if (pad)
            put32(g, (uint32_t)noise(g->r->seed, i, 77));
    }
    row_end(g, 0);
}

static void bare(struct image *g, const char *type, int id)
{
    row_begin(g, type, id);
    put32(g, (uint32_t)id);
    row_end(g, 0);
}

void legacy_chunks(struct image *g, unsigned checkpoint)
{
    const struct recipe *r = g->r;
    bool by_xl = r->container == BOX_XL || r->container == BOX_LIBVIRT;
    bool last = r->era >= ERA(4, 1, 0) && r->checkpoints == 0;

    if (r->vcpu_info == 1 || (r->vcpu_info == 2 && r->era >= ERA(3, 1, 0)))
        vcpu_info(g);
    if (!is_pv(r))
        hvm_params(g);
    if (r->toolstack != UINT64_MAX)
        toolstack(g, (unsigned)r->toolstack);
    else if (by_xl && r->era >= ERA(4, 2, 0))
        toolstack(g, 0);
    if (r->compress && checkpoint == 0)
        bare(g, "ENABLE_COMPRESSION", -13);
    if (r->last == 1 || (r->last == 2 && last))
        bare(g, "LAST_CHECKPOINT", -9);
    bare(g, "END", 0);
}

/* ------------------------------------------------------------------ tmem ---- */

static void oid(struct image *g, uint64_t bytes, uint64_t value)
{
    uint64_t i;

    for (i = 0; i < bytes; i += 8)
        put64(g, value == UINT64_MAX ? value : i ? 0 : value);
}

void legacy_tmem(struct image *g)
{
    const struct list *t = &g->r->tmem;
    uint64_t size = t->at[0], pools = t->n > 1 ? t->at[1] : 1, pages = t->n > 2 ? t->at[2] : 2;
    uint64_t i, k;

    row_begin(g, "TMEM", -5);
    put32(g, (uint32_t)-5);
    put32(g, 1);  /* version */
    put32(g, 16); /* most pools */
    put32(g, UINT32_MAX);
    put32(g, 0); /* flags */
    put32(g, 0); /* weight */
    put32(g, 0); /* cap */
    put32(g, UINT32_MAX);
    for (i = 0; i < pools; i++) {
        put32(g, (uint32_t)i);
        put32(g, 1); /* persistent, pages of 4 KiB */
        put32(g, (uint32_t)pages);
        put64(g, noise(g->r->seed, i, 600));
        put64(g, noise(g->r->seed, i, 601));
        for (k = 0; k < pages; k++) {
            oid(g, size, 0x1000 + k);
            put32(g, (uint32_t)k);
            put_page(g, 0x100000 + i * pages + k, 0);
        }
    }
    put32(g, UINT32_MAX);
    row_end(g, 0);
}

void legacy_tmem_extra(struct image *g)
{
    const struct list *t = &g->r->tmem_extra;
    uint64_t k, items = t->n > 1 ? t->at[1] : 1;

    row_begin(g, "TMEM_EXTRA", -6);
    put32(g, (uint32_t)-6);
    for (k = 0; k < items; k++) {
        put32(g, 0);
        oid(g, t->at[0], 0x1000 + k);
        put32(g, (uint32_t)k);
    }
    put32(g, UINT32_MAX);
    row_end(g, 0);
}

/* ------------------------------------------------------------------ tail ---- */

static void pv_tail(struct image *g)
{
    const struct recipe *r = g->r;
    uint64_t pfn, size = p2m_size(r), missing = size - r->pages;
    unsigned i;

    row_begin(g, "UNMAPPED_PFNS", NO_ID);
    put32(g, (uint32_t)missing);
    for (pfn = r->pages; pfn < size; pfn++)
        put_ul(g, pfn);
    row_end(g, 0);
    for (i = 0; i < (r->era < ERA(3, 1, 0) ? 1 : r->vcpus); i++) {
        if (!vcpu_online(r, i))
            continue;
        row_begin(g, "VCPU_CONTEXT", NO_ID);
        put_vcpu_context(g, i, false);
        row_end(g, 0);
        if (r->era >= ERA(3, 2, 0) && r->ext != 0) {
            row_begin(g, "VCPU_EXTENDED", NO_ID);
            put_extended(g, i, 128);
            row_end(g, 0);
        }
        if (r->era >= ERA(4, 1, 0) && r->xsave.n) {
            row_begin(g, "VCPU_XSAVE", NO_ID);
            put64(g, 7);
            put64(g, r->xsave.at[i % r->xsave.n]);
            put_xsave(g, r->xsave.at[i % r->xsave.n]);
            row_end(g, 0);
        }
    }
    row_begin(g, "SHARED_INFO", NO_ID);
    put_shared_info(g);
    row_end(g, 0);
}

void legacy_tail(struct image *g, unsigned checkpoint)
{
    const struct recipe *r = g->r;

    (void)checkpoint;
    if (is_pv(r)) {
        pv_tail(g);
    } else {
        row_begin(g, "MAGIC_PFNS", NO_ID);
        put64(g, special_pfn(r, 0xFEFFD));
        put64(g, special_pfn(r, 0xFEFFB));
        put64(g, special_pfn(r, 0xFEFFC));
        row_end(g, 0);
        row_begin(g, "HVM_CONTEXT", NO_ID);
        put32(g, (uint32_t)hvm_context_size(r));
        put_hvm_context(g);
        row_end(g, 0);
    }
    legacy_qemu_record(g);
}

void legacy_qemu_record(struct image *g)
{
    static const struct {
        const char *layer, *sign;
    } forms[] = {
        [QEMU_XEND] = { "qemu-trad", "QemuDeviceModelRecord" },
        [QEMU_0002] = { "qemu-xen", "DeviceModelRecord0002" },
        [QEMU_REMUS] = { "qemu-remus", "RemusDeviceModelState" },
        [QEMU_XAPI] = { "qemu-xapi", "QemuDeviceModelRecord\n" },
        [QEMU_LE] = { "qemu-le", "QemuDeviceModelRecord" },
    };
    uint64_t form = g->r->qemu;
    const char *stream = g->layer;

    if (form == QEMU_NONE || form >= QEMU_TRAD)
        return;
    g->layer = forms[form].layer;
    row_begin(g, "QEMU_RECORD", NO_ID);
    put_text(g, forms[form].sign);
    if (form == QEMU_XAPI)
        put_be32(g, (uint32_t)g->r->qemu_size);
    else if (form != QEMU_XEND)
        put32(g, (uint32_t)g->r->qemu_size);
    put_qevm(g, g->r->qemu_size);
    row_end(g, 0);
    g->layer = stream;
}
