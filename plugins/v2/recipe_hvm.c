/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HVM guests: the context, parameters, special frames; and X86_TSC_INFO. */
#include <inttypes.h>
#include <stdlib.h>

#include "model.h"
#include "recipe.h"
#include "../x86/x86.h"

/* ---- the context; plugins/x86/hvm_mend.c does the work ---- */

static bool msr_good(const void *arg, uint32_t index, uint64_t value)
{
    const struct v2_reader *own = arg;

    return v2_msr_good(own->hvm_msrs, index, value);
}

/* The context that counts: the one around the place, else the last one. */
static bool find_context(struct v2_site *s, struct v2_item *item)
{
    if (v2_site_at(s, xsi_mend_at(s->m), item) && item->type == V2_HVM_CONTEXT && !item->gap)
        return true;
    return v2_site_find_last(s, V2_HVM_CONTEXT, UINT64_MAX, item);
}

/*
 * Damage first, then what the reader does not know: a context is loaded as a whole, so one without
 * the other is no step forward. 1: there is nothing to change.
 */
static int mend_context(struct v2_site *s, struct x86_hvm_mending *say)
{
    const struct v2_reader *own = v2_own(s->m);
    struct v2_item item;
    const uint8_t *p;
    uint8_t *out, *fit;
    size_t n, fits;

    if (!find_context(s, &item) || !(p = v2_site_body(s, &item)))
        return 0;
    if (say->drop_at)
        say->drop_at -= item.at + V2_RHDR_SIZE;
    out = xsi_mend_scratch(s->m, item.body + (size_t)X86_HVM_ROOM);
    fit = xsi_mend_scratch(s->m, item.body + 2 * (size_t)X86_HVM_ROOM);
    if (!out || !fit)
        return 0;
    n = x86_hvm_mend(p, item.body, say, out);
    if (n && own) {
        say->release = own->hvm;
        say->msr_good = msr_good;
        say->arg = own;
        fits = x86_hvm_mend(out, n, say, fit);
        if (fits) {
            n = fits;
            out = fit;
        }
    }
    if (!n || (n == item.body && !memcmp(out, p, n)))
        return 1;
    v2_replace(s, &item, out, (uint32_t)n, *say->did ? say->did : "context put right");
    if (*say->loses)
        xsi_mend_loses(s->m, "%s", say->loses);
    if (*say->guess)
        xsi_mend_guess(s->m, "%s", say->guess);
    return 0;
}

int v2_fix_context(struct xsi_mend *m)
{
    const struct v2_reader *own = v2_own(m);
    struct x86_hvm_mending say = { .release = 0 };
    struct v2_site s;

    if (!v2_site_open(&s, m))
        return 0;
    if (xsi_mend_asked(m) && own)
        say.cr4 = own->cr4;
    if (mend_context(&s, &say))
        xsi_mend_refuse(m,
                        "no single change explains the HVM context at 0x%" PRIx64 ", so what "
                        "stood there is lost. drop-hvm-record --at its descriptor leaves the "
                        "record out: the device then starts in reset state. fix-hvm-context, "
                        "asked for by name, clears bits of CR4 that the reader refuses",
                        xsi_mend_at(m));
    return 0;
}

int v2_drop_device(struct xsi_mend *m)
{
    struct x86_hvm_mending say = { .release = 0 };
    struct v2_site s;
    struct v2_item item;
    uint8_t desc[X86_HVM_DESC];
    uint64_t at = xsi_mend_at(m), body;

    if (!xsi_mend_asked(m) || !v2_site_open(&s, m) || !find_context(&s, &item))
        return 0;
    body = item.at + V2_RHDR_SIZE;
    while (body < item.at + item.length && xsi_mend_read(m, body, desc, sizeof(desc))) {
        uint64_t end = body + X86_HVM_DESC + xsi_le32(desc + 4);

        if (at >= body && at < end && (desc[0] | desc[1]) && (desc[0] != X86_HVM_HEADER)) {
            say.drop_at = body;
            xsi_mend_loses(m, "the state in HVM record type %u instance %u",
                           desc[0] | (unsigned)desc[1] << 8, desc[2] | (unsigned)desc[3] << 8);
            if (mend_context(&s, &say))
                xsi_mend_refuse(m, "the context cannot be followed to this record");
            return 0;
        }
        body = end;
    }
    xsi_mend_refuse(m,
                    "there is no HVM record at 0x%" PRIx64 "; --at wants the offset of its "
                    "descriptor",
                    at);
    return 0;
}

/* ---- parameters ---- */

