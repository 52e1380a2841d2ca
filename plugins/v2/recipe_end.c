/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the stream ends: END, what stands behind it, checkpoints. */
#include <inttypes.h>

#include "recipe.h"
#include "../x86/x86.h"

bool v2_within_libxl(const struct v2_site *s)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(s->m));

    for (size_t i = 0; i < info->stack_length; i++)
        if (!strcmp(info->stack[i], LIBXL_LAYER))
            return true;
    return false;
}

/* Bytes of END that belong at the end of the stream: libxl's too, when the image ends there. */
static size_t ends(const struct v2_site *s)
{
    bool last = s->stop >= xsi_mend_size(s->m);

    return v2_within_libxl(s) && last ? 2 * V2_RHDR_SIZE : V2_RHDR_SIZE;
}

static bool vcpu0_there(struct v2_site *s)
{
    struct v2_item item;
    uint8_t id[4];
    uint64_t from = 0;

    for (; v2_site_find(s, V2_VCPU_BASIC, from, &item); from = item.at + 1)
        if (item.body > V2_VHDR && xsi_mend_read(s->m, item.at + V2_RHDR_SIZE, id, 4) &&
            !xsi_le32(id))
            return true;
    return false;
}

static bool has_cpu(struct v2_site *s)
{
    struct x86_hvm_summary sum;
    struct v2_item item;
    const uint8_t *p;

    if (!v2_site_find_last(s, V2_HVM_CONTEXT, UINT64_MAX, &item) || !(p = v2_site_body(s, &item)))
        return false;
    x86_hvm_check(p, item.body, item.body, &sum);
    return sum.cpus || (!sum.header_ok && item.body >= 1016); /* a damaged list is no proof */
}

/* Batches, sound or not. */
static bool any_pages(struct v2_site *s)
{
    struct v2_item item;

    if (s->pages != UINT64_MAX)
        return true;
    v2_site_rewind(s);
    while (v2_site_next(s, &item))
        if ((item.gap || item.cut) && !item.foreign && item.type == V2_PAGE_DATA)
            return true;
    return false;
}

#define CORE " xsdump --core saves the memory that is there"

/* What no recipe can bring back, in words; NULL: all that readers insist on is there. */
static const char *lacks(struct v2_site *s)
{
    bool pv = s->kind == V2_PV, context = s->types & V2_BIT(V2_HVM_CONTEXT);

    if (!any_pages(s))
        return "no memory of the guest is in this image. Look for another copy of it";
    if (s->kind == V2_HVM && !context && s->end_at == UINT64_MAX)
        return "the image ends before HVM_CONTEXT, the state of processors and devices, which "
               "comes last: nothing can resume the guest." CORE;
    if (s->kind == V2_HVM && !context)
        return "HVM_CONTEXT, the state of processors and devices, is not in the image: nothing "
               "can resume the guest." CORE;
    if (s->kind == V2_HVM && !has_cpu(s))
        return "the HVM context holds no CPU record: the registers are lost, and nothing can "
               "resume the guest." CORE;
    if (pv && !(s->types & V2_BIT(V2_P2M_FRAMES)))
        return "X86_PV_P2M_FRAMES is not in the image and cannot be made up." CORE;
    if (pv && !vcpu0_there(s))
        return "the registers of vCPU 0, which come last, are not in the image: nothing can "
               "resume the guest." CORE;
    if (pv && s->end_at != UINT64_MAX && !(s->types & V2_BIT(V2_SHARED_INFO)))
        return "SHARED_INFO is not in the image: pending events and the time of the vCPUs are "
               "lost. Guests usually survive that";
    return NULL;
}

/* What the reader stumbles over though the image is sound, and no edit should change it. */
static const struct {
    enum v2_finding_id id;
    const char *advice;
} sound[] = {
    { V2_V86, "the size of the processor state is right; readers up to 4.12.2 and 4.13.0 wrongly "
              "want a multiple of 16, and padding would change the size that Xen checks: restore "
              "it with a later release" },
    { V2_V87, "the kind of guest in the configuration does not fit the stream: give the reader "
              "another configuration (xl restore CONFIG IMAGE)" },
};

static void advise(struct xsi_mend *m)
{
    const struct xsi_verdict *v = xsi_mend_verdict(m);

    for (size_t i = 0; v && i < v->finding_count; i++)
        for (size_t k = 0; k < sizeof(sound) / sizeof(sound[0]); k++)
            if (v->findings[i].row == &v2_findings[sound[k].id])
                xsi_mend_refuse(m, "%s", sound[k].advice);
}

