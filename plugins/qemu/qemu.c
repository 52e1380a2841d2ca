/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device-model records as layers: one chunk, and what is wrong with it. */
#include <inttypes.h>
#include <stdio.h>

#include "../plugins.h"
#include "give.h"
#include "qemu.h"
#include "messages.h"
#include "recipe.h"

#define ZERO_BLOCK 4096 /* as many zeros at the end are no device's state */
#define XAPI_MAX   (1U << 20)

const struct xsi_finding_row qemu_findings[QEMU_FINDINGS] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, text) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, text },
#include "findings.def"
#undef FINDING
};

static void decode_record(struct xsi_decode *d);
static void decode_state(struct xsi_decode *d);

static const struct xsi_type types[] = {
    { "QEMU_RECORD", false, 0, "signature and state of the device model", decode_record },
    { "QEMU_STATE", false, 0, "state of the device model without a record", decode_state },
};

static void decode_record(struct xsi_decode *d)
{
    const struct qemu_state *s = d->state;
    const struct qemu_shape *shape = &s->shape;
    size_t n = d->have < QEMU_SIGNATURE ? d->have : QEMU_SIGNATURE;

    xsi_put_text(d, "signature", XSI_TEXT, 0, d->bytes, n);
    if (d->have >= 4)
        xsi_put(d, "count_if_read_as_batch", XSI_UINT, 0, 4, xsi_le32(d->bytes), NULL);
    if (!shape->to_end && d->have >= shape->head)
        xsi_put(d, "length", XSI_UINT, shape->head - 4, 4, shape->length, "bytes");
    if (shape->form == QEMU_XAPI || shape->swapped)
        xsi_put(d, "length_is_big_endian", XSI_BOOL, shape->head - 4, 4,
                (shape->form == QEMU_XAPI) != shape->swapped, NULL);
    if (d->length > shape->head)
        qevm_decode(d, shape->head, d->length - shape->head);
}

static void decode_state(struct xsi_decode *d)
{
    if (d->have >= 4)
        xsi_put(d, "count_if_read_as_batch", XSI_UINT, 0, 4, xsi_le32(d->bytes), NULL);
    qevm_decode(d, 0, d->length);
}

/*
 * Bytes to the end of the image as far as QEMU_SIZE_KNOWN, else UINT64_MAX: a file and a pipe have
 * to give the same answer.
 */
static uint64_t near_end(struct xsi_walk *w, uint64_t at)
{
    uint64_t left = xsi_left(w, at);
    size_t have;

    if (left == UINT64_MAX) {
        xsi_peek(w, at, QEMU_SIZE_KNOWN + 1, &have);
        left = have;
    }
    return left <= QEMU_SIZE_KNOWN ? left : UINT64_MAX;
}

static void look(struct xsi_walk *w, uint64_t at, struct qemu_shape *shape)
{
    uint8_t head[QEMU_LOOK];
    size_t have;
    const uint8_t *p = xsi_peek(w, at, QEMU_LOOK, &have);

    qemu_shape(p, have, UINT64_MAX, shape);
    if (!shape->score)
        return;
    memcpy(head, p, have);
    qemu_shape(head, have, near_end(w, at), shape);
}

static void qemu_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                     struct xsi_bid *bid)
{
    struct qemu_shape shape;

    look(w, at, &shape);
    if (!shape.score || (unsigned)shape.form != row->variant)
        return;
    bid->score = shape.score;
    snprintf(bid->reason, sizeof(bid->reason), "%s", shape.why);
}

static int qemu_open(struct xsi_walk *w, struct xsi_layer *l, unsigned param)
{
    struct qemu_state *s = l->state;

    (void)param;
    look(w, xsi_at(w), &s->shape);
    if (s->shape.score && (unsigned)s->shape.form == l->row->variant)
        return 0;
    /* forced by the user: read it as that form all the same */
    s->shape.form = (enum qemu_form)l->row->variant;
    s->shape.to_end = true;
    s->shape.length = 0;
    s->shape.head = s->shape.form == QEMU_UNKNOWN ? 0 : QEMU_SIGNATURE;
    return 0;
}

static const char *container(const struct xsi_walk *w, const struct xsi_layer *l)
{
    while ((l = xsi_outer(w, l)))
        if (l->row->kind == XSI_LAYER_CONTAINER)
            return l->row->name;
    return NULL;
}

