/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The body: counts, chunk ids, batches (pagebuf_get_one; 3.x: the loop in xc_domain_restore). */
#include "model.h"

static void got_count(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

void legacy_next(struct xsi_run *r, struct legacy_m *s)
{
    legacy_need(r, s, 4, "batch size or chunk id", got_count);
}

void legacy_body_error(struct xsi_run *r, struct legacy_m *s, int error)
{
    if (!s->completed) {
        xsi_run_say(r, LEGACY_MSG_BATCH_WRAP, error);
        legacy_failed(r, s);
        return;
    }
    xsi_run_say(r, LEGACY_MSG_BATCH_FINISHING, error);
    legacy_go_back(r, s);
}

static void body_short(struct xsi_run *r, struct legacy_m *s, unsigned message, const char *what,
                       uint64_t wanted)
{
    int error;

    if (s->completed)
        legacy_mends(s, "insert-checkpoint");
    error = legacy_short(r, s, what, wanted);
    xsi_run_say(r, message, error);
    legacy_body_error(r, s, error);
}

/* ---- chunks: parameters ---- */

static const struct {
    unsigned message;
    const char *what;
} params[] = {
    [3] = { LEGACY_MSG_IDENT_PT, "HVM_IDENT_PT" },
    [4] = { LEGACY_MSG_VM86_TSS, "HVM_VM86_TSS" },
    [8] = { LEGACY_MSG_CONSOLE_PFN, "HVM_CONSOLE_PFN" },
    [10] = { LEGACY_MSG_ACPI_IOPORT, "HVM_ACPI_IOPORTS_LOCATION" },
    [11] = { LEGACY_MSG_VIRIDIAN, "HVM_VIRIDIAN" },
    [14] = { LEGACY_MSG_GENID, "HVM_GENERATION_ID_ADDR" },
    [15] = { LEGACY_MSG_PAGING_RING, "HVM_PAGING_RING_PFN" },
    [16] = { LEGACY_MSG_ACCESS_RING, "HVM_ACCESS_RING_PFN" },
    [17] = { LEGACY_MSG_SHARING_RING, "HVM_SHARING_RING_PFN" },
    [19] = { LEGACY_MSG_IOREQ_PFN, "HVM_IOREQ_SERVER_PFN" },
    [20] = { LEGACY_MSG_IOREQ_PAGES, "HVM_NR_IOREQ_SERVER_PAGES" },
    [21] = { LEGACY_MSG_X87_FIP_WIDTH, "HVM_X87_FIP_WIDTH" },
};

static void got_param(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 12) {
        body_short(r, s, params[-s->id].message, params[-s->id].what, 12);
        return;
    }
    s->param[-s->id] = xsi_le64(p + 4);
    legacy_next(r, s);
}

/* ---- VCPU_INFO ---- */

static void got_map(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t want = s->k->vcpus <= 64 ? 8 : (uint64_t)(s->max_vcpu_read / 64 + 1) * 8;

    if (got < want) {
        body_short(r, s, LEGACY_MSG_MAX_VCPU_ID, "the vCPU map", want);
        return;
    }
    for (uint64_t i = 0; i < want / 8; i++)
        s->map_read[i] = xsi_le64(p + 8 * i);
    legacy_next(r, s);
}

static void got_max_vcpu(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    int32_t id;

    if (got < 4) {
        body_short(r, s, LEGACY_MSG_MAX_VCPU_ID, "the highest vCPU id", 4);
        return;
    }
    id = (int32_t)xsi_le32(p);
    /* 3.x compares as unsigned, 4.0 on as signed */
    if (id >= (int32_t)s->k->vcpus || (id < 0 && s->k->machine != LEGACY_BUFFERED)) {
        xsi_run_say(r, LEGACY_MSG_MAX_VCPU_ID, XSI_ERRNO_LEFT);
        legacy_cause(s, LEGACY_L19, xsi_run_at(r) - 4, 4,
                     "the highest vCPU id is %" PRId32 ", this reader's limit is %u", id,
                     s->k->vcpus - 1);
        legacy_body_error(r, s, XSI_ERRNO_LEFT);
        return;
    }
    s->max_vcpu_read = id;
    s->vcpus_read = true;
    if (s->k->vcpus > 64 && id <= -128) {
        /* the length of the map comes out negative: read() refuses it */
        if (s->ul == 4) {
            xsi_run_undefined(r, "a vCPU id of %" PRId32 ": the map overruns its place", id);
            return;
        }
        xsi_run_say(r, LEGACY_MSG_READ_TIMED, 0, -1, EFAULT);
        xsi_run_say(r, LEGACY_MSG_MAX_VCPU_ID, EFAULT);
        legacy_cause(s, LEGACY_L19, xsi_run_at(r) - 4, 4, "the highest vCPU id is %" PRId32, id);
        legacy_body_error(r, s, EFAULT);
        return;
    }
    legacy_need(r, s, s->k->vcpus <= 64 ? 8 : (uint64_t)(id / 64 + 1) * 8, "vCPU map", got_map);
}