/* The record that the image ends in, if it does; only whole ones count. */
static bool cut_item(struct v2_site *s, struct v2_item *cut)
{
    struct v2_item item;
    bool found = false;

    *cut = (struct v2_item){ .at = s->stop };
    v2_site_rewind(s);
    while (v2_site_next(s, &item)) {
        found = item.cut || (item.gap && item.at + item.length == s->stop);
        if (found)
            *cut = item;
        else if (item.type == V2_PAGE_DATA && !item.gap && !item.foreign)
            s->next = s->rows[s->row].offset + s->rows[s->row].length;
    }
    if (!found)
        *cut = (struct v2_item){ .at = s->stop };
    return found;
}

/* The last record is whole, but for its header: then nothing is cut. */
static bool mend_last(struct v2_site *s, const struct v2_item *cut)
{
    struct v2_item item;
    uint32_t type, body;

    if (v2_site_at(s, s->stop - V2_RHDR_SIZE, &item) && v2_retyped(s, &item, &type) &&
        type == V2_END) {
        v2_put32(s, item.at, type, "the last record is END, of whose type one bit differs");
        return true;
    }
    if (!cut->length || !v2_find_inside(s, cut, &type, &body))
        return false;
    v2_set_head(s, cut, type, body);
    return true;
}

/* What goes with the bytes that END replaces. */
static void say_cut(struct v2_site *s, const struct v2_item *cut)
{
    uint8_t head[V2_RHDR_SIZE] = { 0 };
    static const uint8_t zeros[V2_RHDR_SIZE];
    size_t n = cut->length < sizeof(head) ? (size_t)cut->length : sizeof(head);

    if (!n || !xsi_mend_read(s->m, cut->at, head, n) ||
        (cut->length <= sizeof(head) && !memcmp(head, zeros, sizeof(head))))
        return; /* a part of END */
    if (cut->gap || n < sizeof(head))
        xsi_mend_loses(s->m,
                       "the last 0x%" PRIx64 " bytes, from 0x%" PRIx64 " on, of no whole "
                       "record",
                       cut->length, cut->at);
    else
        xsi_mend_loses(s->m, "%s, cut off after %" PRIu64 " of %" PRIu64 " bytes",
                       v2_name(cut->type), cut->length, v2_span(cut->body));
    xsi_mend_keep(s->m, "record", cut->at, cut->length);
}

/* A PV guest's vCPUs come last, up to four records each: what END would cover up. */
static void say_missing(struct v2_site *s, uint64_t end)
{
    struct v2_item item, last = { .type = V2_RECORDS };

    if (s->kind != V2_PV)
        return;
    if (!(s->types & V2_BIT(V2_SHARED_INFO)))
        xsi_mend_loses(s->m, "%s", v2_worth[V2_SHARED_INFO]);
    v2_site_rewind(s);
    while (v2_site_next(s, &item) && item.at < end) {
        last = item;
        if (item.type == V2_PAGE_DATA && !item.gap && !item.foreign)
            s->next = s->rows[s->row].offset + s->rows[s->row].length;
    }
    if (last.type == V2_VCPU_BASIC)
        xsi_mend_loses(s->m, "%s, if the guest has them", v2_worth[V2_VCPU_EXTENDED]);
    if (last.type == V2_VCPU_BASIC || last.type == V2_VCPU_EXTENDED)
        xsi_mend_loses(s->m, "%s", v2_worth[V2_VCPU_XSAVE]);
}