enum {
    STORE_PFN = 1,
    PAE_ENABLED = 4,
    IOREQ_PFN = 5,
    BUFIOREQ_PFN = 6,
    VM86_TSS = 15,
    CONSOLE_PFN = 17,
    IOREQ_SERVER_PFN = 32,
    NR_IOREQ_SERVER_PAGES = 33,
    X87_FIP_WIDTH = 36,
    VM86_TSS_SIZED = 37,
    SERVER_PAGES = 8,
    PARAMS_MAX = 256
};

/* What Xen's own builder sets, unchanged since 4.6: 4.22:xg_dom_x86.c:special_pfn. */
static const struct {
    uint64_t index, value;
    bool pc; /* of guests with a device model only */
} usual[] = {
    { STORE_PFN, 0xfeffc, false },
    { IOREQ_PFN, 0xfeffd, false },
    { BUFIOREQ_PFN, 0xfeffb, false },
    { 27, 0xfeff8, false },
    { 28, 0xfeff9, false },
    { 29, 0xfeffa, false },
    { CONSOLE_PFN, 0xfefff, false },
    { 19, 1, true },
    { 12, 0xfeffe000, false },
    { IOREQ_SERVER_PFN, 0xfeff0, true },
    { NR_IOREQ_SERVER_PAGES, 8, true },
};

static void put_param(uint8_t *p, uint64_t index, uint64_t value)
{
    v2_store64(p, index);
    v2_store64(p + 8, value);
}

static bool has_param(const uint8_t *p, uint32_t n, uint64_t index)
{
    for (uint32_t i = 8; i + V2_PARAM <= n; i += V2_PARAM)
        if (xsi_le64(p + i) == index)
            return true;
    return false;
}

/* Add what is missing of STORE_PFN and CONSOLE_PFN. */
static bool complete_params(struct v2_site *s, const struct v2_item *item)
{
    const uint8_t *p = v2_site_body(s, item);
    uint32_t n = item->body;
    uint8_t *out;

    if (!p || n < 8 || n > 8 + V2_PARAM * PARAMS_MAX || (n - 8) % V2_PARAM ||
        !(out = xsi_mend_scratch(s->m, n + 2 * (size_t)V2_PARAM)))
        return false;
    memcpy(out, p, n);
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if ((usual[i].index == STORE_PFN || usual[i].index == CONSOLE_PFN) &&
            !has_param(p, item->body, usual[i].index)) {
            put_param(out + n, usual[i].index, usual[i].value);
            n += V2_PARAM;
        }
    if (n == item->body)
        return false;
    v2_store32(out, (n - 8) / V2_PARAM);
    v2_replace(s, item, out, n, "add the frames of xenstore and console to HVM_PARAMS");
    xsi_mend_guess(s->m, "that the guest has them where every ordinary domain does, 0xfeffc and "
                         "0xfefff");
    return true;
}

uint32_t v2_usual_params(const struct v2_site *s, uint8_t *body)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(s->m));
    uint32_t n = 8;

    memset(body, 0, V2_PARAMS_ROOM);
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (usual[i].pc && info->guest == XSI_GUEST_PVH)
            continue;
        put_param(body + n, usual[i].index, usual[i].value);
        n += V2_PARAM;
    }
    v2_store32(body, (n - 8) / V2_PARAM);
    xsi_mend_guess(s->m, "that the guest is an ordinary domain without Viridian (enlightenments "
                         "for Windows), with the usual HVM parameters");
    return n;
}

/* A value that Xen takes in place of one that it refuses; false: the parameter goes. */
static bool better_value(struct v2_site *s, bool has_tss, uint64_t *index, uint64_t *value)
{
    if (*index == VM86_TSS_SIZED && s->release && s->release < 40900 && !has_tss) {
        *index = VM86_TSS; /* 4.9:params.h: the address, and the size above it */
        *value &= UINT32_MAX;
        return true;
    }
    if (*index == NR_IOREQ_SERVER_PAGES) {
        *value = SERVER_PAGES;
        xsi_mend_guess(s->m, "8 pages for ioreq servers, as every domain has");
        return true;
    }
    for (uint64_t v = 0; *index == X87_FIP_WIDTH && v <= 8; v += 4)
        if (__builtin_popcountll(*value ^ v) == 1) {
            *value = v;
            xsi_mend_guess(s->m, "X87_FIP_WIDTH %" PRIu64 ": one bit differs", v);
            return true;
        }
    return false;
}

