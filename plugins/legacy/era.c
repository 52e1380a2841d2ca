/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what was seen in the stream to the releases that can have written it. */
#include <stdio.h>

#include "legacy.h"

static const struct {
    int first, last; /* release * 100, 0 = no bound */
    const char *text;
} rows[SEEN_COUNT] = {
#define EVIDENCE(name, first, last, text) { first, last, text },
#include "era.def"
#undef EVIDENCE
};

static const struct {
    int release;
    const char *name;
} releases[] = {
    { 300, "xen-3.0" }, { 301, "xen-3.1" }, { 302, "xen-3.2" }, { 303, "xen-3.3" },
    { 304, "xen-3.4" }, { 400, "xen-4.0" }, { 401, "xen-4.1" }, { 402, "xen-4.2" },
    { 403, "xen-4.3" }, { 404, "xen-4.4" }, { 405, "xen-4.5" },
};

static const char *release_name(int release)
{
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
        if (releases[i].release == release)
            return releases[i].name;
    return NULL;
}

void legacy_saw(struct legacy *s, enum legacy_evidence what)
{
    s->seen |= 1ULL << what;
}

static bool saw(uint64_t seen, enum legacy_evidence what)
{
    return seen >> what & 1;
}

static bool saw_id(const struct legacy *s, int id)
{
    return s->ids >> -id & 1;
}

/* The chunk that tells the latest first release; NULL when none was seen. */
static const struct legacy_chunk_row *youngest(const struct legacy *s)
{
    const struct legacy_chunk_row *best = NULL;

    for (int id = -1; legacy_chunk_row(id); id--)
        if (saw_id(s, id) && (!best || legacy_chunk_row(id)->first > best->first))
            best = legacy_chunk_row(id);
    return best;
}

/* What the absence of chunks says, once a body (or, for LAST_CHECKPOINT, the image) has ended. */
static uint64_t conclude(const struct legacy *s, bool final)
{
    const struct legacy_chunk_row *row = youngest(s);
    int age = row ? row->first : 300;
    uint64_t seen = s->seen;

    if (!s->end_at)
        return seen;
    if (!s->ever_map)
        seen |= 1ULL << SEEN_NO_VCPU_INFO;
    if (!saw_id(s, -7))
        seen |= 1ULL << SEEN_NO_TSC_INFO;
    else if (final && !s->last_checkpoint && !s->will_compress && s->checkpoint == 1 && age < 402)
        seen |= 1ULL << SEEN_NO_LAST;
    if (s->pv)
        return seen;
    if (!saw_id(s, -4) && !saw_id(s, -7))
        seen |= 1ULL << SEEN_NO_VM86_TSS;
    if (age < 402 && saw_id(s, -7))
        seen |= 1ULL << SEEN_NO_RINGS;
    else if (age < 405 && age >= 402)
        seen |= 1ULL << SEEN_NO_IOREQ;
    return seen;
}

static void set_why(struct xsi_info *info, const struct legacy_chunk_row *row, const char *from,
                    const char *to)
{
    char since[120] = "";

    if (row)
        snprintf(since, sizeof(since), "%s is written since %s", row->type.name,
                 release_name(row->first) + 4);
    if (!row && !from && !to)
        from = "a legacy stream, written up to Xen 4.5";
    snprintf(info->writer_why, sizeof(info->writer_why), "%s%s%s",
             row    ? since
             : from ? from
                    : "",
             (row || from) && to ? "; " : "", to ? to : "");
}

void legacy_era(struct xsi_walk *w, const struct legacy *s, bool final)
{
    const struct legacy_chunk_row *row = youngest(s);
    struct xsi_info *info = xsi_info(w);
    uint64_t seen = conclude(s, final);
    int from = 300, to = 405;
    const char *why_from = NULL, *why_to = NULL;

    for (unsigned i = 0; i < SEEN_COUNT; i++) {
        if (!saw(seen, (enum legacy_evidence)i))
            continue;
        if (rows[i].first > from) {
            from = rows[i].first;
            why_from = rows[i].text;
        }
        if (rows[i].last && rows[i].last < to) {
            to = rows[i].last;
            why_to = rows[i].text;
        }
    }
    if ((int)s->context_from > from && s->context_from <= 405) {
        from = (int)s->context_from;
        why_from = "the HVM context's records are not older";
    }
    if (row && row->first >= from)
        from = row->first;
    else
        row = NULL;
    if (s->context_to && (int)s->context_to < to && (int)s->context_to >= from) {
        to = (int)s->context_to;
        why_to = "the HVM context's records are not younger";
    }
    if (from > to && final)
        xsi_report(w, &legacy_findings[LEGACY_L40], s->end_at, 0,
                   "written by %s or later (%s), but %s", release_name(from),
                   row ? row->type.name : why_from, why_to);
    if (from > to)
        to = from;
    info->writer_from = release_name(from);
    info->writer_to = release_name(to);
    set_why(info, row, why_from, why_to);
}
