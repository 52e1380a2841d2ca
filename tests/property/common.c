/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a: short, and only equality matters. */
static void mix(uint64_t *hash, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i++)
        *hash = (*hash ^ p[i]) * UINT64_C(0x100000001b3);
}

enum { CUT_MAX = 256 };

struct hash_sink {
    struct xsi_sink sink;
    uint64_t hash;
    uint64_t cut[CUT_MAX][2]; /* places of values that were handed over in part */
    size_t cut_count;
};

static void hash_value(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct hash_sink *h = (struct hash_sink *)sink;
    const uint64_t numbers[] = { v->kind, v->offset, v->length, v->number, v->level };

    mix(&h->hash, numbers, sizeof(numbers));
    if (v->name)
        mix(&h->hash, v->name, strlen(v->name));
    if (v->kind == XSI_TEXT || v->kind == XSI_BYTES) {
        mix(&h->hash, v->text, v->text_length);
        if (v->text_length < v->length && h->cut_count < CUT_MAX) {
            h->cut[h->cut_count][0] = v->offset;
            h->cut[h->cut_count++][1] = v->length;
        }
    }
}

/* Long opaque values are cut in the listing; in hex (-vv -x) all their bytes stand. */
static void hash_cut(struct hash_sink *h, struct xsi_walk *w, const struct xsi_chunk *c)
{
    for (size_t i = 0; i < h->cut_count; i++) {
        size_t want = h->cut[i][1] < 65536 ? (size_t)h->cut[i][1] : 65536, have;
        const uint8_t *p = xsi_chunk_bytes(w, c, h->cut[i][0] - c->offset, want, &have);

        if (p)
            mix(&h->hash, p, have);
    }
}

static void hash_chunk(struct xsi_walk *w, const struct xsi_chunk *c, uint64_t *hash)
{
    struct hash_sink h = { .sink = { hash_value }, .hash = *hash };
    struct xsi_page_entry rows[64];
    uint64_t first = 0;
    ssize_t n;

    if (!c->type || !c->layer)
        return;
    mix(&h.hash, c->type, strlen(c->type));
    mix(&h.hash, &c->id, sizeof(c->id));
    mix(&h.hash, c->note, strlen(c->note));
    xsi_chunk_fields(w, c, 2, &h.sink);
    hash_cut(&h, w, c);
    while ((n = xsi_chunk_entries(w, c, first, 64, rows)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            const uint64_t numbers[] = { rows[i].pfn, rows[i].type, rows[i].data };

            mix(&h.hash, numbers, sizeof(numbers));
        }
        first += (uint64_t)n;
    }
    *hash = h.hash;
}

static void broken(struct listing *l, const char *rule, uint64_t at)
{
    if (!l->broken[0])
        snprintf(l->broken, sizeof(l->broken), "%s at 0x%" PRIx64, rule, at);
}

/* Rows grow by doubling from 64: room is needed when the count is a power of two from there. */
static void *grown(void *rows, size_t count, size_t size)
{
    if (count == 0 || (count >= 64 && (count & (count - 1)) == 0)) {
        rows = realloc(rows, (count ? 2 * count : 64) * size);
        if (!rows)
            abort();
    }
    return rows;
}

static void add_leaf(struct listing *l, const struct xsi_chunk *c)
{
    const struct leaf *last = l->count ? &l->leaves[l->count - 1] : NULL;
    struct leaf *n;

    if (c->offset != (last ? last->offset + last->length : 0))
        broken(l, last && c->offset < last->offset + last->length ? "overlap" : "hole", c->offset);
    if (c->length == 0)
        broken(l, "empty chunk", c->offset);
    if (c->offset + c->length < c->offset)
        broken(l, "chunk wraps", c->offset);
    if (c->index != l->count)
        broken(l, "index out of step", c->offset);
    if (c->meta > c->length && !(c->flags & XSI_CHUNK_CUT))
        broken(l, "more metadata than bytes", c->offset);
    if (c->wanted < c->length || (c->wanted > c->length) != !!(c->flags & XSI_CHUNK_CUT))
        broken(l, "cut without a mark, or a mark without a cut", c->offset);
    if (!c->type || !c->layer)
        broken(l, "chunk without a name", c->offset);
    l->leaves = grown(l->leaves, l->count, sizeof(*l->leaves));
    n = &l->leaves[l->count++];
    *n = (struct leaf){ c->offset, c->length, c->wanted,
                        c->meta,   c->index,  c->layer,
                        c->type,   c->flags,  UINT64_C(0xcbf29ce484222325),
                        0 };
    mix(&n->note, c->note, strlen(c->note));
}