static void check_form(struct xsi_walk *w, const struct xsi_layer *l,
                       const struct qemu_shape *shape)
{
    static const struct {
        const char *container;
        unsigned forms; /* that its toolstack writes */
    } rows[] = {
        { "xl", 1U << QEMU_XEN },
        { "libvirt", 1U << QEMU_XEN },
        { "xend", 1U << QEMU_TRAD | 1U << QEMU_REMUS },
        { "xapi", 1U << QEMU_XAPI },
    };
    const char *name = container(w, l);

    if (shape->form == QEMU_LE) {
        xsi_report(w, &qemu_findings[QEMU_Q09], xsi_at(w), shape->head,
                   "no toolstack is known to write this form (a little-endian length behind "
                   "QemuDeviceModelRecord)");
        return;
    }
    for (size_t i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(name, rows[i].container) && !(rows[i].forms >> shape->form & 1))
            xsi_report(w, &qemu_findings[QEMU_Q09], xsi_at(w), shape->head,
                       "a %s record, which %s does not write", l->row->name, name);
}

/* A record behind a PV guest's stream: what its first four bytes are as a count. */
static void check_stray(struct xsi_walk *w)
{
    char explained[160];
    size_t have;
    const uint8_t *p;

    if (xsi_info(w)->guest != XSI_GUEST_PV)
        return;
    p = xsi_peek(w, xsi_at(w), 4, &have);
    if (have < 4)
        return;
    xsi_explain_count(xsi_le32(p), explained, sizeof(explained));
    xsi_report(w, &qemu_findings[QEMU_Q01], xsi_at(w), 4,
               "a device-model record behind a PV stream; read as a page count: %s", explained);
}

static void check_inside(struct xsi_walk *w, const struct qemu_shape *shape)
{
    uint64_t at = xsi_at(w) + shape->head;

    if (!shape->magic)
        xsi_report(w, &qemu_findings[QEMU_Q02], at, 4,
                   "the device-model state does not begin with QEVM");
    else if (shape->version < 1 || shape->version > 3)
        xsi_report(w, &qemu_findings[QEMU_Q08], at + 4, 4, "QEVM version %" PRIu32, shape->version);
}

static void check_record(struct xsi_walk *w, const struct qemu_shape *shape)
{
    uint64_t at = xsi_at(w);

    if (shape->signature_damaged)
        xsi_report(w, &qemu_findings[QEMU_Q06], at, QEMU_SIGNATURE,
                   "the signature of the device-model record is damaged");
    if (shape->swapped)
        xsi_report(w, &qemu_findings[QEMU_Q05], at + shape->head - 4, 4,
                   "the length %" PRIu64 " is in %s-endian order", shape->length,
                   shape->form == QEMU_XAPI ? "little" : "big");
    if (!shape->to_end && !shape->cut && !shape->length)
        xsi_report(w, &qemu_findings[QEMU_Q04], at + shape->head - 4, 4,
                   "the device-model record is empty");
    if (shape->form == QEMU_XAPI && shape->length > XAPI_MAX)
        xsi_report(w, &qemu_findings[QEMU_Q13], at + shape->head - 4, 4,
                   "%" PRIu64 " bytes of device-model state; xapi takes 1048576 at most",
                   shape->length);
    if (shape->cut)
        xsi_report(w, &qemu_findings[QEMU_Q03], at, 0, "the image ends inside the device-model %s",
                   shape->form == QEMU_UNKNOWN ? "state" : "record");
}

/* Zero bytes at the end of a record that has no length. Looks at the end of `size` bytes first. */
static void check_zeros(struct xsi_walk *w, uint64_t size)
{
    uint64_t at = xsi_at(w), from;
    size_t have, i;
    const uint8_t *p;

    if (size > QEMU_SIZE_KNOWN)
        size = QEMU_SIZE_KNOWN;
    if (size < ZERO_BLOCK + QEMU_LOOK)
        return;
    p = xsi_peek(w, at + size - ZERO_BLOCK, ZERO_BLOCK, &have);
    for (i = 0; i < have && !p[i]; i++)
        ;
    if (i < ZERO_BLOCK)
        return;
    p = xsi_peek(w, at, (size_t)size, &have);
    for (from = have; from && !p[from - 1]; from--)
        ;
    xsi_report(w, &qemu_findings[QEMU_Q07], at + from, have - from,
               "the record has no length and ends in at least %" PRIu64 " zero bytes",
               (uint64_t)have - from);
}

