/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One walk, kept: rows, findings, what is known of the image, verdicts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../xsi_plugin.h"

enum { ROWS_MAX = 256 << 10, FINDINGS_MAX = 4096 };

struct xsi_map {
    struct xsi_source *src;
    char as[256];
    bool forced, scan, unfolded, full;
    struct xsi_map_row *row;
    size_t count, capacity;
    struct xsi_finding *finding;
    size_t finding_count, finding_capacity;
    struct xsi_info info;
    struct xsi_verdict *verdict;
    size_t verdict_count;
};

/* Room for one more; false: no memory. */
static bool grow(void **rows, size_t *capacity, size_t count, size_t size)
{
    void *larger;

    if (count < *capacity)
        return true;
    larger = reallocarray(*rows, *capacity ? *capacity * 2 : 64, size);
    if (!larger)
        return false;
    *rows = larger;
    *capacity = *capacity ? *capacity * 2 : 64;
    return true;
}

/* A batch behind batches of the same layer, nothing wrong with either. */
static bool folds(const struct xsi_map *map, const struct xsi_chunk *c)
{
    const struct xsi_map_row *last = map->count ? &map->row[map->count - 1] : NULL;

    return last && !map->unfolded && c->flags == XSI_CHUNK_PAGES && last->flags == c->flags &&
           last->layer == c->layer && last->type == c->type &&
           last->checkpoint == map->info.checkpoints;
}

static void fold(struct xsi_map_row *row, const struct xsi_chunk *c)
{
    if (c->pages && (!row->pages || c->first_pfn < row->first_pfn))
        row->first_pfn = c->first_pfn;
    if (c->pages && (!row->pages || c->last_pfn > row->last_pfn))
        row->last_pfn = c->last_pfn;
    row->count++;
    row->length += c->length;
    row->wanted += c->wanted;
    row->pages += c->pages;
}

struct xsi_map_row xsi_map_row_of(const struct xsi_chunk *c, unsigned checkpoint)
{
    return (struct xsi_map_row){ .index = c->index,
                                 .count = 1,
                                 .offset = c->offset,
                                 .length = c->length,
                                 .wanted = c->wanted,
                                 .layer = c->layer,
                                 .type = c->type,
                                 .has_id = c->has_id,
                                 .id = c->id,
                                 .pages = c->pages,
                                 .first_pfn = c->first_pfn,
                                 .last_pfn = c->last_pfn,
                                 .flags = c->flags,
                                 .depth = c->depth,
                                 .checkpoint = checkpoint };
}

static bool add_chunk(struct xsi_map *map, const struct xsi_chunk *c)
{
    if (folds(map, c)) {
        fold(&map->row[map->count - 1], c);
        return true;
    }
    if (map->count == ROWS_MAX) {
        map->full = true;
        return true;
    }
    if (!grow((void **)&map->row, &map->capacity, map->count, sizeof(*map->row)))
        return false;
    map->row[map->count++] = xsi_map_row_of(c, map->info.checkpoints);
    return true;
}

static bool add_finding(struct xsi_map *map, const struct xsi_finding *f)
{
    if (map->finding_count == FINDINGS_MAX)
        return true;
    if (!grow((void **)&map->finding, &map->finding_capacity, map->finding_count, sizeof(*f)))
        return false;
    map->finding[map->finding_count++] = *f;
    return true;
}

static int no_memory(struct xsi_error *err)
{
    err->code = ENOMEM;
    snprintf(err->text, sizeof(err->text), "out of memory for the image's chunks");
    return -ENOMEM;
}

static bool keep_verdicts(struct xsi_map *map, const struct xsi_judge *judge)
{
    const struct xsi_verdict *v;
    size_t n = 0;

    while (xsi_judge_verdict(judge, n, NULL))
        n++;
    map->verdict = calloc(n ? n : 1, sizeof(*map->verdict));
    if (!map->verdict)
        return false;
    while (map->verdict_count < n && (v = xsi_judge_verdict(judge, map->verdict_count, NULL)))
        map->verdict[map->verdict_count++] = *v;
    return true;
}

static int walk_through(struct xsi_map *map, struct xsi_walk *walk, struct xsi_judge *judge,
                        struct xsi_error *err)
{
    struct xsi_event ev;
    bool held = true;
    int rc = 1;