static void add_finding(struct listing *l, const struct xsi_finding *f)
{
    for (const char *p = f->text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            broken(l, "control character in a finding", f->offset);
    l->findings = grown(l->findings, l->finding_count, sizeof(*l->findings));
    l->findings[l->finding_count++] = (struct seen){ f->row, f->offset, f->length };
}

static void finish(struct listing *l, const struct xsi_walk *w, uint64_t length)
{
    const struct xsi_info *info = xsi_walk_info(w);
    const struct leaf *last = l->count ? &l->leaves[l->count - 1] : NULL;
    uint64_t end = last ? last->offset + last->length : 0;
    size_t used = 0;

    if (length != UINT64_MAX && end != length)
        broken(l, "the chunks do not end where the image ends", end);
    l->exit = info->exit;
    l->stream_end = info->stream_end;
    l->state = info->state;
    for (size_t i = 0; i < info->stack_length && used < sizeof(l->stack); i++)
        used += (size_t)snprintf(l->stack + used, sizeof(l->stack) - used, "%s%s", i ? ">" : "",
                                 info->stack[i]);
}

void listing_of(struct xsi_source *src, uint64_t length, const char *as, uint64_t at,
                uint64_t *hash, struct listing *out)
{
    struct xsi_walk_options options = { .as = as };
    struct xsi_error err = { 0 };
    struct xsi_walk *w = xsi_walk_new(src, &options, &err);
    uint64_t end = 0, idle = 0;
    struct xsi_event ev;
    int rc = -1;

    *out = (struct listing){ 0 };
    if (!w) {
        snprintf(out->broken, sizeof(out->broken), "no walk: %.200s", err.text);
        return;
    }
    /* Progress: between two chunks stand findings and signs of life, but not without end. */
    while (idle < 100000 && (rc = xsi_walk_next(w, &ev)) > 0) {
        out->events++;
        idle++;
        if (xsi_walk_position(w) > length)
            broken(out, "the walk is behind the end", xsi_walk_position(w));
        if (ev.kind == XSI_EV_FINDING)
            add_finding(out, ev.finding);
        if (ev.kind != XSI_EV_CHUNK)
            continue;
        idle = 0;
        add_leaf(out, ev.chunk);
        end = ev.chunk->offset + ev.chunk->length;
        if (at == LISTING_ALL || (at != LISTING_NONE && at - ev.chunk->offset < ev.chunk->length)) {
            hash_chunk(w, ev.chunk, hash);
            out->leaves[out->count - 1].fields = *hash;
        }
    }
    if (rc != 0)
        broken(out, rc < 0 ? "the walk failed" : "no progress", end);
    finish(out, w, length);
    xsi_walk_free(w);
}

void listing_bytes(const uint8_t *bytes, size_t length, const char *as, struct listing *out)
{
    struct xsi_source *src = xsi_source_memory(bytes, length);

    listing_of(src, length, as, LISTING_NONE, NULL, out);
    xsi_source_free(src);
}

void listing_free(struct listing *l)
{
    free(l->leaves);
    free(l->findings);
    *l = (struct listing){ 0 };
}

size_t listing_find(const struct listing *l, uint64_t offset)
{
    size_t from = 0, to = l->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (l->leaves[middle].offset + l->leaves[middle].length <= offset)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool listing_same_until(const struct listing *a, const struct listing *b, uint64_t end, char *why,
                        size_t size)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct leaf *x = &a->leaves[i], *y = i < b->count ? &b->leaves[i] : NULL;

        if (x->offset + x->length > end)
            return true;
        if (!y || x->offset != y->offset || x->length != y->length || strcmp(x->type, y->type) ||
            strcmp(x->layer, y->layer)) {
            snprintf(why, size,
                     "%s %s 0x%" PRIx64 "+%" PRIu64 " became %s %s 0x%" PRIx64 "+%" PRIu64,
                     x->layer, x->type, x->offset, x->length, y ? y->layer : "-",
                     y ? y->type : "nothing", y ? y->offset : 0, y ? y->length : 0);
            return false;
        }
    }
    return true;
}

