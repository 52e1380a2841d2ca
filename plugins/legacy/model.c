/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The model of libxc's restore of the legacy stream: how it begins, what all parts need, how it
 * returns. Facts: tools/libxc/xc_domain_restore.c at RELEASE-4.5.5 unless another is named.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

/* A table that is indexed this far behind its end reads unmapped memory: SIGSEGV. Nearer, other
 * data of the process lies there. */
#define FAR_BYTES (64U << 20)
/* Largest table that a 64-bit toolstack is taken to get; real ones need 2 GiB at most. */
#define ALLOC_MAX (16ULL << 30)

void legacy_cause(struct legacy_m *s, int code, uint64_t at, uint64_t length, const char *fmt, ...)
{
    va_list args;

    if (s->has_cause)
        return;
    s->has_cause = true;
    s->cause_code = code;
    s->cause_at = at;
    s->cause_length = length;
    va_start(args, fmt);
    vsnprintf(s->cause, sizeof(s->cause), fmt, args);
    va_end(args);
}

void legacy_forget(struct legacy_m *s)
{
    s->has_cause = false;
    s->mends = NULL;
}

/* Lines of rdexact: RELEASE-4.1.0 and later; earlier releases have none. */
int legacy_short(struct xsi_run *r, struct legacy_m *s, const char *what, uint64_t wanted)
{
    int error = xsi_run_errno(r);

    if (!error)
        xsi_run_say(r, LEGACY_MSG_READ_ZERO, 0);
    xsi_run_say(r, LEGACY_MSG_READ_TIMED, 0, error ? -1 : 0, error);
    if (error)
        legacy_cause(s, LEGACY_NO_CODE, xsi_run_at(r), 0,
                     "the medium cannot be read at 0x%" PRIx64 ", in %s", xsi_run_at(r), what);
    else
        legacy_cause(s, LEGACY_NO_CODE, xsi_run_at(r), 0,
                     "the image ends at 0x%" PRIx64 ", in %s of %" PRIu64 " bytes", xsi_run_at(r),
                     what, wanted);
    return error;
}

void legacy_results(struct xsi_run *r, const struct legacy_m *s)
{
    struct xsi_verdict *v = xsi_run_result(r);

    v->pages = (int64_t)s->pages;
    v->vcpus_set = s->vcpus_set;
    v->checkpoints = s->checkpoints;
}

void legacy_returns(struct xsi_run *r, struct legacy_m *s, int64_t rc)
{
    legacy_results(r, s);
    if (rc && s->has_cause) {
        if (s->cause_code != LEGACY_NO_CODE)
            xsi_run_finding(r, &legacy_findings[s->cause_code], s->cause_at, s->cause_length, "%s",
                            s->cause);
        if (s->mends)
            xsi_run_fix(r, s->mends);
        xsi_run_outcome(r, XSI_FAILS, s->cause_at, "returns %" PRId64 ": %s%s", rc, s->cause,
                        s->gives_up ? "; it does not go back to the checkpoint that is complete"
                                    : "");
    }
    s->rc = rc;
    s->returned_at = xsi_run_at(r);
    xsi_run_restore_ends(r, rc);
    xsi_run_state(r, "xc_domain_restore returns %" PRId64 "%s", rc,
                  rc ? ", the domain is destroyed" : "");
    if (rc)
        xsi_run_back(r, rc);
    else
        legacy_caller(r, s);
}

void legacy_failed(struct xsi_run *r, struct legacy_m *s)
{
    legacy_returns(r, s, 1);
}

bool legacy_no_memory(struct xsi_run *r, const struct legacy_m *s, uint64_t bytes)
{
    bool fails = bytes > (s->ul == 4 ? 0x7fffffffU : ALLOC_MAX);

    if (s->ul == 8 && bytes > (4ULL << 30) && bytes < (1ULL << 40))
        xsi_run_condition(r, "a host on which an allocation of %" PRIu64 " MiB %s", bytes >> 20,
                          fails ? "fails" : "succeeds");
    return fails;
}

void legacy_need(struct xsi_run *r, void *state, uint64_t length, const char *purpose,
                 xsi_then *then)
{
    if (length)
        xsi_run_need(r, length, purpose, then);
    else
        then(r, state, (const uint8_t *)"", 0);
}

void legacy_skip(struct xsi_run *r, void *state, uint64_t length, const char *purpose,
                 xsi_then *then)
{
    if (length)
        xsi_run_skip(r, length, purpose, then);
    else
        then(r, state, NULL, 0);
}

bool legacy_outside(struct xsi_run *r, struct legacy_m *s, uint64_t pfn, uint64_t at,
                    const char *what)
{
    uint64_t index = legacy_index(s, pfn), behind = index - s->p2m_size;
    uint64_t before = legacy_clip(s, -(pfn * s->ul));

    if (index < s->p2m_size)
        return false;
    legacy_results(r, s);
    s->over = true;
    xsi_run_finding(r, &legacy_findings[LEGACY_L04], at, s->ul,
                    "%s names frame 0x%" PRIx64 ", p2m_size is 0x%" PRIx64, what, pfn, s->p2m_size);
    if (behind > FAR_BYTES / s->ul && before > FAR_BYTES)
        xsi_run_die(r, "SIGSEGV",
                    "%s names frame 0x%" PRIx64 "; the reader's table ends at 0x%" PRIx64
                    ", and it reads far behind it",
                    what, pfn, s->p2m_size);
    else
        xsi_run_undefined(r,
                          "%s names frame 0x%" PRIx64 "; the reader's table ends at 0x%" PRIx64
                          ", and it uses what lies behind it in memory",
                          what, pfn, s->p2m_size);
    return true;
}

