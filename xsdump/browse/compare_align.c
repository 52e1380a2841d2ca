/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which rows of two images are counterparts. A row is known by its layer, type and id, by the
 * checkpoint it is in, and by how many of its kind came before it there. Both images are gone
 * through in order: where the rows are not the same, the other image's key table tells which one of
 * them comes later there, and the one in front of it has no counterpart. So each row is touched
 * once, whatever the images hold.
 */
#include <stdlib.h>
#include <string.h>

#include "compare_work.h"

#define KEYS_AT_ONCE 4096 /* rows whose keys are made in one step */

/* ---------------------------------------------------------------- numbers by key ---- */

static struct entry *entry_of(const struct table *t, uint64_t key)
{
    size_t i = (size_t)(key * 0x9e3779b97f4a7c15ULL >> 20) & (t->capacity - 1);

    while (t->entry[i].key && t->entry[i].key != key)
        i = (i + 1) & (t->capacity - 1);
    return &t->entry[i];
}

static bool table_grow(struct table *t)
{
    struct table larger = { .capacity = t->capacity ? 2 * t->capacity : 64, .count = t->count };

    larger.entry = calloc(larger.capacity, sizeof(*larger.entry));
    if (!larger.entry)
        return false;
    for (size_t i = 0; i < t->capacity; i++)
        if (t->entry[i].key)
            *entry_of(&larger, t->entry[i].key) = t->entry[i];
    free(t->entry);
    *t = larger;
    return true;
}

/* The value of a key, 0 at first; NULL: no memory. */
static size_t *table_at(struct table *t, uint64_t key)
{
    struct entry *e;

    if (2 * t->count >= t->capacity && !table_grow(t))
        return NULL;
    e = entry_of(t, key);
    if (!e->key) {
        e->key = key;
        t->count++;
    }
    return &e->value;
}

static bool table_has(const struct table *t, uint64_t key, size_t *value)
{
    const struct entry *e = t->capacity ? entry_of(t, key) : NULL;

    if (!e || !e->key)
        return false;
    *value = e->value;
    return true;
}

/* ---------------------------------------------------------------- keys ---- */

/* FNV-1a, with a stir behind each piece. Never 0. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ULL;
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static uint64_t kind_of(const struct xsi_map_row *row)
{
    const uint64_t numbers[] = { row->has_id, (uint64_t)row->id, row->checkpoint };
    uint64_t hash = mix(0xcbf29ce484222325ULL, row->layer, strlen(row->layer) + 1);

    hash = mix(hash, row->type, strlen(row->type) + 1);
    return mix(hash, numbers, sizeof(numbers));
}

const struct xsi_map_row *side_row(const struct side *side, size_t row)
{
    size_t count;

    return &xsi_index_rows(side->doc->index, &count)[row];
}

/* Rows that will not change any more: the last one may become longer while the walk goes on. */
static size_t final_rows(const struct side *side)
{
    size_t count;

    xsi_index_rows(side->doc->index, &count);
    return side->doc->walked || !count ? count : count - 1;
}

static bool side_grow(struct side *side)
{
    size_t capacity = side->capacity ? 2 * side->capacity : 64;
    uint64_t *key = reallocarray(side->key, capacity, sizeof(*key));
    uint32_t *mate = reallocarray(side->mate, capacity, sizeof(*mate));
    uint8_t *state = reallocarray(side->state, capacity, sizeof(*state));

    side->key = key ? key : side->key;
    side->mate = mate ? mate : side->mate;
    side->state = state ? state : side->state;
    if (!key || !mate || !state)
        return false;
    side->capacity = capacity;
    return true;
}

/* Keys of the rows that have come. False: no memory. */
static bool take_rows(struct side *side)
{
    size_t final = final_rows(side);

    for (int n = 0; n < KEYS_AT_ONCE && side->rows < final; n++) {
        uint64_t kind = kind_of(side_row(side, side->rows));
        size_t *before = table_at(&side->kinds, kind), *place;
        uint64_t nth;

        if (!before || (side->rows == side->capacity && !side_grow(side)))
            return false;
        nth = (*before)++;
        side->key[side->rows] = mix(kind, &nth, sizeof(nth));
        place = table_at(&side->place, side->key[side->rows]);
        if (!place)
            return false;
        *place = side->rows;
        side->mate[side->rows] = 0;
        side->state[side->rows++] = COMPARED_NOT;
    }
    return true;
}

void align_free(struct side *side)
{
    free(side->key);
    free(side->mate);
    free(side->state);
    free(side->kinds.entry);
    free(side->place.entry);
}

/* ---------------------------------------------------------------- alignment ---- */

/* Where a row that is not there would be. */
static uint64_t place_of(const struct side *side)
{
    return side->next < side->rows ? side_row(side, side->next)->offset
                                   : xsi_index_end(side->doc->index);
}

/* The next row of image i has no counterpart. */
static void only(struct compare *cmp, int i)
{
    const struct xsi_map_row *row = side_row(&cmp->side[i], cmp->side[i].next);
    struct apart d;

    d.at[i] = row->offset;
    d.length[i] = row->length;
    d.at[!i] = place_of(&cmp->side[!i]);
    d.length[!i] = 0;
    cmp->side[i].state[cmp->side[i].next++] = COMPARED_ONLY;
    bytes_apart(cmp, &cmp->found[0], &d);
}

static void pair(struct compare *cmp, size_t *work)
{
    struct side *a = &cmp->side[0], *b = &cmp->side[1];
    const struct xsi_map_row *x = side_row(a, a->next), *y = side_row(b, b->next);

    a->mate[a->next] = (uint32_t)b->next + 1;
    b->mate[b->next] = (uint32_t)a->next + 1;
    if (x->length <= COMPARE_SMALL && y->length <= COMPARE_SMALL) {
        bytes_pair(cmp, a->next, b->next);
        *work += (size_t)(x->length + y->length);
    } else if (x->length != y->length) {
        a->state[a->next] = b->state[b->next] = COMPARED_DIFFERS;
    }
    a->next++;
    b->next++;
}

/* The row of `side`, not yet aligned, that has a key. */
static bool comes(const struct side *side, uint64_t key, size_t *row)
{
    return table_has(&side->place, key, row) && *row >= side->next;
}

static bool over(const struct side *side)
{
    return side->doc->walked && side->rows == final_rows(side);
}

int align_step(struct compare *cmp, size_t *work)
{
    struct side *a = &cmp->side[0], *b = &cmp->side[1];
    bool more_a, more_b, a_comes, b_comes;
    size_t i = 0, j = 0;

    if (!take_rows(a) || !take_rows(b)) {
        cmp->failed = true;
        return ALIGN_OVER;
    }
    more_a = a->next < a->rows;
    more_b = b->next < b->rows;
    if (!more_a || !more_b) {
        if ((!more_a && !over(a)) || (!more_b && !over(b)))
            return ALIGN_WAITS;
        if (!more_a && !more_b)
            return ALIGN_OVER;
        only(cmp, more_b);
        return ALIGN_MOVED;
    }
    if (a->key[a->next] == b->key[b->next]) {
        pair(cmp, work);
        return ALIGN_MOVED;
    }
    b_comes = comes(a, b->key[b->next], &i);
    a_comes = comes(b, a->key[a->next], &j);
    if ((!a_comes && !over(b)) || (!b_comes && !over(a)))
        return ALIGN_WAITS;
    /* both come later, crosswise: the shorter way to one of them */
    only(cmp, a_comes && (!b_comes || j - b->next <= i - a->next));
    return ALIGN_MOVED;
}
