/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bars of the map. What is laid out of the whole image is kept until more of it is known; rows
 * are looked at once, when they are complete.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

#define NAME_ROOM 9  /* cells that most names of chunks need */
#define LABELS    60 /* columns from which on the second bar says what it stands for */

/* Of parts that share a cell the highest is shown. */
enum { RANK_PAGES, RANK_BATCH, RANK_PART, RANK_GAP, RANK_DAMAGE };

struct map *map_of(struct browse *b)
{
    struct map *m = b->slot[PANEL_MAP];

    if (!m)
        m = b->slot[PANEL_MAP] = calloc(1, sizeof(*m));
    if (m && m->doc != b->doc) {
        memset(m, 0, sizeof(*m));
        m->doc = b->doc;
    }
    return m;
}

/* ---------------------------------------------------------------- what is what ---- */

/* Parts of an image, as they are drawn and as the legend names them. */
static const struct {
    enum role role;
    unsigned rank;
    const char *name;
} kinds[] = {
    [XSI_PART_CONTAINER] = { ROLE_CONTAINER, RANK_PART, "container" },
    [XSI_PART_HEAD] = { ROLE_STREAM_HEAD, RANK_PART, "stream head" },
    [XSI_PART_PAGES] = { ROLE_PAGES, RANK_PAGES, "pages" },
    [XSI_PART_TAIL] = { ROLE_TAIL, RANK_PART, "vCPUs, contexts, ends" },
    [XSI_PART_EMULATOR] = { ROLE_EMULATOR, RANK_PART, "device model" },
    [XSI_PART_FOREIGN] = { ROLE_GAP, RANK_GAP, NULL },
    [XSI_PART_GAP] = { ROLE_GAP, RANK_GAP, "gap" },
    /* more for the legend */
    { ROLE_PAGE_TABLES, RANK_BATCH, "page tables" },
    { ROLE_NO_PAGES, RANK_BATCH, "frames without data" },
    { ROLE_DAMAGE, RANK_DAMAGE, "damage" },
    { ROLE_UNKNOWN, RANK_PAGES, "not known" },
};

/* Of batches: only lists of frames, rich in page tables (a guest has 2 in 1000), or plain. */
static enum role batch_role(uint64_t entries, uint64_t pages, uint64_t tables)
{
    if (entries && pages <= entries / 1024)
        return ROLE_NO_PAGES;
    return tables && tables >= pages / 8 ? ROLE_PAGE_TABLES : ROLE_PAGES;
}

bool map_kind(size_t index, enum role *role, const char **name)
{
    if (index >= sizeof(kinds) / sizeof(kinds[0]))
        return false;
    *role = kinds[index].role;
    *name = kinds[index].name;
    return true;
}

static void add_row(struct bar *bar, const struct xsi_map_row *row, enum xsi_part part, bool apart)
{
    enum role role = kinds[part].role;
    unsigned rank = kinds[part].rank;

    /* a long run is looked at cell by cell, when it is laid out */
    if (part == XSI_PART_PAGES && row->count == 1)
        role = batch_role(row->entries, row->pages, row->tables);
    if (role != kinds[part].role)
        rank = RANK_BATCH;
    if (row->flags & XSI_CHUNK_UNREADABLE) {
        role = ROLE_DAMAGE;
        rank = RANK_DAMAGE;
    }
    bar_add(bar, row->length, role, rank, apart);
}

/* ---------------------------------------------------------------- the whole image ---- */

static void look_into_runs(const struct doc *doc, struct bar_cell *cell, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct xsi_index_sum sum = { 0 };

        if (cell[i].role != ROLE_PAGES)
            continue;
        xsi_index_sum(doc->index, cell[i].from, cell[i].to, &sum);
        cell[i].role = batch_role(sum.entries, sum.pages, sum.tables);
    }
}

static bool is_damage(const struct xsi_finding *f)
{
    return f->row->effect == XSI_DAMAGED || f->row->effect == XSI_TRUNCATED;
}

static void lay_findings(const struct doc *doc, struct bar_cell *cell, size_t n)
{
    for (size_t i = 0; i < doc->finding_count; i++) {
        const struct xsi_finding *f = &doc->finding[i];
        uint64_t at = doc_finding_place(doc, f);

        if (is_damage(f))
            bar_over(cell, n, at, f->length < UINT64_MAX - at ? at + f->length : UINT64_MAX,
                     ROLE_DAMAGE, RANK_DAMAGE);
    }
    for (size_t i = 0; i < doc->finding_count; i++) {
        const struct xsi_finding *f = &doc->finding[i];

        if (f->severity == XSI_ERROR)
            bar_sign(cell, n, doc_finding_place(doc, f), '!',
                     is_damage(f) ? ROLE_DAMAGE : ROLE_ERROR);
    }
}

