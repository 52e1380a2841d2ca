/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conversions keep the guest. An image goes from stream to stream and back: legacy of both widths,
 * v2 and v3, from what the step before made. Behind every step each frame has the page and the
 * type that it had, and each register, parameter and state its bytes, or a note of the conversion
 * names what is gone. What is refused is refused with words.
 */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/xsi_convert.h"

enum { LIMIT = 32 << 20, READ = 1 << 20, FRAMES = 1 << 13 };

/* A saved domain in memory, and the conversion that says what is in it. */
struct domain {
    uint8_t *bytes;
    size_t length;
    struct xsi_source *src;
    struct xsi_convert *c; /* not begun; its items are the domain's */
    struct xsi_error err;
};

struct frame {
    uint64_t pfn, data;
    unsigned type;
};

struct memory {
    struct frame *row;
    size_t count;
};

/* ---------------------------------------------------------------- a domain ---- */

/* A device model's state that the libxl of today cannot use (XS-X14, of Xen up to 3.3) is kept all
 * the same; and some samples lack their special frames, which then lie behind the last (XS-L45). */
static struct xsi_convert *begin(struct domain *d, const char *to)
{
    struct xsi_convert_options options = { .to = to, .drop = true };
    struct xsi_convert *c = xsi_convert_new(d->src, &options, &d->err);

    options.force = true;
    if (!c && (strstr(d->err.text, "XS-X14") || strstr(d->err.text, "XS-L45")))
        c = xsi_convert_new(d->src, &options, &d->err);
    return c;
}

static bool domain_open(struct domain *d, const char *to)
{
    d->src = xsi_source_memory(d->bytes, d->length);
    assert_non_null(d->src);
    d->c = begin(d, to);
    return d->c;
}

static void domain_close(struct domain *d)
{
    xsi_convert_free(d->c);
    xsi_source_free(d->src);
    free(d->bytes);
    *d = (struct domain){ 0 };
}

