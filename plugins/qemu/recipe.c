/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device-model records behind a legacy stream: each toolstack has its own form, and takes no other.
 * Facts: tools/libxc/xc_domain_restore.c:buffer_tail_hvm at 4.0 to 4.5; XendCheckpoint.py:restore
 * up to 3.4; xen-api, ocaml/xenops/domain.ml; tools/python/scripts/convert-legacy-stream.
 */
#include "recipe.h"

#include <inttypes.h>
#include <stdio.h>

#define NO_COUNT   0x7fffffffU /* no reader takes it for a page count */
#define ZERO_BLOCK 4096U       /* as many zeros at the end are no device's state */
#define STATE_LOOK (1U << 20)  /* bytes in which a state without header is looked for */

enum length { NO_LENGTH, LITTLE, BIG };

static const struct {
    const char *signature;
    size_t signature_length;
    enum length length;
} forms[] = {
    [QEMU_TRAD] = { "QemuDeviceModelRecord", 21, NO_LENGTH },
    [QEMU_XEN] = { "DeviceModelRecord0002", 21, LITTLE },
    [QEMU_REMUS] = { "RemusDeviceModelState", 21, LITTLE },
    [QEMU_XAPI] = { "QemuDeviceModelRecord\n", 22, BIG },
    [QEMU_LE] = { "QemuDeviceModelRecord", 21, LITTLE },
};

#define F(form) (1U << QEMU_##form)
#define ANY     (F(TRAD) | F(XEN) | F(REMUS) | F(XAPI) | F(LE))

/* Who takes which form; the first row that fits. */
static const struct taker {
    const char *container; /* that the image is in; NULL any */
    unsigned from, to;     /* releases */
    unsigned variant;      /* of the reader, all of these bits */
    enum qemu_form writes; /* what it is given */
    unsigned takes;
    bool needs; /* refuses an HVM image without a record */
} takers[] = {
    { "xapi", 0, 99999, 0, QEMU_XAPI, F(XAPI), true },
    { "xend", 0, 39999, 0, QEMU_TRAD, F(TRAD), true },
    { NULL, 0, 99999, XSI_READER_XAPI, QEMU_XAPI, ANY, false },
    { NULL, 0, 39999, 0, QEMU_TRAD, ANY, false },
    { NULL, 40000, 40099, 0, QEMU_REMUS, F(TRAD) | F(REMUS), true },
    { NULL, 40100, 40599, 0, QEMU_XEN, F(TRAD) | F(XEN) | F(REMUS), true },
    { NULL, 40600, 99999, 0, QEMU_XEN, F(XEN), true },
};

static bool stacked(const struct xsi_info *info, const char *layer)
{
    for (size_t i = 0; i < info->stack_length && i < XSI_STACK_MAX; i++)
        if (!strncmp(info->stack[i], layer, strlen(layer)) &&
            (!info->stack[i][strlen(layer)] || layer[strlen(layer) - 1] == '-'))
            return true;
    return false;
}

/* An image with a legacy stream, which is what these recipes are for. */
struct place {
    struct xsi_mend *m;
    const struct xsi_info *info;
    const struct xsi_map_row *row;
    size_t count;
    const struct taker *taker; /* NULL: no reader */
};

static bool place(struct xsi_mend *m, struct place *p)
{
    const struct xsi_reader *reader = xsi_mend_reader(m);

    *p = (struct place){ .m = m, .info = xsi_map_info(xsi_mend_map(m)) };
    p->row = xsi_map_rows(xsi_mend_map(m), &p->count);
    if (!stacked(p->info, "libxc-legacy32") && !stacked(p->info, "libxc-legacy64"))
        return false;
    for (size_t i = 0; reader && !p->taker && i < sizeof(takers) / sizeof(takers[0]); i++)
        if ((!takers[i].container || stacked(p->info, takers[i].container)) &&
            reader->release >= takers[i].from && reader->release <= takers[i].to &&
            (reader->variant & takers[i].variant) == takers[i].variant)
            p->taker = &takers[i];
    return true;
}