void map_image(struct map *m, size_t n)
{
    const struct doc *doc = m->doc;
    struct bar all;
    const struct xsi_map_row *rows;
    size_t count, final;

    if (n == m->cells && doc->changes == m->changes)
        return;
    rows = xsi_index_rows(doc->index, &count);
    final = doc->walked || !count ? count : count - 1; /* the last one may become longer */
    for (; m->rows < final; m->rows++)
        add_row(&m->built, &rows[m->rows], xsi_index_part(doc->index, m->rows), false);
    all = m->built;
    for (size_t i = m->rows; i < count; i++)
        add_row(&all, &rows[i], xsi_index_part(doc->index, i), false);
    if (doc->size > bar_end(&all))
        bar_add(&all, doc->size - bar_end(&all), ROLE_UNKNOWN, RANK_PAGES, false);
    m->cells = bar_lay(&all, m->cell, n, 1) ? n : 0;
    m->changes = doc->changes;
    look_into_runs(doc, m->cell, m->cells);
    lay_findings(doc, m->cell, m->cells);
}

/* ---------------------------------------------------------------- the neighbourhood ---- */

/* Is chunk number `at` far enough from both ends of what is shown? So the bar stands still when
 * somebody goes from chunk to chunk. */
static bool holds(const struct map *m, uint64_t at, uint64_t around)
{
    uint64_t first, last;

    if (!m->chunks || m->around != around || (!m->settled && m->changes != m->doc->changes))
        return false;
    first = m->chunk[0].index;
    last = m->chunk[m->chunks - 1].index;
    return at >= first && at <= last && (!first || at - first >= around / 2) &&
           (last + 1 == xsi_index_chunks(m->doc->index) || last - at >= around / 2);
}

static enum xsi_part part_of(const struct doc *doc, const struct xsi_map_row *chunk)
{
    const struct xsi_map_row *row = xsi_index_at(doc->index, chunk->offset);
    size_t count;

    if (!row)
        return chunk->flags & XSI_CHUNK_PAGES ? XSI_PART_PAGES : XSI_PART_FOREIGN;
    return xsi_index_part(doc->index, (size_t)(row - xsi_index_rows(doc->index, &count)));
}

/* The chunks around the current one, so many that their names can be read. False: they are not
 * known. */
static bool find_near(struct browse *b, struct map *m, int columns)
{
    const struct look *look = browse_look(b);
    uint64_t chunks = xsi_index_chunks(b->doc->index), around = chunks / 8, first;

    if (!look->valid)
        return false;
    if (around > (uint64_t)columns / (2 * NAME_ROOM))
        around = (uint64_t)columns / (2 * NAME_ROOM);
    around = around < 3 ? 3 : around > MAP_AROUND ? MAP_AROUND : around;
    if (holds(m, look->index, around))
        return true;
    m->around = around;
    first = look->index > around ? look->index - around : 0;
    if (first + 2 * around + 1 > chunks) /* at the end: more of those before it */
        first = chunks > 2 * around + 1 ? chunks - (2 * around + 1) : 0;
    m->chunks = xsi_index_list(b->doc->index, first, (size_t)(2 * around + 1), m->chunk);
    m->settled = b->doc->walked || m->chunks == 2 * around + 1;
    m->near.count = 0;
    m->near.from = m->chunks ? m->chunk[0].offset : 0;
    for (size_t i = 0; i < m->chunks; i++)
        add_row(&m->near, &m->chunk[i], part_of(b->doc, &m->chunk[i]), true);
    return m->chunks > 0;
}

/* Digits of an offset, as the listing has them. */
static int offset_width(uint64_t offset)
{
    return snprintf(NULL, 0, "0x%08" PRIx64, offset);
}

bool map_near(struct browse *b, struct map *m, int columns)
{
    int label;

    m->zooms = 0;
    if (!find_near(b, m, columns))
        return false;
    label = columns >= LABELS ? offset_width(bar_end(&m->near)) + 1 : 0;
    m->zoom_x = label;
    columns -= 2 * label;
    /* half of the cells for all chunks alike: it is their order and names that are wanted here */
    if (columns < 1 ||
        !bar_lay(&m->near, m->zoom, (size_t)columns, (size_t)columns / (2 * m->near.count) + 1))
        return false;
    m->zooms = (size_t)columns;
    lay_findings(b->doc, m->zoom, m->zooms);
    return true;
}