/* All of a conversion's output. False: refused, with words. */
static bool converted(struct xsi_convert *c, struct domain *out)
{
    struct xsi_source *src = xsi_convert_source(c);
    ssize_t got = 1;

    *out = (struct domain){ 0 };
    while (got > 0 && out->length < LIMIT) {
        out->bytes = realloc(out->bytes, out->length + READ);
        assert_non_null(out->bytes);
        got = xsi_source_read(src, out->bytes + out->length, READ, out->length);
        out->length += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        fail_msg("the conversion failed behind its checks: %s", xsi_source_error(src)->text);
    assert_true(out->length && out->length < LIMIT);
    out->bytes = realloc(out->bytes, out->length);
    return true;
}

/* ---------------------------------------------------------------- memory ---- */

static int by_pfn(const void *a, const void *b)
{
    const struct frame *x = a, *y = b;

    if (x->pfn != y->pfn)
        return x->pfn < y->pfn ? -1 : 1;
    return x->data < y->data ? -1 : x->data > y->data;
}

static void add_batch(struct xsi_walk *walk, const struct xsi_chunk *chunk, struct memory *m)
{
    struct xsi_page_entry entry[256];
    ssize_t n;

    for (uint64_t first = 0; (n = xsi_chunk_entries(walk, chunk, first, 256, entry)) > 0;
         first += (uint64_t)n)
        for (ssize_t i = 0; i < n; i++)
            if (entry[i].data && m->count < FRAMES)
                m->row[m->count++] = (struct frame){ .pfn = entry[i].pfn,
                                                     .data = entry[i].data,
                                                     .type = entry[i].type };
}

/* The last page of each frame, by frame. */
static void memory_of(const struct domain *d, struct memory *m)
{
    struct xsi_error err = { 0 };
    struct xsi_walk *walk = xsi_walk_new(d->src, NULL, &err);
    struct xsi_event ev;
    size_t kept = 0;

    assert_non_null(walk);
    *m = (struct memory){ .row = calloc(FRAMES, sizeof(*m->row)) };
    assert_non_null(m->row);
    while (xsi_walk_next(walk, &ev) > 0)
        if (ev.kind == XSI_EV_CHUNK && (ev.chunk->flags & XSI_CHUNK_PAGES))
            add_batch(walk, ev.chunk, m);
    xsi_walk_free(walk);
    qsort(m->row, m->count, sizeof(*m->row), by_pfn);
    for (size_t i = 0; i < m->count; i++)
        if (i + 1 == m->count || m->row[i + 1].pfn != m->row[i].pfn)
            m->row[kept++] = m->row[i];
    m->count = kept;
}

static void same_memory(const struct domain *a, const struct domain *b, const char *how)
{
    struct memory x, y;

    memory_of(a, &x);
    memory_of(b, &y);
    if (x.count != y.count)
        fail_msg("%s: %zu frames with a page became %zu", how, x.count, y.count);
    for (size_t i = 0; i < x.count; i++) {
        const struct frame *f = &x.row[i], *g = &y.row[i];

        if (f->pfn != g->pfn || (f->type != g->type && f->type != 8) ||
            memcmp(a->bytes + f->data, b->bytes + g->data, XSI_PAGE_SIZE) != 0)
            fail_msg("%s: frame 0x%llx, type %u became frame 0x%llx, type %u, or another page", how,
                     (unsigned long long)f->pfn, f->type, (unsigned long long)g->pfn, g->type);
    }
    free(x.row);
    free(y.row);
}

/* ---------------------------------------------------------------- items ---- */

/* Kinds that are the guest's; and the word by which a note names one that is left out. */
static const struct {
    enum xsi_item_kind kind;
    const char *word;
    bool grows; /* zeros may be added */
} kept[] = {
    { XSI_ITEM_CPUID_POLICY, "CPUID", false },    { XSI_ITEM_MSR_POLICY, "MSR", false },
    { XSI_ITEM_P2M_FRAMES, NULL, false },         { XSI_ITEM_TSC, NULL, false },
    { XSI_ITEM_HVM_PARAM, "PARAM", false },       { XSI_ITEM_VCPU_BASIC, NULL, false },
    { XSI_ITEM_VCPU_EXTENDED, NULL, true },       { XSI_ITEM_VCPU_XSAVE, NULL, true },
    { XSI_ITEM_VCPU_MSRS, "MSR", false },         { XSI_ITEM_SHARED_INFO, NULL, false },
    { XSI_ITEM_HVM_CONTEXT, NULL, false },        { XSI_ITEM_TMEM, "tmem", false },
    { XSI_ITEM_EMULATOR, "device model", false }, { XSI_ITEM_EMULATOR_STORE, "xenstore", false },
};

static uint8_t *bytes_of(const struct domain *d, const struct xsi_item *item)
{
    uint8_t *p = calloc(1, (size_t)item->length + 1);
    bool wide = xsi_convert_vm(d->c)->guest_bits == 64;

    assert_non_null(p);
    assert_int_equal(xsi_convert_item(d->c, item, 0, p, (size_t)item->length), item->length);
    /* the frame list's list: of the host that wrote it (3.0), or cleared; no reader looks at it */
    if (item->kind == XSI_ITEM_SHARED_INFO && item->length == XSI_PAGE_SIZE)
        memset(p + (wide ? 3096 : 2320), 0, wide ? 8 : 4);
    return p;
}

static bool all_zero(const uint8_t *p, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static bool named(const struct xsi_convert *c, const char *word)
{
    const char *note;

    for (size_t i = 0; word && (note = xsi_convert_note(c, i)); i++)
        if (strcasestr(note, word))
            return true;
    return false;
}

/* Is item x of a the same in b? */
static bool same_item(const struct domain *a, const struct xsi_item *x, const struct domain *b,
                      bool grows)
{
    const struct xsi_item *y = xsi_vm_find(xsi_convert_vm(b->c), x->kind, x->id);
    uint8_t *p, *q;
    size_t first = 0;
    bool same;

    if (!y && x->kind == XSI_ITEM_EMULATOR) /* who wrote it is not said everywhere */
        y = xsi_vm_next(xsi_convert_vm(b->c), x->kind, &first);
    p = bytes_of(a, x);
    if (!y) { /* nothing is as good as an empty one, or a parameter of 0 */
        same = all_zero(p, x->length) && (x->kind == XSI_ITEM_HVM_PARAM || !x->length);
        free(p);
        return same;
    }
    q = bytes_of(b, y);
    same = y->length >= x->length && !memcmp(p, q, (size_t)x->length) &&
           (y->length == x->length || (grows && all_zero(q + x->length, y->length - x->length)));
    free(p);
    free(q);
    return same;
}

static void same_items(const struct domain *a, const struct domain *b, const struct xsi_convert *by,
                       const char *how)
{
    const struct xsi_vm *vm = xsi_convert_vm(a->c);

    for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++) {
        const struct xsi_item *item;
        size_t i = 0;

        while ((item = xsi_vm_next(vm, kept[k].kind, &i)))
            if (!same_item(a, item, b, kept[k].grows) && !named(by, kept[k].word))
                fail_msg("%s: %s %llu of %llu bytes is gone or another, and no note says so", how,
                         xsi_item_name(item->kind), (unsigned long long)item->id,
                         (unsigned long long)item->length);
    }
}

static void same_guest(const struct domain *a, const struct domain *b, const char *how)
{
    const struct xsi_vm *x = xsi_convert_vm(a->c), *y = xsi_convert_vm(b->c);
    bool pv = x->guest == XSI_GUEST_PV;

    if (pv != (y->guest == XSI_GUEST_PV))
        fail_msg("%s: the kind of guest has changed", how);
    if (pv && (x->p2m_size != y->p2m_size || x->guest_bits != y->guest_bits))
        fail_msg("%s: %llu frames, %u bits became %llu frames, %u bits", how,
                 (unsigned long long)x->p2m_size, x->guest_bits, (unsigned long long)y->p2m_size,
                 y->guest_bits);
}

/* ---------------------------------------------------------------- steps ---- */

/* `a` as another stream in `b`. False: it is refused. */
static bool step(struct domain *a, struct domain *b, const char *to, bool pages)
{
    struct xsi_convert *c = begin(a, to);

    if (!c) {
        if (a->err.code != EBADMSG && a->err.code != ENOTSUP)
            fail_msg("to %s: error %d: %s", to, a->err.code, a->err.text);
        assert_true(a->err.text[0] != '\0');
        return false;
    }
    assert_true(converted(c, b));
    if (!domain_open(b, "libxc-v3"))
        fail_msg("to %s: the output cannot be read again: %s", to, b->err.text);
    same_guest(a, b, to);
    same_items(a, b, c, to);
    if (pages)
        same_memory(a, b, to);
    xsi_convert_free(c);
    return true;
}

/* Pages can be told from the image itself: none are compressed, all checkpoints are complete. */
static bool plain(const struct domain *d)
{
    return xsi_convert_vm(d->c)->checkpoints == 1;
}

/* The device model's state has a place in libxl's stream only, and an HVM guest's must have one. */
static void target(const struct domain *d, const char *stream, char to[48])
{
    const struct xsi_vm *vm = xsi_convert_vm(d->c);
    size_t i = 0;
    bool state = xsi_vm_next(vm, XSI_ITEM_EMULATOR, &i) && vm->guest == XSI_GUEST_HVM;

    (void)snprintf(to, 48, "%s%s", state && !strncmp(stream, "libxc-v", 7) ? "libxl-v2>" : "",
                   stream);
}

static void convert(void **state)
{
    static const char *const route[] = { "libxc-v3", "libxc-legacy32", "libxc-legacy64",
                                         "libxc-v2", "libxc-legacy64", "libxc-v3" };
    const struct image *image = *state;
    struct domain at = { .bytes = malloc(image->length + 1), .length = image->length }, next;
    char to[48];

    assert_non_null(at.bytes);
    memcpy(at.bytes, image->bytes, image->length);
    if (!domain_open(&at, "libxc-v3"))
        assert_true(at.err.text[0] != '\0');
    for (size_t i = 0; at.c && i < sizeof(route) / sizeof(route[0]); i++) {
        next = (struct domain){ 0 };
        target(&at, route[i], to);
        if (!step(&at, &next, to, i > 0 || plain(&at)))
            continue; /* said why: from where we are to the next one */
        domain_close(&at);
        at = next;
    }
    domain_close(&at);
}

int main(int argc, char **argv)
{
    return property_main("convert", argc, argv, convert);
}