/* ---- TSC_INFO, TOOLSTACK, COMPRESSED_DATA ---- */

static void got_tsc(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < 20)
        body_short(r, s, LEGACY_MSG_TSC_INFO, "TSC_INFO", 20);
    else
        legacy_next(r, s);
}

static void got_tools(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < s->tools_length && !legacy_has(s, QUIRK_TOOLS_UNREAD)) {
        body_short(r, s, LEGACY_MSG_TOOLSTACK_DATA, "the toolstack data", s->tools_length);
        return;
    }
    if (got < s->tools_length)
        legacy_short(r, s, "the toolstack data", s->tools_length);
    legacy_next(r, s);
}

static void got_tools_length(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint8_t word[4];
    uint32_t old = htole32(s->tools_length);
    bool again = s->tools_read;

    if (got < 4 && !legacy_has(s, QUIRK_TOOLS_UNREAD)) {
        body_short(r, s, LEGACY_MSG_TOOLSTACK_SIZE, "the length of the toolstack data", 4);
        return;
    }
    if (got < 4)
        legacy_short(r, s, "the length of the toolstack data", 4);
    memcpy(word, &old, 4); /* what was not read keeps its bytes */
    memcpy(word, p, got < 4 ? got : 4);
    s->tools_length = xsi_le32(word);
    if ((!s->tools_length && again) || legacy_no_memory(r, s, s->tools_length)) {
        int error = s->tools_length ? ENOMEM : XSI_ERRNO_LEFT; /* realloc(p, 0) frees */

        s->tools_read = false;
        xsi_run_say(r, LEGACY_MSG_TOOLSTACK_ALLOC, error);
        legacy_cause(s, LEGACY_L29, xsi_run_at(r) - got, got, "toolstack data of %" PRIu32 " bytes",
                     s->tools_length);
        legacy_body_error(r, s, error);
        return;
    }
    s->tools_read = true;
    legacy_skip(r, s, s->tools_length, "toolstack data", got_tools);
}

/* A chunk of compressed pages ends the reader's call as a batch does. */
static void unpacked_more(struct xsi_run *r, struct legacy_m *s, uint64_t n)
{
    int32_t says = (int32_t)(uint32_t)n; /* the length goes through an int */

    if (n && says < 0) {
        legacy_cause(s, LEGACY_L29, xsi_run_at(r) - n, n,
                     "compressed data of %" PRIu64 " bytes: a negative number to the reader", n);
        legacy_body_error(r, s, XSI_ERRNO_LEFT);
    } else if (!s->completed || (n && !says)) {
        if (!s->completed)
            legacy_cause(s, LEGACY_L26, s->end_at, 4,
                         "COMPRESSED_DATA in the first checkpoint ends the body for the reader; it "
                         "takes what follows for the tail");
        legacy_body_ends(r, s);
    } else {
        legacy_next(r, s);
    }
}

static void got_packed(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t n = s->segment_count ? s->segment[s->segment_count - 1].length : 0;

    (void)p;
    if (got < n) {
        body_short(r, s, LEGACY_MSG_COMPBUF, "the compressed pages", n);
        return;
    }
    unpacked_more(r, s, n);
}

static void got_packed_length(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t n;

    if (got < s->ul) {
        body_short(r, s, LEGACY_MSG_COMPBUF_SIZE, "the length of the compressed pages", s->ul);
        return;
    }
    n = legacy_ul(s, p);
    s->end_at = xsi_run_at(r) - s->ul - 4;
    if (!n) {
        unpacked_more(r, s, 0);
        return;
    }
    if (s->packed + n < n || legacy_no_memory(r, s, legacy_clip(s, s->packed + n))) {
        xsi_run_say(r, LEGACY_MSG_COMPBUF_ALLOC, 0);
        legacy_cause(s, LEGACY_L29, s->end_at, 4 + s->ul, "compressed data of %" PRIu64 " bytes",
                     n);
        legacy_body_error(r, s, ENOMEM);
        return;
    }
    if (!legacy_segment(s, xsi_run_at(r), n)) {
        xsi_run_undefined(r, "more pieces of compressed data than are kept apart");
        return;
    }
    s->mixed |= s->completed && !s->unpacking && s->later_pages;
    xsi_run_skip(r, n, "compressed pages", got_packed);
}

/* ---- batches ---- */

