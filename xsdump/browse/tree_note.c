/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notes of chunks ("16 records, 1 vCPU"), as the listing has them. The index does not keep them:
 * they are read again for the rows on the screen, between keys, and the last ones are remembered.
 */
#include <stdlib.h>
#include <string.h>

#include "tree.h"

#define KEPT   512 /* more than a screen has lines, or its notes would oust each other for ever */
#define NEAR   256 /* chunks that are walked over rather than looked up in the index */
#define EVENTS 32  /* of the walk, in a slice */

struct tree_notes {
    const struct doc *doc;
    struct {
        uint64_t number; /* the chunk's + 1; 0 none */
        char text[XSI_NOTE_MAX];
    } kept[KEPT];
    size_t oldest;         /* of those that are kept */
    uint64_t wanted[KEPT]; /* ascending */
    size_t count, next;
    struct xsi_walk *walk;
    const struct xsi_chunk *chunk; /* on which it stands */
};

static void leave(struct tree_notes *n)
{
    xsi_walk_free(n->walk);
    n->walk = NULL;
}

static void keep(struct tree_notes *n, uint64_t number, const char *text)
{
    n->kept[n->oldest].number = number + 1;
    snprintf(n->kept[n->oldest].text, XSI_NOTE_MAX, "%s", text);
    n->oldest = (n->oldest + 1) % KEPT;
}

/* The walk stands on the next wanted chunk: 1, not yet: 0, it cannot: -1. */
static int reach(struct tree_notes *n)
{
    uint64_t number = n->wanted[n->next];
    struct xsi_error error;
    struct xsi_event ev;

    if (n->walk && (n->chunk->index > number || number - n->chunk->index > NEAR))
        leave(n);
    if (!n->walk) {
        n->walk = xsi_index_open_number(n->doc->index, number, &n->chunk, &error);
        return n->walk ? 1 : -1;
    }
    for (unsigned i = 0; i < EVENTS && n->chunk->index < number; i++) {
        if (xsi_walk_next(n->walk, &ev) <= 0) {
            leave(n);
            return -1;
        }
        if (ev.kind == XSI_EV_CHUNK)
            n->chunk = ev.chunk;
    }
    return n->chunk->index == number;
}

static bool slice(struct browse *b, void *data)
{
    struct tree_notes *n = data;
    int reached;

    if (n->doc != b->doc)
        return false;
    reached = reach(n);
    if (reached)
        keep(n, n->wanted[n->next++], reached > 0 ? n->chunk->note : "");
    return n->next < n->count;
}

static void over(void *data)
{
    struct tree_notes *n = data;

    leave(n);
    n->count = n->next = 0;
}

static const struct job job = { .what = NULL, .slice = slice, .free = over };

const char *tree_note(struct browse *b, struct tree *t, uint64_t number)
{
    struct tree_notes *n = t->notes;

    if (!n)
        n = t->notes = calloc(1, sizeof(*n));
    if (!n)
        return "";
    if (n->doc != b->doc) {
        job_stop(b, &job);
        memset(n, 0, sizeof(*n));
        n->doc = b->doc;
    }
    for (size_t i = 0; i < KEPT; i++)
        if (n->kept[i].number == number + 1)
            return n->kept[i].text;
    if (!job_data(b, &job) && n->count < KEPT)
        n->wanted[n->count++] = number;
    return "";
}

void tree_notes_wanted(struct browse *b, struct tree *t)
{
    if (t->notes && t->notes->count && !job_data(b, &job))
        job_start(b, &job, t->notes);
}

void tree_notes_free(struct tree_notes *n)
{
    if (!n)
        return;
    leave(n);
    free(n);
}