static bool is_record(const struct xsi_map_row *row)
{
    return !strncmp(row->layer, "qemu-", strlen("qemu-")) && !(row->flags & XSI_CHUNK_GAP);
}

/* Row that holds an offset; NULL when it is no record. */
static const struct xsi_map_row *record_at(const struct place *p, uint64_t at)
{
    for (size_t i = 0; i < p->count; i++)
        if (is_record(&p->row[i]) && at >= p->row[i].offset &&
            at <= p->row[i].offset + p->row[i].length)
            return &p->row[i];
    return NULL;
}

static bool shape_of(const struct place *p, const struct xsi_map_row *row, struct qemu_shape *shape)
{
    uint8_t head[QEMU_LOOK];
    size_t n = row->length < sizeof(head) ? (size_t)row->length : sizeof(head);

    if (!xsi_mend_read(p->m, row->offset, head, n))
        return false;
    qemu_shape(head, n, xsi_mend_size(p->m) - row->offset, shape);
    return shape->score > 0;
}

bool qemu_state_within(struct xsi_mend *m, uint64_t at, uint64_t length, uint64_t *state)
{
    size_t n = length < STATE_LOOK ? (size_t)length : STATE_LOOK;
    const uint8_t *p = xsi_mend_bytes(m, at, n), *q = p;
    uint32_t version;

    while (q && (q = memmem(q, n - (size_t)(q - p), QEVM_MAGIC, strlen(QEVM_MAGIC)))) {
        if (qevm_look(q, n - (size_t)(q - p), &version) && version >= 1 && version <= 3) {
            *state = at + (uint64_t)(q - p);
            return true;
        }
        q++;
    }
    return false;
}

static void put_length(uint8_t *out, enum length order, uint32_t length)
{
    uint32_t word = order == BIG ? htobe32(length) : htole32(length);

    memcpy(out, &word, 4);
}

/* Signature and length of a form; returns how many bytes. */
static size_t put_head(uint8_t *out, enum qemu_form form, uint32_t length)
{
    size_t n = forms[form].signature_length;

    memcpy(out, forms[form].signature, n);
    if (forms[form].length == NO_LENGTH)
        return n;
    put_length(out + n, forms[form].length, length);
    return n + 4;
}

/*
 * A reader that looks for another checkpoint behind the record comes no further for a good record
 * alone: it has to be told, in the same step, that this checkpoint is the last.
 */
static void tell_last(const struct place *p)
{
    const struct xsi_reader *reader = xsi_mend_reader(p->m);
    const struct xsi_recipe *last = xsi_recipe_lookup("insert-checkpoint");

    if (last && reader && reader->variant & (XSI_READER_XAPI | XSI_READER_REMUS))
        (void)last->run(p->m);
}

/* ---------------------------------------------------------------- another form ---- */

/* Bytes of state without the zeros that pad a device; *guess: they were taken off. */
static uint64_t without_zeros(const struct place *p, uint64_t at, uint64_t length, bool *guess)
{
    uint8_t *block = xsi_mend_scratch(p->m, ZERO_BLOCK);
    uint64_t left = length;

    while (block && left) {
        size_t n = left < ZERO_BLOCK ? (size_t)left : ZERO_BLOCK;

        if (!xsi_mend_read(p->m, at + left - n, block, n))
            return length;
        while (n && !block[n - 1])
            n--, left--;
        if (n)
            break;
    }
    if (length - left < ZERO_BLOCK)
        return length;
    *guess = true;
    return left + 1; /* state of version 3 ends in one */
}

/* How long the state is that runs to the end of the image. */
static uint64_t state_length(const struct place *p, const struct xsi_map_row *row,
                             const struct qemu_shape *shape, bool *guess)
{
    uint64_t at = row->offset + shape->head, length = row->length - shape->head, total;
    uint8_t raw[8];

    if (!shape->to_end)
        return shape->length < length ? shape->length : length;
    if (shape->version == 2 && xsi_mend_read(p->m, at + QEVM_HEADER, raw, sizeof(raw))) {
        struct xsi_cursor c = { raw, sizeof(raw), true, false };

        total = xsi_u64(&c);
        if (total > QEVM_HEADER && total <= length && total <= QEMU_SIZE_SANE)
            return total;
    }
    return without_zeros(p, at, length, guess);
}

