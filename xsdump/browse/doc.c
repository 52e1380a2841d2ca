/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image in the browser: its walk in slices, its chunks and findings as far as they are known. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "browse.h"

#define FINDINGS_MAX 4096

/* What the judge beside the walk hands over: as for the listing. */
struct doc_view {
    struct view view;
    struct doc *doc;
};

/* ---------------------------------------------------------------- findings ---- */

static bool room(struct doc *doc)
{
    size_t capacity = doc->finding_capacity ? 2 * doc->finding_capacity : 16;
    struct xsi_finding *larger;

    if (doc->finding_count < doc->finding_capacity)
        return true;
    if (doc->finding_count == FINDINGS_MAX)
        return false;
    larger = realloc(doc->finding, capacity * sizeof(*larger));
    if (!larger)
        return false;
    doc->finding = larger;
    doc->finding_capacity = capacity;
    return true;
}

static void take_finding(struct view *view, struct image *im, const struct xsi_finding *f)
{
    struct doc *doc = ((struct doc_view *)view)->doc;
    size_t i = doc->finding_count;

    (void)im;
    if (!room(doc))
        return;
    while (i && doc->finding[i - 1].offset > f->offset)
        i--;
    memmove(&doc->finding[i + 1], &doc->finding[i],
            (doc->finding_count - i) * sizeof(doc->finding[0]));
    doc->finding[i] = *f;
    doc->finding_count++;
    doc->changes++;
}

size_t doc_finding_at(const struct doc *doc, uint64_t offset)
{
    size_t low = 0, high = doc->finding_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (doc->finding[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t doc_finding_place(const struct doc *doc, const struct xsi_finding *finding)
{
    return finding->offset < doc->size ? finding->offset : doc->size ? doc->size - 1 : 0;
}

size_t doc_findings_in(const struct doc *doc, uint64_t offset, uint64_t length,
                       const struct xsi_finding **worst)
{
    size_t first = doc_finding_at(doc, offset), n = first;

    *worst = NULL;
    for (; n < doc->finding_count && doc->finding[n].offset - offset < length; n++)
        if (!*worst || doc->finding[n].severity > (*worst)->severity)
            *worst = &doc->finding[n];
    return n - first;
}

/* ---------------------------------------------------------------- the walk ---- */

static void walk_ends(struct doc *doc, struct view *view, int rc)
{
    if (rc == 0)
        judged_advance(&doc->im, true);
    else
        doc->error = *xsi_walk_error(doc->im.walk);
    judged_release(&doc->im, view, true);
    doc->walked = true;
    doc->changes++;
}

bool doc_step(struct doc *doc)
{
    struct doc_view view = { .view = { .finding = take_finding }, .doc = doc };
    struct xsi_event ev;
    int rc;

    if (doc->walked)
        return false;
    judged_advance(&doc->im, false);
    rc = xsi_walk_next(doc->im.walk, &ev);
    if (rc > 0 && ev.kind == XSI_EV_FINDING)
        judged_finding(&doc->im, &view.view, ev.finding);
    if (rc > 0 && ev.kind == XSI_EV_CHUNK) {
        rc = xsi_index_add(doc->index, doc->im.walk, ev.chunk) < 0 ? -ENOMEM : 1;
        doc->changes++;
    }
    if (rc > 0)
        judged_release(&doc->im, &view.view, false);
    else
        walk_ends(doc, &view.view, rc);
    return !doc->walked;
}

/* ---------------------------------------------------------------- life ---- */

static bool cannot(struct xsi_error *error, int code, const char *why)
{
    error->code = code;
    snprintf(error->text, sizeof(error->text), "%s", why);
    return false;
}

static bool open_index(struct doc *doc, const struct settings *set, struct xsi_error *error)
{
    const struct xsi_walk_options how = { .as = set->as, .scan = set->scan };
    size_t filters = 0;

    (void)xsi_source_filters(doc->im.src, &filters);
    if (filters)
        return cannot(error, ESPIPE,
                      "it is compressed, and a browser goes back and forth: decompress it to a "
                      "file first (zcat, xzcat, zstdcat, lz4cat)");
    if (!xsi_source_seekable(doc->im.src) || !xsi_source_size(doc->im.src, &doc->size))
        return cannot(error, ESPIPE, DOC_NO_PIPE);
    doc->index = xsi_index_new(doc->im.src, &how, false, error);
    return doc->index != NULL;
}

struct doc *doc_open(const struct settings *set, const char *file, struct xsi_error *error)
{
    struct doc *doc = calloc(1, sizeof(*doc));

    if (!doc) {
        cannot(error, ENOMEM, "out of memory; free some and try again");
        return NULL;
    }
    doc->im = (struct image){ .set = set, .file = file };
    if (image_open(&doc->im, error) && open_index(doc, set, error))
        return doc;
    doc_free(doc);
    return NULL;
}

void doc_free(struct doc *doc)
{
    if (!doc)
        return;
    xsi_index_free(doc->index);
    image_close(&doc->im);
    free(doc->finding);
    free(doc);
}

/* ---------------------------------------------------------------- asking ---- */

size_t doc_read(struct doc *doc, uint64_t offset, void *buf, size_t n, bool *bad)
{
    ssize_t got = xsi_source_read(doc->im.src, buf, n, offset);

    *bad = got < 0;
    return got < 0 ? 0 : (size_t)got;
}

const struct xsi_map_row *doc_row(const struct doc *doc, uint64_t offset)
{
    return xsi_index_at(doc->index, offset);
}

const struct xsi_verdict *doc_verdict(const struct doc *doc)
{
    return doc->walked ? judged_verdict(&doc->im, 0) : NULL;
}

/* ---------------------------------------------------------------- in words ---- */

void doc_name(const struct doc *doc, char *out, size_t size)
{
    const char *slash = strrchr(doc->im.file, '/');

    cli_name(out, size, slash && slash[1] ? slash + 1 : doc->im.file);
}

enum role doc_standing(const struct doc *doc, char *out, size_t size)
{
    static const enum role roles[] = { [XSI_RESTORES] = ROLE_HEAD_GOOD,
                                       [XSI_LOSES] = ROLE_HEAD_WARNING,
                                       [XSI_FAILS] = ROLE_HEAD_ERROR,
                                       [XSI_UNDEFINED] = ROLE_HEAD_ERROR };
    const struct xsi_verdict *v = doc_verdict(doc);
    uint64_t at = xsi_walk_position(doc->im.walk);

    if (doc->error.code) {
        snprintf(out, size, "stopped at 0x%" PRIx64 ": %.120s", at, doc->error.text);
        return ROLE_HEAD_ERROR;
    }
    if (!doc->walked) {
        snprintf(out, size, "reading: %u%%",
                 doc->size ? (unsigned)((double)at * 100 / (double)doc->size) : 0);
        return ROLE_HEAD;
    }
    if (v) {
        snprintf(out, size, "%s on %s", cli_outcome(v->outcome), v->reader.name);
        return roles[v->outcome];
    }
    snprintf(out, size, "%s", cli_state(xsi_walk_info(doc->im.walk)));
    return ROLE_HEAD;
}