    while (rc > 0 && held) {
        rc = judge ? xsi_judge_advance(judge, false) : 0;
        rc = rc < 0 ? rc : xsi_walk_next(walk, &ev);
        if (rc <= 0)
            break;
        if (ev.kind == XSI_EV_CHUNK)
            held = add_chunk(map, ev.chunk);
        else if (ev.kind == XSI_EV_FINDING)
            held = add_finding(map, ev.finding);
        map->info.checkpoints = xsi_walk_info(walk)->checkpoints;
    }
    if (rc == 0 && judge)
        rc = xsi_judge_advance(judge, true);
    if (rc < 0) {
        *err = *xsi_walk_error(walk);
        if (!err->code)
            err->code = -rc;
        return rc;
    }
    map->info = *xsi_walk_info(walk);
    return held && (!judge || keep_verdicts(map, judge)) ? 0 : no_memory(err);
}

static int fill(struct xsi_map *map, const struct xsi_map_options *options, struct xsi_error *err)
{
    const struct xsi_walk_options how = { .as = map->forced ? map->as : NULL, .scan = map->scan };
    struct xsi_walk *walk = xsi_walk_new(map->src, &how, err);
    struct xsi_judge *judge = NULL;
    int rc = 0;

    if (!walk)
        return -err->code;
    if (options && options->names) {
        judge = xsi_judge_new(walk, options->names, options->name_count, NULL, err);
        if (!judge && err->code)
            rc = -err->code;
    }
    if (!rc)
        rc = walk_through(map, walk, judge, err);
    xsi_judge_free(judge);
    xsi_walk_free(walk);
    return rc;
}

struct xsi_map *xsi_map_new(struct xsi_source *src, const struct xsi_map_options *options,
                            struct xsi_error *err)
{
    struct xsi_map *map = calloc(1, sizeof(*map));

    *err = (struct xsi_error){ 0, "" };
    if (!map) {
        no_memory(err);
        return NULL;
    }
    map->src = src;
    map->forced = options && options->as;
    if (map->forced)
        snprintf(map->as, sizeof(map->as), "%s", options->as);
    map->scan = options && options->scan;
    map->unfolded = options && options->unfolded;
    if (fill(map, options, err) < 0) {
        xsi_map_free(map);
        return NULL;
    }
    return map;
}

void xsi_map_free(struct xsi_map *map)
{
    if (!map)
        return;
    free(map->row);
    free(map->finding);
    free(map->verdict);
    free(map);
}

const struct xsi_map_row *xsi_map_rows(const struct xsi_map *map, size_t *count)
{
    *count = map->count;
    return map->row;
}

bool xsi_map_full(const struct xsi_map *map)
{
    return map->full;
}

const struct xsi_map_row *xsi_map_at(const struct xsi_map *map, uint64_t offset)
{
    size_t low = 0, high = map->count;

    while (low < high) { /* low = number of rows that begin at or before offset */
        size_t middle = low + (high - low) / 2;

        if (map->row[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || offset - map->row[low - 1].offset >= map->row[low - 1].length)
        return NULL;
    return &map->row[low - 1];
}

const struct xsi_map_row *xsi_map_type(const struct xsi_map *map, const char *type, uint64_t offset)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->row[i].offset >= offset && !strcmp(map->row[i].type, type))
            return &map->row[i];
    return NULL;
}

const struct xsi_finding *xsi_map_findings(const struct xsi_map *map, size_t *count)
{
    *count = map->finding_count;
    return map->finding;
}

const struct xsi_info *xsi_map_info(const struct xsi_map *map)
{
    return &map->info;
}

const struct xsi_verdict *xsi_map_verdict(const struct xsi_map *map, size_t index)
{
    return index < map->verdict_count ? &map->verdict[index] : NULL;
}

struct xsi_walk *xsi_map_open(const struct xsi_map *map, uint64_t offset,
                              const struct xsi_chunk **chunk, struct xsi_error *err)
{
    const struct xsi_walk_options how = { .as = map->forced ? map->as : NULL, .scan = map->scan };
    struct xsi_walk *walk = xsi_walk_new(map->src, &how, err);
    struct xsi_event ev;
    int rc;

    while (walk && (rc = xsi_walk_next(walk, &ev)) >= 0) {
        if (rc && (ev.kind != XSI_EV_CHUNK || offset - ev.chunk->offset >= ev.chunk->length))
            continue;
        if (rc) {
            *chunk = ev.chunk;
            return walk;
        }
        err->code = ENOENT;
        snprintf(err->text, sizeof(err->text), "no chunk of the image holds offset 0x%llx",
                 (unsigned long long)offset);
        xsi_walk_free(walk);
        return NULL;
    }
    if (walk)
        *err = *xsi_walk_error(walk);
    xsi_walk_free(walk);
    return NULL;
}