static bool rewrite(const struct place *p, const struct xsi_map_row *row, enum qemu_form form)
{
    uint8_t head[32];
    struct qemu_shape shape;
    bool guess = false;
    uint64_t length;
    size_t n;

    if (!shape_of(p, row, &shape) || shape.cut || shape.signature_damaged ||
        row->length < shape.head || (shape.form == form && !shape.swapped))
        return false;
    length = state_length(p, row, &shape, &guess);
    if (length > QEMU_SIZE_SANE) {
        xsi_mend_refuse(p->m,
                        "the record at 0x%" PRIx64 " runs on for %" PRIu64 " bytes: where its "
                        "state ends cannot be told",
                        row->offset, length);
        return false;
    }
    n = put_head(head, form, (uint32_t)length);
    xsi_mend_splice(p->m, row->offset, shape.head, head, n,
                    "put '%.21s' with %s in front of %" PRIu64 " bytes of state",
                    forms[form].signature,
                    forms[form].length == NO_LENGTH ? "no length"
                    : forms[form].length == BIG     ? "a big-endian length"
                                                    : "a little-endian length",
                    length);
    if (guess && forms[form].length != NO_LENGTH)
        xsi_mend_guess(p->m, "that the zeros behind the state are not part of it");
    return true;
}

/* A libxc of 4.0 to 4.5 without XenServer's patch takes the record that xapi looks for. */
static bool both_read(const struct place *p)
{
    const struct xsi_reader *reader = xsi_mend_reader(p->m);

    if (!stacked(p->info, "xapi") || reader->release < 40000 || reader->release >= 40600 ||
        reader->variant & XSI_READER_XAPI)
        return false;
    xsi_mend_refuse(p->m,
                    "%s reads the device-model record itself and leaves none for xapi: no form "
                    "of it suits both. Take XenServer's libxc, %s/xapi",
                    reader->name, reader->name);
    return true;
}

static int rewrite_record(struct xsi_mend *m)
{
    struct qemu_shape shape;
    struct place p;
    bool done = false;

    if (!place(m, &p) || !p.taker || p.info->guest == XSI_GUEST_PV || both_read(&p))
        return 0;
    for (size_t i = 0; i < p.count; i++)
        if (is_record(&p.row[i]) && shape_of(&p, &p.row[i], &shape) &&
            (xsi_mend_asked(m) || shape.form == QEMU_UNKNOWN ||
             !(p.taker->takes >> shape.form & 1)))
            done |= rewrite(&p, &p.row[i], p.taker->writes);
    if (done)
        tell_last(&p);
    return 0;
}

/* ---------------------------------------------------------------- a damaged head ---- */

static int fix_length(struct xsi_mend *m)
{
    const struct xsi_map_row *row;
    struct qemu_shape shape;
    struct place p;
    uint8_t raw[4];

    if (!place(m, &p) || !(row = record_at(&p, xsi_mend_at(m))) || !shape_of(&p, row, &shape) ||
        !shape.swapped || row->length < shape.head)
        return 0;
    put_length(raw, shape.form == QEMU_XAPI ? BIG : LITTLE, (uint32_t)shape.length);
    xsi_mend_splice(m, row->offset + shape.head - 4, 4, raw, 4,
                    "turn the length round: %" PRIu64 " bytes", shape.length);
    return 0;
}

static int fix_signature(struct xsi_mend *m)
{
    const struct xsi_map_row *row;
    struct qemu_shape shape;
    struct place p;

    if (!place(m, &p) || !(row = record_at(&p, xsi_mend_at(m))) || !shape_of(&p, row, &shape) ||
        !shape.signature_damaged || row->length < QEMU_SIGNATURE || shape.form == QEMU_UNKNOWN)
        return 0;
    xsi_mend_splice(m, row->offset, QEMU_SIGNATURE, forms[shape.form].signature, QEMU_SIGNATURE,
                    "put '%.21s'", forms[shape.form].signature);
    return 0;
}

