/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scan: where the stream goes on behind damage, and how sure that is. */
#include <inttypes.h>
#include <string.h>

#include "debug.h"
#include "xsrecover.h"

#define SHOWN_MAX 16 /* damaged places in full: each costs a walk */

static bool is_damage(const struct xsi_finding *f)
{
    return f->row->effect == XSI_DAMAGED || f->row->effect == XSI_TRUNCATED;
}

/* Offset of the next damage, UINT64_MAX: none. */
static uint64_t next_damage(const struct debug *d, uint64_t from)
{
    uint64_t least = UINT64_MAX;
    size_t count;
    const struct xsi_finding *f = xsi_map_findings(d->map, &count);

    for (size_t i = 0; i < count; i++)
        if (is_damage(&f[i]) && f[i].offset >= from && f[i].offset < least)
            least = f[i].offset;
    return least;
}

/* Chunks from a place on without damage: that they fit together is what speaks for the place. */
static void put_evidence(struct debug *d, uint64_t from)
{
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    struct xsi_walk *walk = xsi_map_open(d->map, from, &chunk, &err);
    uint64_t chunks = 0, pages = 0, end = from, stop = next_damage(d, from);
    struct xsi_event ev = { .kind = XSI_EV_CHUNK, .chunk = walk ? chunk : NULL };

    for (int rc = walk != NULL; rc > 0; rc = xsi_walk_next(walk, &ev)) {
        if (ev.kind != XSI_EV_CHUNK)
            continue;
        if (ev.chunk->flags & (XSI_CHUNK_GAP | XSI_CHUNK_CUT) ||
            ev.chunk->offset + ev.chunk->length > stop)
            break;
        chunks++;
        pages += ev.chunk->pages;
        end = ev.chunk->offset + ev.chunk->length;
    }
    xsi_walk_free(walk);
    line_print(&d->term, "",
               "from there %" PRIu64 " chunks with %" PRIu64
               " pages follow each other, to 0x%" PRIx64 "%s",
               chunks, pages, end,
               end == xsi_map_info(d->map)->stream_end ? ", the end of the stream" : "");
}

static void put_resync(struct debug *d, const struct xsi_map_row *row)
{
    char what[512];

    line_print(&d->term, "goes on", "at 0x%" PRIx64 ": %s; %s", row->offset,
               debug_what(d, row->offset, what, sizeof(what)),
               row->flags & XSI_CHUNK_CERTAIN ? "certain: several independent facts agree"
                                              : "probable: its own bytes fit, little else tells");
    put_evidence(d, row->offset);
}

static void put_gap(struct debug *d, const struct xsi_map_row *row)
{
    line_print(&d->term, "gap", "at 0x%" PRIx64 ": %" PRIu64 " bytes that %s", row->offset,
               row->length,
               row->flags & XSI_CHUNK_UNREADABLE ? "the disk cannot read" : "no chunk claims");
}

/* Damage within a chunk whose end was found all the same. */
static void put_healed(struct debug *d, const struct xsi_finding *f)
{
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    struct xsi_walk *walk = xsi_map_open(d->map, f->offset, &chunk, &err);
    char what[512];

    if (walk && !(chunk->flags & (XSI_CHUNK_GAP | XSI_CHUNK_CUT))) {
        uint64_t end = chunk->offset + chunk->length;

        line_print(&d->term, "damaged", "%s%s%s", debug_what(d, chunk->offset, what, sizeof(what)),
                   *chunk->note ? ": " : "", chunk->note);
        line_print(&d->term, "goes on",
                   "at 0x%" PRIx64 ": %s; certain: what stands there begins where this ends", end,
                   debug_what(d, end, what, sizeof(what)));
        put_evidence(d, end);
    }
    xsi_walk_free(walk);
}

/* Findings of damage and the places of the search, by offset. */
static size_t put_all(struct debug *d)
{
    size_t count, shown = 0, next = 0, findings;
    const struct xsi_map_row *row = xsi_map_rows(d->map, &count);
    const struct xsi_finding *f = xsi_map_findings(d->map, &findings);

    for (size_t i = 0; i < count && shown < SHOWN_MAX && !debug_stopped(d); i++) {
        for (;
             next < findings && shown < SHOWN_MAX && f[next].offset < row[i].offset + row[i].length;
             next++) {
            if (!is_damage(&f[next]))
                continue;
            if (!shown++)
                debug_move(d, f[next].offset);
            cli_finding_print(&d->term, &f[next]);
            put_healed(d, &f[next]);
        }
        if (row[i].flags & XSI_CHUNK_GAP)
            put_gap(d, &row[i]);
        if (row[i].flags & XSI_CHUNK_RESYNC)
            put_resync(d, &row[i]);
        shown += (row[i].flags & (XSI_CHUNK_GAP | XSI_CHUNK_RESYNC)) != 0;
    }
    if (shown >= SHOWN_MAX)
        fputs("... more behind that; all findings: findings\n", d->term.out);
    return shown;
}

static int scan_exec(struct debug *d, int argc, char **argv)
{
    int status = 0;

    (void)argc;
    (void)argv;
    if (!d->scan) {
        d->scan = true;
        status = debug_look(d);
    }
    if (status) {
        d->scan = false;
        return status;
    }
    if (!put_all(d))
        fputs("no damage: the chunks follow each other without a gap\n", d->term.out);
    return 0;
}

static const struct debug_command row = {
    .name = "scan",
    .group = DEBUG_LOOK,
    .help = "where the stream goes on behind damage, and how sure that is",
    .about = "Searches behind damage at every offset, however far; from now on all commands see "
             "what it finds. The first damage becomes the current position: why CODE says what is "
             "wrong there, set and fix mend it.",
    .exec = scan_exec,
};
DEBUG_COMMAND(row);