int v2_append_end(struct xsi_mend *m)
{
    uint8_t body[V2_PARAMS_ROOM], tail[V2_PARAMS_ROOM + 3 * V2_RHDR_SIZE] = { 0 };
    struct v2_item cut;
    struct v2_site s;
    const char *without;
    size_t n;

    if (!v2_site_open(&s, m)) {
        if (s.big)
            xsi_mend_refuse(m, "the stream is in big-endian order throughout, which no release "
                               "of Xen writes or reads: ask whoever made it");
        return 0;
    }
    /* pages behind a checkpoint do not belong to the CPU state in front of it */
    if (s.types & V2_BIT(V2_CHECKPOINT) && s.end_at == UINT64_MAX)
        return v2_cut_checkpoint(m);
    (void)cut_item(&s, &cut);
    if (s.end_at == UINT64_MAX && mend_last(&s, &cut))
        return 0;
    without = lacks(&s);
    if (without) {
        xsi_mend_refuse(m, "%s", without);
        return 0;
    }
    if (s.end_at != UINT64_MAX) {
        advise(m);
        return 0;
    }
    if (cut.gap && v2_holds_records(&s, &cut)) {
        xsi_mend_refuse(m,
                        "END is missing, but whole records stand behind the damaged bytes at "
                        "0x%" PRIx64 ": END is not put in front of them",
                        cut.at);
        return 0;
    }
    say_cut(&s, &cut);
    say_missing(&s, cut.at);
    n = s.kind == V2_HVM && !(s.types & V2_BIT(V2_HVM_PARAMS)) ? v2_usual_params(&s, body) : 0;
    if (n) {
        v2_store32(tail, V2_HVM_PARAMS);
        v2_store32(tail + 4, (uint32_t)n);
        memcpy(tail + V2_RHDR_SIZE, body, n);
        n += V2_RHDR_SIZE;
    }
    xsi_mend_splice(m, cut.at, s.stop - cut.at, tail, n + ends(&s), "%sEND at 0x%" PRIx64 "%s",
                    n ? "usual HVM_PARAMS and " : "", cut.at,
                    ends(&s) > V2_RHDR_SIZE ? ", and libxl's END" : "");
    return 0;
}

int v2_cut_after_end(struct xsi_mend *m)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(m));
    uint64_t size = xsi_mend_size(m);
    struct v2_site s;

    if (!v2_site_open(&s, m) || s.end_at == UINT64_MAX || s.stop >= size)
        return 0;
    if (info->stack_length != 1) {
        xsi_mend_refuse(m, "the stream stands in a container, to which the bytes behind END "
                           "belong");
        return 0;
    }
    xsi_mend_splice(m, s.stop, size - s.stop, NULL, 0,
                    "cut 0x%" PRIx64 " bytes behind END, from 0x%" PRIx64 " on", size - s.stop,
                    s.stop);
    xsi_mend_keep(m, "after-end", s.stop, size - s.stop);
    return 0;
}

/* ---- checkpoints: 4.22:xg_sr_restore.c:handle_checkpoint ---- */

enum { ROWS_MAX = 2048 };

struct recording {
    uint64_t last;   /* offset of the last CHECKPOINT that is complete */
    uint64_t behind; /* behind it and libxl's records that go with it */
    uint32_t after;  /* types that follow it */
    unsigned count;
    struct v2_item emulator[8]; /* libxl's records of the last checkpoint */
    unsigned emulators;
    uint64_t early; /* first damaged bytes, or an END */
    bool open;      /* a later one is not complete, or stands behind damage: it does not count */
};

/* libxl completes a checkpoint with CHECKPOINT_END: 4.22:libxl_stream_read.c:checkpoint_done. */
static bool is_closed(const struct v2_site *s, const struct recording *c)
{
    const struct xsi_map_row *row;
    size_t count;

    row = xsi_map_rows(xsi_mend_map(s->m), &count);
    for (size_t i = 0; i < count; i++)
        if (row[i].offset > c->last && !strcmp(row[i].type, "CHECKPOINT_END"))
            return true;
    return !v2_within_libxl(s);
}

static void look_through(struct v2_site *s, struct recording *c)
{
    struct recording before = { .count = 0 };
    struct v2_item item;

    v2_site_rewind(s);
    while (v2_site_next(s, &item)) {
        if (!c->early && (item.gap || (!item.cut && !item.foreign && item.type == V2_END)))
            c->early = item.at;
        if (!item.gap && !item.cut && !item.foreign && item.type == V2_CHECKPOINT) {
            c->open = c->early;
            if (c->open)
                return; /* what is damaged comes in front of it */
            before = *c;
            c->last = item.at;
            c->behind = item.at + item.length;
            c->after = 0;
            c->emulators = 0;
            c->count++;
        } else if (item.foreign && c->count && c->behind == item.at) {
            c->behind = item.at + item.length;
            if (item.type != LIBXL_CHECKPOINT_END && item.type != LIBXL_CHECKPOINT_STATE &&
                c->emulators < sizeof(c->emulator) / sizeof(c->emulator[0]))
                c->emulator[c->emulators++] = item;
        } else if (!item.gap && !item.cut && !item.foreign && item.type < V2_RECORDS) {
            c->after |= V2_BIT(item.type);
        }
    }
    if (s->end_at == UINT64_MAX && before.count && !is_closed(s, c)) {
        *c = before;
        c->open = true;
    }
}

