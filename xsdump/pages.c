/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --pages: what the page data are. One pass in stream order: each page's XXH3-64 goes into a
 * bounded table that tells repeated contents, and all of it through one XXH3-128, which
 * `xxhsum -H2` computes too over the same bytes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__has_include)
#if __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* the widest vectors that this processor has */
#endif
#endif
#include <xxhash.h>

#include "xsdump.h"

#define SLOTS (1U << 19)      /* 4 MiB of hashes */
#define FULL  (SLOTS / 8 * 7) /* beyond it probing gets long: no longer tracked */
#define PIECE 64U
#define BLOCK 256U /* PFN entries that are asked for at a time */

struct page_data {
    struct page_sums sums;
    struct page_watch *watch; /* NULL: nobody asks for single pages */
    uint64_t hole[2];         /* with it: a hole of the file, from, to */
    XXH3_state_t *state;
    uint64_t *slot; /* hashes, open addressing; 0 = free */
    uint64_t zero_hash;
};

struct page_data *page_data_new(struct page_watch *watch)
{
    static const uint8_t zero[XSI_PAGE_SIZE];
    struct page_data *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->watch = watch;
    p->state = XXH3_createState();
    p->slot = calloc(SLOTS, sizeof(*p->slot));
    if (!p->state || !p->slot) {
        page_data_free(p);
        return NULL;
    }
    XXH3_128bits_reset(p->state);
    p->zero_hash = XXH3_64bits(zero, sizeof(zero));
    p->sums.tracked = true;
    return p;
}

void page_data_free(struct page_data *p)
{
    if (!p)
        return;
    XXH3_freeState(p->state);
    free(p->slot);
    free(p);
}

static enum page_content count_content(struct page_data *p, uint64_t hash)
{
    size_t at = hash & (SLOTS - 1);

    if (!p->sums.tracked)
        return PAGE_UNLIKE;
    hash |= !hash;
    while (p->slot[at] && p->slot[at] != hash)
        at = (at + 1) & (SLOTS - 1);
    if (p->slot[at]) {
        p->sums.duplicate++;
        return PAGE_ALIKE;
    }
    p->slot[at] = hash;
    if (++p->sums.distinct == FULL)
        p->sums.tracked = false;
    return PAGE_UNLIKE;
}

/* n whole pages that stand behind each other, of these frames. */
static void take(struct page_data *p, const uint8_t *bytes, const uint64_t *pfn, size_t n)
{
    uint64_t hash[PIECE];

    for (size_t i = 0; i < n; i++) {
        hash[i] = XXH3_64bits(bytes + i * XSI_PAGE_SIZE, XSI_PAGE_SIZE);
        __builtin_prefetch(&p->slot[hash[i] & (SLOTS - 1)]);
    }
    if (!p->watch)
        XXH3_128bits_update(p->state, bytes, n * XSI_PAGE_SIZE);
    for (size_t i = 0; i < n; i++) {
        enum page_content what = PAGE_ZERO;

        if (hash[i] == p->zero_hash)
            p->sums.zero++;
        else
            what = count_content(p, hash[i]);
        if (p->watch)
            p->watch->page(p->watch, pfn[i], what);
    }
    p->sums.pages += n;
}

/* Pages in a hole of the file are zeros that need not be read. */
static bool take_hole(struct page_data *p, struct image *im, uint64_t at, const uint64_t *pfn,
                      size_t n)
{
    uint64_t end = at + n * XSI_PAGE_SIZE;

    if (at < p->hole[0] || end > p->hole[1]) {
        p->hole[0] = at;
        p->hole[1] = xsi_source_next_data(im->src, at);
    }
    if (end > p->hole[1])
        return false;
    for (size_t i = 0; i < n; i++)
        p->watch->page(p->watch, pfn[i], PAGE_ZERO);
    p->sums.zero += n;
    p->sums.pages += n;
    return true;
}

/* n pages from an offset of the chunk on. */
static void read_pages(struct page_data *p, struct image *im, const struct xsi_chunk *chunk,
                       uint64_t from, const uint64_t *pfn, size_t n)
{
    const uint8_t *bytes;
    size_t have = 0, whole;

    if (p->watch && take_hole(p, im, chunk->offset + from, pfn, n))
        return;
    bytes = xsi_chunk_bytes(im->walk, chunk, from, n * XSI_PAGE_SIZE, &have);
    whole = have / XSI_PAGE_SIZE;
    if (whole)
        take(p, bytes, pfn, whole);
    p->sums.short_pages += n - whole;
}

static void count_type(struct page_data *p, const struct xsi_page_entry *e)
{
    const size_t max = sizeof(p->sums.type) / sizeof(p->sums.type[0]);
    struct page_type *type = p->sums.type;
    size_t i = 0;

    while (i < p->sums.type_count && type[i].name != e->type_name)
        i++;
    if (i == p->sums.type_count) {
        if (i == max)
            return;
        type[i].name = e->type_name;
        p->sums.type_count++;
    }
    type[i].entries++;
    type[i].pages += e->data != 0;
}

void page_data_entries(struct page_data *p, struct image *im, const struct xsi_chunk *chunk,
                       const struct xsi_page_entry *e, size_t count)
{
    uint64_t start = 0, pfn[PIECE];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        count_type(p, &e[i]);
        if (e[i].data < chunk->offset || !e[i].data)
            continue;
        if (n && (n == PIECE || e[i].data != start + n * XSI_PAGE_SIZE)) {
            read_pages(p, im, chunk, start - chunk->offset, pfn, n);
            n = 0;
        }
        if (!n)
            start = e[i].data;
        pfn[n++] = e[i].pfn;
    }
    if (n)
        read_pages(p, im, chunk, start - chunk->offset, pfn, n);
}

void page_data_chunk(struct page_data *p, struct image *im, const struct xsi_chunk *chunk)
{
    struct xsi_page_entry entry[BLOCK];
    uint64_t at = 0;
    ssize_t n;

    while ((n = xsi_chunk_entries(im->walk, chunk, at, BLOCK, entry)) > 0) {
        page_data_entries(p, im, chunk, entry, (size_t)n);
        at += (uint64_t)n;
    }
    if (n < 0)
        im->status |= CLI_OPERATIONAL;
}

void page_data_sums(const struct page_data *p, struct page_sums *sums)
{
    XXH128_hash_t hash = XXH3_128bits_digest(p->state);

    *sums = p->sums;
    sums->bytes = sums->pages * XSI_PAGE_SIZE;
    snprintf(sums->hash, sizeof(sums->hash), "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
             (uint64_t)hash.low64);
}

void page_data_print(const struct cli_term *t, const struct page_data *p)
{
    struct page_sums s;

    page_data_sums(p, &s);
    fprintf(t->out, "pages    %" PRIu64 " with data, %" PRIu64 " bytes, %" PRIu64 " zero, ",
            s.pages, s.bytes, s.zero);
    if (s.tracked)
        fprintf(t->out, "%" PRIu64 " distinct others, %" PRIu64 " duplicates\n", s.distinct,
                s.duplicate);
    else
        fprintf(t->out, "duplicates not tracked (more than %u distinct pages)\n", FULL);
    if (s.short_pages)
        fprintf(t->out, "         %" PRIu64 " pages are not there in full\n", s.short_pages);
    for (size_t i = 0; i < s.type_count; i++)
        fprintf(t->out, "         %-8s %" PRIu64 " entries, %" PRIu64 " with data\n",
                s.type[i].name ? s.type[i].name : "?", s.type[i].entries, s.type[i].pages);
    fprintf(t->out, "         XXH3-128 of the page data %s\n", s.hash);
}