/* The last byte of state of version 3, and the length inside one of version 2. */
static void check_end(struct xsi_walk *w, const struct qemu_shape *shape, uint64_t size)
{
    uint64_t at = xsi_at(w) + shape->head, total;
    size_t have;
    const uint8_t *p;

    if (!shape->magic || shape->cut || size < QEVM_HEADER + 8)
        return;
    if (shape->version == 3) {
        p = xsi_peek(w, at + size - 1, 1, &have);
        if (have && p[0])
            xsi_report(w, &qemu_findings[QEMU_Q10], at + size, 0,
                       "the device-model state does not end in a zero byte");
    } else if (shape->version == 2) {
        struct xsi_cursor c = { .big = true };

        c.at = xsi_peek(w, at, QEVM_HEADER + 8, &c.left);
        xsi_skip(&c, QEVM_HEADER);
        total = xsi_u64(&c);
        /* 64 bits of rubbish are no length at all: its field shows them */
        if (!c.short_read && total <= QEMU_SIZE_SANE && total != size)
            xsi_report(w, &qemu_findings[QEMU_Q11], at + 8, 8,
                       "the state says it has %" PRIu64 " bytes, it has %" PRIu64, total, size);
    }
}

static void note(struct xsi_chunk *out, const struct qemu_shape *shape, bool known, uint64_t size)
{
    char what[40] = "unknown state";

    if (shape->magic)
        snprintf(what, sizeof(what), "QEVM version %" PRIu32, shape->version);
    if (known)
        xsi_note(out, "%" PRIu64 " bytes of %s", size, what);
    else
        xsi_note(out, "%s, up to the end of the image", what);
    if (shape->cut)
        xsi_note(out, "cut off");
}

static int qemu_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct qemu_state *s = l->state;
    const struct qemu_shape *shape = &s->shape;
    bool bare = shape->form == QEMU_UNKNOWN, known = true;
    uint64_t size = shape->length;

    if (s->done)
        return XSI_DONE;
    s->done = true;
    if (shape->to_end) {
        size = near_end(w, xsi_at(w));
        known = size != UINT64_MAX;
        if (!shape->cut)
            check_zeros(w, size);
        size = size > shape->head ? size - shape->head : 0;
    }
    xsi_chunk_is(out, &types[bare], shape->to_end ? UINT64_MAX : shape->head + shape->length);
    if (shape->to_end && shape->cut)
        out->length = shape->head + QEVM_HEADER + 1;
    out->meta = bare ? QEVM_HEADER : shape->head;
    check_stray(w);
    check_record(w, shape);
    if (!shape->cut && (shape->to_end || shape->length))
        check_inside(w, shape);
    if (known)
        check_end(w, shape, size);
    if (bare)
        xsi_report(w, &qemu_findings[QEMU_Q12], xsi_at(w), 0,
                   "device-model state without a record around it");
    else
        check_form(w, l, shape);
    note(out, shape, known, size);
    return XSI_CHUNK;
}

static const struct xsi_layer_row layers[] = {
    { "qemu-trad", XSI_LAYER_EMULATOR, qemu_bid, QEMU_TRAD },
    { "qemu-xen", XSI_LAYER_EMULATOR, qemu_bid, QEMU_XEN },
    { "qemu-remus", XSI_LAYER_EMULATOR, qemu_bid, QEMU_REMUS },
    { "qemu-xapi", XSI_LAYER_EMULATOR, qemu_bid, QEMU_XAPI },
    { "qemu-le", XSI_LAYER_EMULATOR, qemu_bid, QEMU_LE },
    { "qemu-unknown", XSI_LAYER_EMULATOR, qemu_bid, QEMU_UNKNOWN },
    { NULL, 0, NULL, 0 }
};

const struct xsi_format xsi_format_qemu = {
    .name = "qemu",
    .layers = layers,
    .state_size = sizeof(struct qemu_state),
    .open = qemu_open,
    .step = qemu_step,
    .findings = qemu_findings,
    .finding_count = QEMU_FINDINGS,
    .messages = qemu_messages,
    .recipes = qemu_recipes,
    .take = qemu_take,
    .writers = qemu_writers,
};