static void got_pages(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t want = (uint64_t)s->carry * XSI_PAGE_SIZE;

    (void)p;
    if (got < want) {
        body_short(r, s, LEGACY_MSG_READ_PAGES, "the pages of a batch", want);
        return;
    }
    if (s->completed)
        legacy_keep(r, s);
    else
        legacy_apply(r, s);
}

static void got_types(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t want = (uint64_t)s->count * s->ul;

    if (got < want) {
        body_short(r, s, LEGACY_MSG_REGION_TYPES, "the entries of a batch", want);
        return;
    }
    s->pages_at = xsi_run_at(r);
    legacy_group_clear(s);
    legacy_group(r, s, s->entries_at, p, s->count, 0, s->pages_at);
    s->carry = s->group.carried;
    if (s->k->machine != LEGACY_BUFFERED)
        legacy_old_batch(r, s);
    else if (s->unpacking)
        legacy_keep(r, s);
    else
        legacy_skip(r, s, (uint64_t)s->carry * XSI_PAGE_SIZE, "pages", got_pages);
}

/* A number that is neither a count nor a known id. */
static void refuse(struct xsi_run *r, struct legacy_m *s, int32_t count)
{
    uint64_t at = xsi_run_at(r) - 4;
    const struct legacy_chunk_row *row = legacy_chunk_row(count);
    char words[120];

    xsi_explain_count((uint32_t)count, words, sizeof(words));
    if (s->completed && !row)
        legacy_mends(s, s->k->ids <= -9 ? "insert-checkpoint" : "cut-tail");
    else if (row && count != -2 && count != -12)
        legacy_mends(s, count == -9 ? "drop-checkpoint" : "drop-chunk");
    if (row)
        legacy_cause(s, LEGACY_NO_CODE, at, 4, "it does not know the chunk %s (%d) at 0x%" PRIx64,
                     row->type.name, count, at);
    else
        legacy_cause(s, count < 0 && count > -100 ? LEGACY_L02 : LEGACY_L01, at, 4,
                     "it takes the 4 bytes at 0x%" PRIx64 " for a page count: %s", at, words);
    if (count < 0 && legacy_has(s, QUIRK_NEGATIVE)) {
        /* reads an enormous number of entries into its stack: read() refuses the length, unless
         * a 32-bit program runs on a 64-bit kernel */
        if (s->ul == 4) {
            xsi_run_undefined(r, "a count of %" PRId32 ": the entries overrun the reader's stack",
                              count);
            return;
        }
        xsi_run_say(r, LEGACY_MSG_REGION_TYPES, EFAULT);
        legacy_body_error(r, s, EFAULT);
        return;
    }
    xsi_run_say(r, LEGACY_MSG_MAX_BATCH, 0, (int)count);
    legacy_body_error(r, s, EMSGSIZE);
}

static void chunk(struct xsi_run *r, struct legacy_m *s)
{
    switch (s->id) {
    case -1:
        s->verify = true;
        xsi_run_state(r, "verify mode: pages are compared, not stored");
        legacy_next(r, s);
        return;
    case -2:
        xsi_run_need(r, 4, "highest vCPU id", got_max_vcpu);
        return;
    case -5:
    case -6:
        legacy_tmem(r, s, s->id == -6);
        return;
    case -7:
        xsi_run_need(r, 20, "TSC_INFO", got_tsc);
        return;
    case -9:
        s->last = true;
        xsi_run_state(r, "LAST_CHECKPOINT: no further checkpoint is expected");
        legacy_next(r, s);
        return;
    case -12:
        xsi_run_need(r, s->ul, "length of the compressed pages", got_packed_length);
        return;
    case -13:
        s->compressing = true;
        legacy_next(r, s);
        return;
    case -18:
        xsi_run_need(r, 4, "length of the toolstack data", got_tools_length);
        return;
    default:
        xsi_run_need(r, 12, params[-s->id].what, got_param);
        return;
    }
}

static void got_count(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    int32_t count;

    if (got < 4) {
        body_short(r, s, LEGACY_MSG_BATCH_SIZE, "a batch size or chunk id", 4);
        return;
    }
    count = (int32_t)xsi_le32(p);
    s->id = count;
    if (!count) {
        s->end_at = xsi_run_at(r) - 4;
        legacy_body_ends(r, s);
    } else if (count < 0 && count >= s->k->ids) {
        chunk(r, s);
    } else if (count < 0 || count > (int32_t)LEGACY_BATCH_MAX) {
        refuse(r, s, count);
    } else {
        s->count = (uint32_t)count;
        s->entries_at = xsi_run_at(r);
        xsi_run_need(r, (uint64_t)s->count * s->ul, "entries of a batch", got_types);
    }
}