/* Is what follows the last checkpoint a whole state of its own, or nothing at all? */
static bool goes_on(const struct v2_site *s, const struct recording *c)
{
    uint32_t state = s->kind == V2_PV ? V2_BIT(V2_VCPU_BASIC) : V2_BIT(V2_HVM_CONTEXT);

    return s->end_at != UINT64_MAX && (!(c->after & ~V2_BIT(V2_END)) || c->after & state);
}

/* Take CHECKPOINTs and what libxl put between them out. In place, readers are made to skip them:
 * pages follow. */
static void take_marks(struct v2_site *s, const struct recording *c, uint64_t to)
{
    struct v2_item item;
    uint8_t type[4];

    v2_site_rewind(s);
    while (v2_site_next(s, &item) && item.at < to) {
        if (item.gap || !(item.foreign || item.type == V2_CHECKPOINT))
            continue;
        v2_store32(type, V2_SKIPPED(item.type));
        if (xsi_mend_same_size(s->m) && item.at < c->last && item.body <= V2_OLD_CAP)
            xsi_mend_splice(s->m, item.at, 4, type, 4, "make readers skip %s at 0x%" PRIx64,
                            item.foreign ? "libxl's record" : "CHECKPOINT", item.at);
        else
            xsi_mend_splice(s->m, item.at, item.length, NULL, 0, "take %s at 0x%" PRIx64 " out",
                            item.foreign ? "libxl's record" : "CHECKPOINT", item.at);
    }
}

/* END, then the device model's state of that checkpoint, then libxl's END where it is missing. */
static void put_end(struct v2_site *s, const struct recording *c, uint64_t from, uint64_t to)
{
    size_t n = V2_RHDR_SIZE, most = V2_RHDR_SIZE;
    bool libxl = v2_within_libxl(s) && to >= xsi_mend_size(s->m);
    uint8_t *tail;

    for (unsigned i = 0; libxl && i < c->emulators; i++)
        most += c->emulator[i].length <= V2_CHECK_MAX ? (size_t)c->emulator[i].length : 0;
    tail = xsi_mend_scratch(s->m, most + V2_RHDR_SIZE);
    if (!tail)
        return;
    for (unsigned i = 0; libxl && i < c->emulators; i++) {
        size_t length = (size_t)c->emulator[i].length;

        if (c->emulator[i].length > V2_CHECK_MAX ||
            !xsi_mend_read(s->m, c->emulator[i].at, tail + n, length))
            continue;
        n += length;
    }
    n += libxl ? V2_RHDR_SIZE : 0;
    xsi_mend_splice(s->m, from, to - from, tail, n, "END at 0x%" PRIx64 "%s", from,
                    libxl ? ", the device model's records of the checkpoint and libxl's END" : "");
}

/* A record of a checkpoint, or its mark, of whose type a bit differs. */
static bool mend_type(struct v2_site *s)
{
    struct v2_site look = *s;
    struct v2_item item;
    uint32_t type;

    v2_site_rewind(s);
    while (v2_site_next(s, &item)) {
        if (v2_retyped(&look, &item, &type)) {
            v2_put_type(s, &item, type);
            return true;
        }
        if (item.type == V2_PAGE_DATA && s->rows[s->row].count > 1) /* a run of sound batches */
            s->next = s->rows[s->row].offset + s->rows[s->row].length;
    }
    return false;
}

int v2_cut_checkpoint(struct xsi_mend *m)
{
    struct recording c = { .count = 0 };
    struct v2_site s;
    uint64_t to;

    if (!v2_site_open(&s, m))
        return 0;
    look_through(&s, &c);
    if (!c.count)
        return 0; /* none, or none that is in front of damage */
    if (lacks(&s)) {
        xsi_mend_refuse(m, "%s", lacks(&s));
        return 0;
    }
    if (s.last - s.first <= ROWS_MAX && mend_type(&s))
        return 0;
    if (!c.open && goes_on(&s, &c)) {
        take_marks(&s, &c, s.end_at);
        return 0;
    }
    take_marks(&s, &c, c.behind);
    to = c.open ? xsi_mend_size(m) : s.end_at != UINT64_MAX ? s.end_at + V2_RHDR_SIZE : s.stop;
    if (to > c.behind) {
        xsi_mend_loses(m,
                       "what was sent behind checkpoint %u, 0x%" PRIx64 " bytes that are no "
                       "whole state: the guest goes back to that checkpoint",
                       c.count, to - c.behind);
        xsi_mend_keep(m, "checkpoint", c.behind, to - c.behind);
    }
    put_end(&s, &c, c.behind, to);
    return 0;
}
