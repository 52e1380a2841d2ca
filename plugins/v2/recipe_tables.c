/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page types of a PV guest by the use that is made of the frames: what cr3 and cr1 point to is a
 * table of the top level, what its entries point to one of the level below, down to L1.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "recipe.h"

enum { FRAMES_MAX = 1 << 20, TABLES_MAX = 64 << 10, PRESENT = 1, LARGE = 0x80, TYPE_SHIFT = 60 };
enum { CR1_64 = 0x1380, CR3_64 = 0x1390, CR3_32 = 0xaa8 };

struct frame {
    uint64_t pfn, entry, page; /* offsets of its last entry and page */
    uint32_t order;
    uint8_t type, level; /* level: the one that its use asks for; 0 none seen */
};

struct tree {
    struct v2_site *s;
    struct frame *frame;
    size_t frames;
    uint32_t *todo; /* tables whose entries are to be followed */
    size_t todos;
    unsigned changed;
    uint64_t max_pfn;
};

static int by_pfn(const void *a, const void *b)
{
    const struct frame *x = a, *y = b;

    if (x->pfn != y->pfn)
        return x->pfn < y->pfn ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static struct frame *frame_of(const struct tree *t, uint64_t pfn)
{
    size_t low = 0, high = t->frames;

    while (low < high) { /* the first one behind pfn */
        size_t middle = low + (high - low) / 2;

        if (t->frame[middle].pfn <= pfn)
            low = middle + 1;
        else
            high = middle;
    }
    return low && t->frame[low - 1].pfn == pfn ? &t->frame[low - 1] : NULL;
}

/* All frames with their last copy behind earlier ones. False: too many. */
static bool collect(struct tree *t)
{
    struct v2_item item;
    struct v2_list list;
    size_t n = 0;

    v2_site_rewind(t->s);
    while (v2_site_next(t->s, &item))
        if (!item.gap && !item.cut && !item.foreign && item.type == V2_PAGE_DATA &&
            v2_list_read(t->s, item.at, 0, &list))
            n += list.count;
    if (n > FRAMES_MAX || !n || !(t->frame = xsi_mend_scratch(t->s->m, n * sizeof(*t->frame))))
        return false;
    v2_site_rewind(t->s);
    while (v2_site_next(t->s, &item)) {
        uint64_t page;

        if (item.gap || item.cut || item.foreign || item.type != V2_PAGE_DATA ||
            !v2_list_read(t->s, item.at, 0, &list))
            continue;
        page = list.data;
        for (uint32_t i = 0; i < list.count && t->frames < n; i++) {
            uint64_t e = xsi_le64(list.entry + 8 * (size_t)i);
            struct frame *f = &t->frame[t->frames];

            f->pfn = e & V2_PFN_MASK;
            f->entry = item.at + V2_BATCH_HEAD + 8 * (uint64_t)i;
            f->type = (uint8_t)(e >> TYPE_SHIFT);
            f->order = (uint32_t)t->frames++;
            if (v2_type_has_data(f->type)) {
                f->page = page;
                page += XSI_PAGE_SIZE;
            }
            t->max_pfn = f->pfn > t->max_pfn ? f->pfn : t->max_pfn;
        }
    }
    qsort(t->frame, t->frames, sizeof(*t->frame), by_pfn);
    return true;
}

static bool leads_inside(struct v2_site *s, uint64_t page, uint64_t max_pfn)
{
    const uint8_t *p = page ? xsi_mend_bytes(s->m, page, XSI_PAGE_SIZE) : NULL;

    for (unsigned i = 0; p && i < XSI_PAGE_SIZE; i += 8)
        if (p[i] & PRESENT && (xsi_le64(p + i) >> 12 & 0xffffffffffULL) > max_pfn)
            return false;
    return p;
}

/* Every present entry leads to a frame of the guest: they were translated when it was saved. */
static bool is_table(const struct tree *t, const struct frame *f)
{
    return leads_inside(t->s, f->page, t->max_pfn);
}

bool v2_is_table(struct v2_site *s, uint64_t page)
{
    struct v2_item item;
    uint8_t end[4];

    return v2_site_find(s, V2_P2M_FRAMES, 0, &item) &&
           xsi_mend_read(s->m, item.at + V2_RHDR_SIZE + 4, end, 4) &&
           leads_inside(s, page, xsi_le32(end));
}

/* A frame is used as a table of this level. */
static void use(struct tree *t, uint64_t pfn, unsigned level, bool root)
{
    struct frame *f = frame_of(t, pfn);
    unsigned want = root ? level | 8 : level;

    if (!f || f->level || !f->page)
        return;
    f->level = (uint8_t)level;
    if ((f->type & 7U) != level || f->type > 12) {
        uint8_t top;
        uint8_t old;

        if (!is_table(t, f) || !xsi_mend_read(t->s->m, f->entry + 7, &old, 1))
            return;
        top = (uint8_t)((old & 0x0f) | want << 4);
        xsi_mend_splice(t->s->m, f->entry + 7, 1, &top, 1,
                        "frame 0x%" PRIx64 " is a level %u page table (its type said %u)", pfn,
                        level, f->type);
        xsi_mend_guess(t->s->m, "page type %u of frame 0x%" PRIx64 " by its use", want, pfn);
        t->changed++;
    }
    if (level > 1 && t->todos < TABLES_MAX)
        t->todo[t->todos++] = (uint32_t)(f - t->frame);
}

/* A 64-bit guest's slots for Xen were zeroed; a 32-bit guest's root has four entries. */
static void follow(struct tree *t, const struct frame *f)
{
    uint8_t page[XSI_PAGE_SIZE];
    unsigned slots = t->s->width == 4 && f->level == 3 ? 4 : XSI_PAGE_SIZE / 8;

    if (!xsi_mend_read(t->s->m, f->page, page, sizeof(page)))
        return;
    for (unsigned i = 0; i < slots; i++) {
        uint64_t e = xsi_le64(page + 8 * (size_t)i);

        if (e & PRESENT && !(e & LARGE && f->level == 2))
            use(t, e >> 12 & 0xffffffffffULL, f->level - 1U, false);
    }
}

static void roots(struct tree *t)
{
    struct v2_item item;
    uint64_t from = 0;

    for (; v2_site_find(t->s, V2_VCPU_BASIC, from, &item); from = item.at + 1) {
        uint64_t at = item.at + V2_RHDR_SIZE + V2_VHDR, cr1;
        bool wide = item.body == V2_VHDR + 5168;
        uint8_t b[8];
        uint32_t cr3;

        if (!wide && item.body != V2_VHDR + 2800)
            continue;
        if (wide) {
            if (xsi_mend_read(t->s->m, at + CR3_64, b, 8))
                use(t, xsi_le64(b) >> 12, 4, true);
            if (xsi_mend_read(t->s->m, at + CR1_64, b, 8) && (cr1 = xsi_le64(b)) & 1)
                use(t, cr1 >> 12, 4, true);
        } else if (xsi_mend_read(t->s->m, at + CR3_32, b, 4)) {
            cr3 = xsi_le32(b);
            use(t, cr3 >> 12 | cr3 << 20, 3, true);
        }
    }
}

int v2_retype(struct xsi_mend *m)
{
    struct tree t = { .changed = 0 };
    struct v2_site s;

    if (!v2_site_open(&s, m) || s.kind != V2_PV)
        return 0;
    t.s = &s;
    t.todo = xsi_mend_scratch(m, TABLES_MAX * sizeof(*t.todo));
    if (!t.todo || !collect(&t)) {
        xsi_mend_refuse(m, "the guest has more frames than page types are derived for");
        return 0;
    }
    roots(&t);
    for (size_t i = 0; i < t.todos; i++)
        follow(&t, &t.frame[t.todo[i]]);
    if (!t.changed)
        xsi_mend_refuse(m, "all page tables that the registers lead to have the type of their "
                           "level: a page table itself, or a register, is damaged, and nothing "
                           "tells what it held. xsdump --core saves the memory");
    return 0;
}