/* ---------------------------------------------------------------- none, or half of one ---- */

/* An empty record in the target's form, in the place of what stands there. */
static void put_empty(const struct place *p, uint64_t at, uint64_t removed)
{
    enum qemu_form form = p->taker->writes == QEMU_TRAD ? QEMU_REMUS : p->taker->writes;
    uint8_t head[32];

    xsi_mend_splice(p->m, at, removed, head, put_head(head, form, 0),
                    "put an empty device-model record%s",
                    removed ? " in the place of what is there" : "");
    xsi_mend_loses(p->m, "the state of the device model: emulated disks, network cards and screen "
                         "of the guest start anew, or the device model does not start at all");
    if (removed)
        xsi_mend_keep(p->m, "unreadable-record", at, removed);
    tell_last(p);
}

static bool is_context(const struct xsi_map_row *row)
{
    return !strncmp(row->layer, "libxc-legacy", strlen("libxc-legacy")) &&
           !strcmp(row->type, "HVM_CONTEXT") && !(row->flags & XSI_CHUNK_CUT);
}

/* The state is there, and only the record's header was overwritten: put one in front of it. */
static bool put_header(const struct place *p, uint64_t at, uint64_t junk)
{
    uint64_t state, end = at + junk, length;
    bool guess = false;
    uint8_t head[32];

    if (!qemu_state_within(p->m, at, junk, &state))
        return false;
    length = without_zeros(p, state, end - state, &guess);
    if (length > QEMU_SIZE_SANE)
        return false;
    xsi_mend_splice(p->m, at, state - at, head, put_head(head, p->taker->writes, (uint32_t)length),
                    "put '%.21s' in front of the state at 0x%" PRIx64,
                    forms[p->taker->writes].signature, state);
    xsi_mend_guess(p->m,
                   "that the state at 0x%" PRIx64 " is this guest's and %" PRIu64 " bytes long",
                   state, length);
    xsi_mend_keep(p->m, "unreadable-header", at, state - at);
    tell_last(p);
    return true;
}

static int append_record(struct xsi_mend *m)
{
    const struct xsi_map_row *row = NULL;
    struct place p;
    uint64_t at, junk = 0;

    if (!place(m, &p) || !p.taker || (!p.taker->needs && !xsi_mend_asked(m)) ||
        p.info->guest == XSI_GUEST_PV)
        return 0;
    for (size_t i = 0; i < p.count; i++)
        if (is_context(&p.row[i]))
            row = &p.row[i];
    if (!row || row->length <= 4 || (row + 1 < p.row + p.count && is_record(row + 1)))
        return 0;
    at = row->offset + row->length;
    /* not zeros, and no record: what is left of one */
    if (row + 1 < p.row + p.count && row[1].flags & XSI_CHUNK_GAP &&
        !(row[1].flags & XSI_CHUNK_UNREADABLE)) {
        uint8_t word[4] = { 0 };

        if (xsi_mend_read(m, at, word, 4) && xsi_le32(word))
            junk = row[1].length;
    }
    if (!junk || !put_header(&p, at, junk))
        put_empty(&p, at, junk);
    return 0;
}

/* The image ends inside the record. */
static int end_record(struct xsi_mend *m)
{
    const struct xsi_map_row *row;
    struct qemu_shape shape;
    uint64_t have;
    struct place p;
    uint8_t raw[4];

    if (!place(m, &p) || !p.taker || p.info->guest == XSI_GUEST_PV ||
        !(row = record_at(&p, xsi_mend_at(m))) || !shape_of(&p, row, &shape) || !shape.cut)
        return 0;
    have = row->length > shape.head ? row->length - shape.head : 0;
    if (shape.to_end || have < QEVM_HEADER) {
        put_empty(&p, row->offset, row->length);
        return 0;
    }
    put_length(raw, shape.form == QEMU_XAPI ? BIG : LITTLE, (uint32_t)have);
    xsi_mend_splice(m, row->offset + shape.head - 4, 4, raw, 4,
                    "make the length %" PRIu64 ", which is what is there", have);
    xsi_mend_loses(m,
                   "the end of the device model's state (%" PRIu64 " of %" PRIu64 " bytes are "
                   "here): the device model will hardly start with it",
                   have, shape.length);
    return 0;
}