bool listing_has(const struct listing *l, const struct seen *f)
{
    for (size_t i = 0; i < l->finding_count; i++)
        if (l->findings[i].row == f->row && l->findings[i].offset == f->offset)
            return true;
    return false;
}

uint64_t listing_meta(const struct listing *l)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < l->count; i++)
        if (!(l->leaves[i].flags & XSI_CHUNK_GAP))
            sum += l->leaves[i].meta;
    return sum;
}

/* splitmix64 */
uint64_t chance(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Where damage is worth doing: mostly near the front, where headers are. */
static size_t place(size_t length, uint64_t *state)
{
    uint64_t limit = chance(state) % 3 ? 512 : length;

    return (size_t)(chance(state) % (limit < length ? limit : length));
}

static void set_number(uint8_t *bytes, size_t length, uint64_t *state)
{
    static const uint64_t extremes[] = { 0,          1,
                                         0x7fffffff, 0x80000000,
                                         0xffffffff, 1025,
                                         0x400,      UINT64_C(0x8000000000000000),
                                         UINT64_MAX, 0xfffffff7 };
    uint64_t value = extremes[chance(state) % (sizeof(extremes) / sizeof(extremes[0]))];
    size_t size = chance(state) % 2 ? 4 : 8;
    size_t at = place(length, state);

    memcpy(bytes + at, &value, size < length - at ? size : length - at);
}

uint8_t *damaged(const struct image *image, uint64_t seed, size_t *length)
{
    uint64_t state = seed;
    size_t at = place(image->length, &state), n = 1 + chance(&state) % 64, left;
    uint8_t *out = malloc(image->length + 64);

    if (!out)
        abort();
    memcpy(out, image->bytes, image->length);
    left = image->length - at;
    n = n < left ? n : left;
    *length = image->length;
    switch (chance(&state) % 6) {
    case 0:
        set_number(out, *length, &state);
        break;
    case 1: /* lost */
        memmove(out + at, out + at + n, left - n);
        *length -= n;
        break;
    case 2: /* twice */
        memmove(out + at + n, out + at, left);
        *length += n;
        break;
    case 3:
        memset(out + at, 0, n);
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            out[at + i] = (uint8_t)chance(&state);
        break;
    default:
        *length = at;
    }
    /* give the rest back, so that the sanitizer sees a read behind the end */
    return realloc(out, *length ? *length : 1);
}

static bool load(struct image *image)
{
    FILE *f = fopen(image->path, "rb");
    long end;
    bool whole;

    if (!f)
        return false;
    whole = fseek(f, 0, SEEK_END) == 0 && (end = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0;
    image->length = whole ? (size_t)end : 0;
    /* exactly as long as the image, so that the sanitizer sees a read behind its end */
    image->bytes = malloc(image->length ? image->length : 1);
    whole = whole && image->bytes && fread(image->bytes, 1, image->length, f) == image->length;
    fclose(f);
    return whole;
}

static int setup(void **state)
{
    return load(*state) ? 0 : -1;
}

static int teardown(void **state)
{
    struct image *image = *state;

    free(image->bytes);
    image->bytes = NULL;
    return 0;
}

int property_main(const char *name, int argc, char **argv, CMUnitTestFunction fn)
{
    size_t n = argc > 1 ? (size_t)argc - 1 : 0;
    struct CMUnitTest *tests = calloc(n + 1, sizeof(*tests));
    struct image *images = calloc(n + 1, sizeof(*images));
    int failed = 1;

    if (!tests || !images || !n) {
        fprintf(stderr, "%s: no images\n", name);
    } else {
        for (size_t i = 0; i < n; i++) {
            const char *slash = strrchr(argv[i + 1], '/');

            images[i].path = argv[i + 1];
            tests[i] = (struct CMUnitTest){ slash ? slash + 1 : argv[i + 1], fn, setup, teardown,
                                            &images[i] };
        }
        failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
    }
    free(tests);
    free(images);
    return failed != 0;
}