/* One entry as the reader takes it, into out. False: it is left out. */
static bool mend_param(struct v2_site *s, struct v2_judge *judge, uint64_t index, uint64_t value,
                       uint8_t *out, bool *refused)
{
    const struct x86_param *row = x86_hvm_param(index);
    bool has_tss = judge->param[VM86_TSS];

    put_param(out, index, value);
    *refused = index > UINT32_MAX || (v2_param_error(judge, (uint32_t)index, value) &&
                                      !(index == PAE_ENABLED && v2_is(judge, V2_NO_PAE_PARAM)));
    if (*refused && !better_value(s, has_tss, &index, &value)) {
        xsi_mend_loses(s->m, "HVM parameter %" PRIu64 " (%s) = 0x%" PRIx64, index,
                       row ? row->name : "unknown", value);
        return false;
    }
    put_param(out, index, value);
    if (index < V2_PARAM_SLOTS)
        judge->param[index] = value;
    return true;
}

int v2_drop_param(struct xsi_mend *m)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(m));
    struct v2_judge *judge = xsi_mend_scratch(m, sizeof(*judge));
    bool refused, any = false;
    struct v2_site s;
    struct v2_item item;
    const uint8_t *p;
    uint8_t *out;
    uint32_t n = 8;

    if (!judge || !(judge->own = v2_own(m)) || !v2_site_open(&s, m) ||
        !v2_site_at(&s, xsi_mend_at(m), &item) || item.gap || item.type != V2_HVM_PARAMS ||
        item.body < 8 || item.body > 8 + V2_PARAM * PARAMS_MAX || !(p = v2_site_body(&s, &item)) ||
        !(out = xsi_mend_scratch(m, item.body + (size_t)V2_PARAM)))
        return 0;
    judge->pvh = info->guest == XSI_GUEST_PVH;
    memcpy(out, p, 8);
    for (uint32_t i = 8; i + V2_PARAM <= item.body; i += V2_PARAM) {
        if (mend_param(&s, judge, xsi_le64(p + i), xsi_le64(p + i + 8), out + n, &refused))
            n += V2_PARAM;
        any = any || refused;
    }
    if (!any)
        return 0;
    v2_store32(out, (n - 8) / V2_PARAM);
    v2_replace(&s, &item, out, n, "HVM parameters as Xen takes them");
    return 0;
}

/* ---- special frames ---- */

struct frames {
    uint64_t pfn[16];
    unsigned count;
};

static void want(struct frames *f, uint64_t pfn)
{
    for (unsigned i = 0; i < f->count; i++)
        if (f->pfn[i] == pfn)
            return;
    if (pfn && pfn < 1ULL << 32 && f->count < 16)
        f->pfn[f->count++] = pfn;
}

/* Frames that parameters name and that libxc clears anyway: 4.22:xg_sr_restore_x86_hvm.c:
 * handle_hvm_params; and those of ioreq servers, which the device model fills. */
static void wanted(struct v2_site *s, struct frames *f)
{
    struct v2_item item;
    const uint8_t *p;
    uint64_t first = 0, pages = 0;

    if (!v2_site_find_last(s, V2_HVM_PARAMS, UINT64_MAX, &item) || !(p = v2_site_body(s, &item)))
        return;
    for (uint32_t i = 8; i + V2_PARAM <= item.body; i += V2_PARAM) {
        uint64_t index = xsi_le64(p + i), value = xsi_le64(p + i + 8);

        if (index == STORE_PFN || index == CONSOLE_PFN || index == IOREQ_PFN ||
            index == BUFIOREQ_PFN)
            want(f, value);
        first = index == IOREQ_SERVER_PFN ? value : first;
        pages = index == NR_IOREQ_SERVER_PAGES ? value : pages;
    }
    for (uint64_t i = 0; first && i < pages && i < SERVER_PAGES; i++)
        want(f, first + i);
}