/* ---------------------------------------------------------------- one too many ---- */

static int cut_stray(struct xsi_mend *m)
{
    uint64_t size = xsi_mend_size(m);
    const struct xsi_map_row *row = NULL;
    uint8_t none[QEMU_SIGNATURE + 4] = { 0 }; /* a word that stops a reader, and no signature */
    struct place p;

    if (!place(m, &p) || p.info->guest != XSI_GUEST_PV)
        return 0;
    for (size_t i = 0; i < p.count && !row; i++)
        if (is_record(&p.row[i]))
            row = &p.row[i];
    if (!row || row->length < sizeof(none))
        return 0;
    if (!xsi_mend_same_size(m)) {
        xsi_mend_splice(m, row->offset, size - row->offset, NULL, 0,
                        "cut off the device-model record from 0x%" PRIx64 " on: a PV guest has "
                        "none",
                        row->offset);
    } else if (xsi_mend_reader(m) && xsi_mend_reader(m)->release >= 40100) {
        return 0; /* LAST_CHECKPOINT makes it harmless, without zeros in its place */
    } else {
        put_length(none, LITTLE, NO_COUNT);
        xsi_mend_splice(m, row->offset, sizeof(none), none, sizeof(none),
                        "put ff ff ff 7f, no count that a reader takes, and zeros over the "
                        "record's signature");
    }
    xsi_mend_keep(m, "qemu-record", row->offset, row->length);
    return 0;
}

const struct xsi_recipe qemu_recipes[] = {
    { .name = "fix-qemu-signature",
      .does = "puts the signature of a device-model record right",
      .about =
          "Readers compare all 21 bytes. Where up to four of them are wrong it is taken for the "
          "signature that it is nearest to.",
      .run = fix_signature },
    { .name = "fix-qemu-length",
      .does = "puts the length of a device-model record into the right byte order",
      .about = "xapi writes it big-endian, everybody else in the order of the machine.",
      .run = fix_length },
    { .name = "rewrite-record",
      .does = "gives a device-model record the form that the target reads",
      .about =
          "xend wrote QemuDeviceModelRecord without a length; libxl writes "
          "DeviceModelRecord0002 with one; Remus RemusDeviceModelState with one; xapi "
          "QemuDeviceModelRecord, a newline and a big-endian length. libxc 4.0 takes the first "
          "and the third, 4.1 to 4.5 the first three, convert-legacy-stream the second only. "
          "The state itself is not touched.",
      .run = rewrite_record,
      .unasked = true },
    { .name = "cut-stray-record",
      .does = "cuts off a device-model record that stands behind a PV guest's stream",
      .about =
          "xend appended a file that an earlier HVM domain had left behind. The stream in front "
          "of it is complete. On a device, where zeros would take its place and be read as a "
          "checkpoint, its first four bytes are overwritten instead.",
      .run = cut_stray },
    { .name = "append-record",
      .does = "puts an empty device-model record behind an HVM tail that has none",
      .about = "libxc 4.0 to 4.5 and xapi refuse an HVM image without one. The guest's memory and "
               "CPUs are restored, but not its emulated devices; put a saved state file in "
               "instead where there is one (/var/lib/xen on the host that saved the guest). Where "
               "the state is there and only its header is lost, it puts that back.",
      .run = append_record },
    { .name = "end-record",
      .does = "makes a device-model record that the image's end cuts end there",
      .about =
          "So that memory and CPUs, which stand in front of it and are whole, can be restored. "
          "The device model will not take half a state.",
      .run = end_record },
    { .name = NULL },
};