/* The arrays of p2m_size entries: each is allocated on its own, then filled. */
void legacy_tables(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t max = s->ul == 4 ? UINT32_MAX : UINT64_MAX;
    unsigned width = s->gw > s->ul && legacy_has(s, QUIRK_NARROW) ? s->gw : s->ul;

    if (s->p2m_size > max / width || legacy_no_memory(r, s, s->p2m_size * width)) {
        unsigned bits = xsi_run_info(r)->toolstack_bits;

        xsi_run_say(r, LEGACY_MSG_P2M_ALLOC, 0);
        if (bits && bits != s->ul * 8)
            legacy_mends(s, "");
        legacy_cause(s, LEGACY_L37, s->start, s->ul,
                     "p2m_size is 0x%" PRIx64 ": no host has memory for such tables; an image of a "
                     "toolstack of the other width looks like this",
                     s->p2m_size);
        legacy_failed(r, s);
        return;
    }
    if (legacy_has(s, QUIRK_POPULATES)) {
        s->pages = s->p2m_size;
        xsi_frames_set(r, 0, s->p2m_size, 0, XSI_FRAME_HELD);
    }
    if (!s->p2m_size) {
        legacy_results(r, s);
        xsi_run_die(r, "SIGFPE", "p2m_size is 0: the progress display divides by it");
        return;
    }
    legacy_next(r, s);
}

static void got_size(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < s->ul) {
        int error = legacy_short(r, s, "p2m_size", s->ul);

        xsi_run_say(r, LEGACY_MSG_P2M_SIZE, error);
        legacy_failed(r, s);
        return;
    }
    s->p2m_size = legacy_ul(s, p);
    xsi_run_state(r, "p2m_size is 0x%" PRIx64, s->p2m_size);
    if (s->k->machine == LEGACY_LINUX)
        xsi_run_restore_begins(r); /* xend has read p2m_size: XendCheckpoint.py@3.0:restore */
    if (s->hvm)
        legacy_tables(r, s);
    else
        legacy_head(r, s);
}

static void start(struct xsi_run *r, void *state)
{
    struct legacy_m *s = state;
    const struct xsi_reader *reader = xsi_run_reader(r);
    enum xsi_guest guest = xsi_run_info(r)->guest;

    if (strcmp(reader->stream, "libxc-legacy") != 0) {
        xsi_run_call(r,
                     reader->variant & XSI_READER_LIBXC ? xsi_model_of("libxc-v3")
                                                        : &legacy_converter_model,
                     NULL);
        return;
    }
    s->k = reader->row->own;
    s->ul = s->gw = reader->bits / 8;
    s->levels = s->ul == 8 ? 4 : 3;
    s->hvm = (guest == XSI_GUEST_HVM || guest == XSI_GUEST_PVH) && s->k->machine != LEGACY_LINUX;
    /* who is told that no checkpoint follows: RELEASE-4.3.2 and later */
    s->last = legacy_has(s, QUIRK_SINGLE) && !(reader->variant & XSI_READER_REMUS);
    s->map[0] = 1;
    s->start = xsi_run_at(r);
    s->good.record = s->next.record = -1;
    s->tail = &s->good;
    if (s->k->machine != LEGACY_LINUX)
        xsi_run_restore_begins(r);
    xsi_run_need(r, s->ul, "p2m_size", got_size);
}

static void drop(void *state)
{
    struct legacy_m *s = state;

    free(s->list);
    free(s->kept);
    free(s->segment);
    free(s->window);
    free(s->raw);
}

/* Entries as parts; kind is their width. */
/* Entries from p on that are one type and consecutive frames: most batches are one such run. */
static size_t ascending(const uint8_t *p, size_t count, unsigned width)
{
    uint32_t first = xsi_le32(p);
    size_t most = LEGACY_PFN_MASK - (first & LEGACY_PFN_MASK) + 1, n = 1;

    if (most > count)
        most = count;
    while (n < most && xsi_le32(p + n * width) == first + n)
        n++;
    return n;
}

static void decode_batch(const uint8_t *p, size_t count, unsigned kind, struct xsi_batch *out)
{
    struct xsi_batch_part *part = NULL;

    for (size_t i = 0, n; i < count; i += n, p += n * kind) {
        uint32_t word = xsi_le32(p); /* bits 63 to 32 are masked off by all readers */
        uint32_t pfn = word & LEGACY_PFN_MASK;
        uint8_t type = (uint8_t)(word >> 28);

        n = type == LEGACY_XTAB ? 1 : ascending(p, count - i, kind);
        out->types |= 1U << type;
        if (type != LEGACY_XTAB && pfn + n - 1 > out->max_pfn)
            out->max_pfn = pfn + n - 1;
        if (part && part->type == type && type == LEGACY_XTAB) {
            part->count++;
            continue;
        }
        part = &out->part[out->parts++];
        *part = (struct xsi_batch_part){ pfn, (uint32_t)i, (uint32_t)n, type };
    }
    out->entries = count;
}

const struct xsi_model legacy_model = {
    .who = "libxc",
    .state_size = sizeof(struct legacy_m),
    .start = start,
    .batch = decode_batch,
    .free = drop,
    .messages = legacy_messages,
    .more_facts = legacy_facts,
};