/* Leave out what the stream brings. */
static void strike(struct v2_site *s, struct frames *f)
{
    struct v2_item item;
    struct v2_list list;

    v2_site_rewind(s);
    while (f->count && v2_site_next(s, &item)) {
        if (item.gap || item.cut || item.foreign || item.type != V2_PAGE_DATA ||
            !v2_list_read(s, item.at, 0, &list))
            continue;
        for (uint32_t i = 0; i < list.count; i++) {
            uint64_t e = xsi_le64(list.entry + 8 * (size_t)i);

            for (unsigned k = 0; k < f->count && e >> 60 != 0xd && e >> 60 != 0xf; k++)
                if (f->pfn[k] == (e & V2_PFN_MASK))
                    f->pfn[k--] = f->pfn[--f->count];
        }
    }
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Frames that are not in the stream get memory without contents (XALLOC). */
static void add_frames(struct v2_site *s, struct frames *f, uint64_t at)
{
    uint8_t body[8 + 8 * 16] = { 0 };

    strike(s, f);
    if (!f->count)
        return;
    qsort(f->pfn, f->count, sizeof(f->pfn[0]), by_number); /* as writers list them */
    v2_store32(body, f->count);
    for (unsigned i = 0; i < f->count; i++)
        v2_store64(body + 8 + 8 * (size_t)i, 0xeULL << 60 | f->pfn[i]);
    v2_insert(s, at, V2_PAGE_DATA, body, 8 + 8 * f->count,
              "frames of xenstore, console and I/O requests, which start empty");
    xsi_mend_guess(s->m,
                   "that nothing was pending in the rings of frames 0x%" PRIx64 " to 0x%" PRIx64
                   ", which are not in the image",
                   f->pfn[0], f->pfn[f->count - 1]);
}

int v2_add_special(struct xsi_mend *m)
{
    struct frames f = { .count = 0 };
    struct v2_site s;
    struct v2_item item;

    if (!v2_site_open(&s, m) || s.kind != V2_HVM || s.pages == UINT64_MAX)
        return 0;
    wanted(&s, &f);
    if (v2_site_find(&s, V2_HVM_PARAMS, 0, &item))
        add_frames(&s, &f, item.at);
    return 0;
}

/* They stand where END is seen: out of step, behind zeros, or with a header of zeros. */
static bool find_params(struct v2_site *s)
{
    uint64_t size = xsi_mend_size(s->m), stop = s->stop;
    struct v2_item item = { .at = s->end_at, .length = size - s->end_at };
    uint32_t type = V2_END, body;
    unsigned n;

    s->stop = size;
    n = item.length > V2_RHDR_SIZE ? v2_shift(s, &item) : 0;
    if (n)
        v2_drop_few(s, item.at, n);
    else if (item.length > V2_RHDR_SIZE && v2_find_inside(s, &item, &type, &body) &&
             type == V2_HVM_PARAMS)
        v2_set_head(s, &item, type, body);
    s->stop = stop;
    return n || type == V2_HVM_PARAMS;
}

/* Parameters that the record lacks, and memory for their frames. */
int v2_make_params(struct xsi_mend *m)
{
    uint8_t body[V2_PARAMS_ROOM];
    struct frames f = { .pfn = { 0xfeffc, 0xfefff }, .count = 2 };
    struct v2_site s;
    struct v2_item item;
    uint32_t n;

    if (!v2_site_open(&s, m) || s.kind != V2_HVM)
        return 0;
    if (v2_site_find_last(&s, V2_HVM_PARAMS, UINT64_MAX, &item)) {
        if (complete_params(&s, &item) && v2_site_find(&s, V2_TSC_INFO, s.pages, &item))
            add_frames(&s, &f, item.at);
    } else if (s.end_at != UINT64_MAX && s.types & V2_BIT(V2_HVM_CONTEXT)) {
        if (find_params(&s))
            return 0;
        n = v2_usual_params(&s, body);
        v2_insert(&s, s.end_at, V2_HVM_PARAMS, body, n, "the values of every ordinary domain");
    }
    return 0; /* END comes first; without a context nothing helps */
}

/* ---- the time stamp counter ---- */

int v2_fix_tsc_mode(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    uint8_t field[4];
    uint32_t mode, best = 0;
    unsigned near = 0;

    if (!v2_site_open(&s, m) || !v2_site_find_last(&s, V2_TSC_INFO, UINT64_MAX, &item) ||
        item.body < 24 || !xsi_mend_read(m, item.at + V2_RHDR_SIZE, field, 4))
        return 0;
    mode = xsi_le32(field);
    for (uint32_t i = 0; i <= 2; i++)
        if (__builtin_popcount(mode ^ i) == 1) {
            best = i;
            near++;
        }
    if (mode <= 2)
        return 0;
    if (near != 1)
        best = 0;
    v2_put32(&s, item.at + V2_RHDR_SIZE, best, "a TSC mode that exists");
    if (mode == 3)
        xsi_mend_loses(m, "TSC mode 3 (PVRDTSCP): a program that uses it reads the clock in "
                          "another way afterwards");
    else
        xsi_mend_guess(m, "TSC mode %" PRIu32 "%s", best,
                       near == 1 ? ", from which one bit differs"
                                 : ", which nearly every guest has");
    return 0;
}
