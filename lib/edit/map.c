/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One walk, kept: its index, findings, what is known of the image, verdicts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../xsi_plugin.h"

enum { FINDINGS_MAX = 4096 };

struct xsi_map {
    struct xsi_index *index;
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
            held = xsi_index_add(map->index, walk, ev.chunk) == 0;
        else if (ev.kind == XSI_EV_FINDING)
            held = add_finding(map, ev.finding);
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

static int fill(struct xsi_map *map, struct xsi_source *src, const struct xsi_map_options *options,
                struct xsi_error *err)
{
    const struct xsi_walk_options how = { .as = options ? options->as : NULL,
                                          .scan = options && options->scan };
    struct xsi_walk *walk = xsi_walk_new(src, &how, err);
    struct xsi_judge *judge = NULL;
    int rc = 0;

    if (!walk)
        return -err->code;
    map->index = xsi_index_new(src, &how, options && options->unfolded, err);
    if (!map->index)
        rc = -err->code;
    if (!rc && options && options->names) {
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
    if (fill(map, src, options, err) < 0) {
        xsi_map_free(map);
        return NULL;
    }
    return map;
}

void xsi_map_free(struct xsi_map *map)
{
    if (!map)
        return;
    xsi_index_free(map->index);
    free(map->finding);
    free(map->verdict);
    free(map);
}

const struct xsi_map_row *xsi_map_rows(const struct xsi_map *map, size_t *count)
{
    return xsi_index_rows(map->index, count);
}

bool xsi_map_full(const struct xsi_map *map)
{
    return xsi_index_full(map->index);
}

const struct xsi_map_row *xsi_map_at(const struct xsi_map *map, uint64_t offset)
{
    return xsi_index_at(map->index, offset);
}

const struct xsi_map_row *xsi_map_type(const struct xsi_map *map, const char *type, uint64_t offset)
{
    size_t count;
    const struct xsi_map_row *row = xsi_index_rows(map->index, &count);

    for (size_t i = 0; i < count; i++)
        if (row[i].offset >= offset && !strcmp(row[i].type, type))
            return &row[i];
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
    return xsi_index_open(map->index, offset, chunk, err);
}
