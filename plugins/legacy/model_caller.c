/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Behind a return code of 0: what is lost all the same, and, when there is no container, what the
 * toolstack finds that wrote the device-model record behind the tail.
 */
#include "model.h"

#define BEHIND 128U /* bytes looked at behind the tail */

enum record { RECORD_NONE, RECORD_TRAD, RECORD_XAPI, RECORD_0002, RECORD_REMUS };

static const struct {
    const char *who;
    const char *says; /* when it stands elsewhere */
} callers[] = {
    [RECORD_TRAD] = { "the toolstack",
                      "xend up to 3.4 says \"not a valid device model state: found '...'\", xapi "
                      "raises Restore_signature_mismatch" },
    [RECORD_XAPI] = { "xapi", "it raises Restore_signature_mismatch" },
    [RECORD_0002] = { "xl", "it finds the rest of the record" },
    [RECORD_REMUS] = { "Remus", "it finds the rest of the record" },
};

static enum record record_at(const uint8_t *p, uint64_t have)
{
    if (have < 21)
        return RECORD_NONE;
    if (!memcmp(p, "QemuDeviceModelRecord", 21))
        return have > 21 && p[21] == '\n' ? RECORD_XAPI : RECORD_TRAD;
    if (!memcmp(p, "DeviceModelRecord0002", 21))
        return RECORD_0002;
    return memcmp(p, "RemusDeviceModelState", 21) ? RECORD_NONE : RECORD_REMUS;
}

/* Could a further checkpoint's body begin with these bytes? */
static bool is_body(const struct legacy_m *s, const uint8_t *p, uint64_t have)
{
    int32_t count = have < 4 ? 0 : (int32_t)xsi_le32(p);
    unsigned n = have < 4 ? 0 : (unsigned)((have - 4) / s->ul);

    if (count < 0)
        return count < -1 && legacy_chunk_row(count);
    if (!count || count > (int32_t)LEGACY_BATCH_MAX || !n)
        return false;
    for (unsigned i = 0; i < n && i < (unsigned)count; i++) {
        const uint8_t *e = p + 4 + i * s->ul;
        uint32_t type = xsi_le32(e) >> 28;

        if (s->ul == 8 && xsi_le32(e + 4))
            return false;
        if (type != LEGACY_XTAB && (xsi_le32(e) & LEGACY_PFN_MASK) >= s->p2m_size)
            return false;
    }
    return true;
}

/* ---- the bytes behind the tail ---- */

/* It has read into the record that its caller wants to read. What a container's toolstack makes of
 * that is its model's to say. */
static void too_far(struct xsi_run *r, struct legacy_m *s, const uint8_t *p, enum record kind)
{
    uint64_t end = s->good.end, n = s->returned_at - end;
    int32_t count = (int32_t)xsi_le32(p);

    xsi_run_finding(r, &legacy_findings[LEGACY_L09], s->end_at, 4,
                    "%s reads the 4 bytes at 0x%" PRIx64 " as a page count, %" PRId32,
                    xsi_run_reader(r)->name, end, count);
    if (!s->hvm)
        xsi_run_fix(r, "cut-stray-record");
    else /* 4.0 knows no LAST_CHECKPOINT */
        xsi_run_fix(r, xsi_run_reader(r)->release >= 40100 ? "insert-checkpoint" : NULL);
    if (!xsi_run_outermost(r))
        return;
    if (!s->hvm) {
        xsi_run_outcome(r, XSI_FAILS, end,
                        "returns 0 with the guest restored, but %" PRIu64
                        " bytes too far: a stray device-model record stands behind the PV tail at "
                        "0x%" PRIx64 ", and without LAST_CHECKPOINT at 0x%" PRIx64
                        " it takes it for a page count (%" PRId32 ")",
                        n, end, s->end_at, count);
        return;
    }
    xsi_run_outcome(r, XSI_FAILS, end,
                    "returns 0, but leaves the toolstack %" PRIu64
                    " bytes too far: without LAST_CHECKPOINT at 0x%" PRIx64
                    " it takes the device-model record at 0x%" PRIx64 " for a page count (%" PRId32
                    "); %s then looks for the record at 0x%" PRIx64 ": %s",
                    n, s->end_at, end, count, callers[kind].who, s->returned_at,
                    callers[kind].says);
}

static void shared_info(struct xsi_run *r, struct legacy_m *s);

static void got_behind(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    bool takes = s->hvm && s->k->machine == LEGACY_BUFFERED &&
                 !(xsi_run_reader(r)->variant & XSI_READER_XAPI);
    enum record kind = takes ? RECORD_NONE : record_at(p, got);
    uint64_t end = s->good.end;

    if (takes)
        end = s->record_end;
    if (!takes && !s->has_cause && s->returned_at > end && kind != RECORD_NONE)
        too_far(r, s, p, kind);
    else if (!xsi_run_outermost(r))
        ; /* the rest is for the toolstack to say */
    else if (is_body(s, p, got) && s->returned_at == end) {
        xsi_run_fix(r, "merge-checkpoints");
        xsi_run_loses(r, end, "the checkpoints behind the first");
    } else if (is_body(s, p, got) && s->returned_at > end)
        xsi_run_finding(r, &legacy_findings[LEGACY_L30], end, s->returned_at - end,
                        "checkpoint %u is not complete: %s throws it away", s->checkpoints + 1,
                        xsi_run_reader(r)->name);
    shared_info(r, s);
}

/* ---- the shared info page: it shows whether the tail was read in step ---- */

static void got_max_pfn(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t max;

    if (got >= s->gw) {
        max = s->gw == 4 ? xsi_le32(p) : xsi_le64(p);
        if (!max || max > s->p2m_size) {
            xsi_run_finding(r, &legacy_findings[LEGACY_L34], s->good.shared_at, XSI_PAGE_SIZE,
                            "%s takes the page at 0x%" PRIx64
                            " for the shared info; it is none (max_pfn 0x%" PRIx64 ")",
                            xsi_run_reader(r)->name, s->good.shared_at, max);
            xsi_run_loses(r, s->good.shared_at, "the shared info page");
        }
    }
    xsi_run_back(r, 0);
}

static void shared_info(struct xsi_run *r, struct legacy_m *s)
{
    if (s->hvm || !s->good.shared_at)
        xsi_run_back(r, 0);
    else
        xsi_run_look(r, s->good.shared_at + (s->gw == 4 ? 2316 : 3088), s->gw, got_max_pfn);
}

void legacy_caller(struct xsi_run *r, struct legacy_m *s)
{
    if (s->dropped)
        xsi_run_loses(r, s->dropped_at, "%" PRIu64 " pages of memory", s->dropped);
    if (s->misplaced)
        xsi_run_loses(r, s->good.begin, "%" PRIu64 " pages, which land in other frames",
                      s->misplaced);
    if (s->hvm && !s->good.context)
        xsi_run_loses(r, s->good.begin, "CPU and device state: the HVM context is empty");
    xsi_run_look(r, s->hvm && s->record_end ? s->record_end : s->good.end, BEHIND, got_behind);
}
