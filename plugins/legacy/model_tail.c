/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 4.0 and later: the end of a checkpoint. The tail is read whole (buffer_tail); in the first
 * checkpoint behind its applied pages, in later ones in front of applying them.
 */
#include "model.h"

#define TO_THE_END (8U << 10)  /* first piece of a record without length */
#define QEMU_MAX   0x7ffff000U /* where the int that holds its size overflows */

static void tail_done(struct xsi_run *r, struct legacy_m *s);

/* ---- errors ---- */

static void tail_error(struct xsi_run *r, struct legacy_m *s)
{
    if (!s->completed) {
        xsi_run_say(r, LEGACY_MSG_TAIL_WRAP, 0);
        legacy_failed(r, s);
        return;
    }
    xsi_run_say(r, LEGACY_MSG_TAIL_FINISHING, 0);
    legacy_go_back(r, s);
}

static void tail_short(struct xsi_run *r, struct legacy_m *s, unsigned message, const char *what,
                       uint64_t wanted)
{
    if (s->completed)
        legacy_mends(s, "cut-checkpoint");
    xsi_run_say(r, message, legacy_short(r, s, what, wanted));
    tail_error(r, s);
}

/* ---- device-model record ---- */

static void got_more(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

static void read_more(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t room = QEMU_MAX - (uint64_t)s->tail->record;

    if (room) {
        xsi_run_skip(r, room < PIECE_MAX ? room : PIECE_MAX, "device-model state, to the end",
                     got_more);
        return;
    }
    legacy_cause(s, LEGACY_NO_CODE, s->tail->end, 0,
                 "more than 2 GiB follow the record at 0x%" PRIx64 ", which has no length",
                 s->tail->end);
    xsi_run_say(r, LEGACY_MSG_QEMU_GROW, 0, (int)-2147483647 - 1);
    tail_error(r, s);
}

/* The image has ended; then the first bytes are compared. */
static void record_ends(struct xsi_run *r, struct legacy_m *s)
{
    if (xsi_run_errno(r)) {
        legacy_cause(s, LEGACY_NO_CODE, xsi_run_at(r), 0,
                     "the medium cannot be read at 0x%" PRIx64 ", in the device-model state",
                     xsi_run_at(r));
        xsi_run_say(r, LEGACY_MSG_QEMU_DATA, 0);
        tail_error(r, s);
    } else if (s->qemu_magic != 0x4d564551U) { /* "QEVM" */
        legacy_mends(s, "rewrite-record");
        legacy_cause(s, LEGACY_NO_CODE, s->tail->end + 21, 4,
                     "behind QemuDeviceModelRecord stands 0x%08" PRIx32
                     " instead of QEVM: a record with a length, which this reader takes for data",
                     s->qemu_magic);
        xsi_run_say(r, LEGACY_MSG_QEMU_MAGIC, 0, s->qemu_magic);
        tail_error(r, s);
    } else {
        tail_done(r, s);
    }
}

static void got_more(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t room = QEMU_MAX - (uint64_t)s->tail->record;

    (void)p;
    s->tail->record += (int64_t)got;
    if (got < (room < PIECE_MAX ? room : PIECE_MAX))
        record_ends(r, s);
    else
        read_more(r, s);
}

static void got_data(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint8_t word[4] = { 0 };

    memcpy(word, p, got < 4 ? got : 4);
    s->qemu_magic = xsi_le32(word);
    s->tail->record = (int64_t)got;
    if (got < TO_THE_END)
        record_ends(r, s);
    else
        read_more(r, s);
}

static void got_record(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < (uint64_t)s->tail->record)
        tail_short(r, s, LEGACY_MSG_QEMU_STATE, "the device-model state",
                   (uint64_t)s->tail->record);
    else
        tail_done(r, s);
}

static void got_record_length(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint32_t length;

    if (got < 4) {
        tail_short(r, s, LEGACY_MSG_QEMU_LENGTH, "the length of the device-model state", 4);
        return;
    }
    length = xsi_le32(p);
    if (legacy_no_memory(r, s, length)) {
        legacy_cause(s, LEGACY_NO_CODE, xsi_run_at(r) - 4, 4,
                     "device-model state of %" PRIu32 " bytes", length);
        xsi_run_say(r, LEGACY_MSG_QEMU_ALLOC, 0);
        tail_error(r, s);
        return;
    }
    s->tail->record = length;
    legacy_skip(r, s, length, "device-model state", got_record);
}

static void got_signature(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    char text[21] = "";

    if (got < 21) {
        if (!got)
            legacy_cause(s, LEGACY_L23, s->end_at, 4,
                         "no device-model record follows the HVM context, which ends at 0x%" PRIx64,
                         s->tail->end);
        tail_short(r, s, LEGACY_MSG_QEMU_SIGNATURE_READ, "the signature of the device-model record",
                   21);
        return;
    }
    if (!memcmp(p, "QemuDeviceModelRecord", 21)) {
        xsi_run_need(r, TO_THE_END, "device-model state, to the end", got_data);
    } else if (!memcmp(p, "RemusDeviceModelState", 21) ||
               (legacy_has(s, QUIRK_0002) && !memcmp(p, "DeviceModelRecord0002", 21))) {
        xsi_run_need(r, 4, "length of the device-model state", got_record_length);
    } else {
        memcpy(text, p, 20);
        if (legacy_signature(p))
            legacy_mends(s, "rewrite-record");
        legacy_cause(s, LEGACY_L43, s->tail->end, 21,
                     "the 21 bytes at 0x%" PRIx64
                     " are not the signature of a device-model record that it knows",
                     s->tail->end);
        xsi_run_say(r, LEGACY_MSG_QEMU_SIGNATURE, 0, text);
        tail_error(r, s);
    }
}

/* ---- HVM ---- */

static void got_context(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < s->tail->context) {
        tail_short(r, s, LEGACY_MSG_CONTEXT, "the HVM context", s->tail->context);
        return;
    }
    s->tail->end = xsi_run_at(r);
    if (xsi_run_reader(r)->variant & XSI_READER_XAPI)
        tail_done(r, s); /* XenServer's patch: the record is left to xapi */
    else
        xsi_run_need(r, 21, "signature of the device-model record", got_signature);
}

static void got_context_size(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 4) {
        tail_short(r, s, LEGACY_MSG_CONTEXT_SIZE, "the length of the HVM context", 4);
        return;
    }
    s->tail->context = xsi_le32(p);
    s->tail->context_at = xsi_run_at(r);
    if (legacy_no_memory(r, s, s->tail->context)) {
        legacy_cause(s, LEGACY_L22, xsi_run_at(r) - 4, 4, "an HVM context of %" PRIu32 " bytes",
                     s->tail->context);
        xsi_run_say(r, LEGACY_MSG_CONTEXT_ALLOC, 0);
        tail_error(r, s);
        return;
    }
    legacy_skip(r, s, s->tail->context, "HVM context", got_context);
}

static void got_magic(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 24) {
        tail_short(r, s, LEGACY_MSG_MAGIC_PFNS, "the magic frames", 24);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        s->tail->magic[i] = xsi_le64(p + 8 * i);
    xsi_run_need(r, 4, "length of the HVM context", got_context_size);
}

/* ---- PV ---- */

static void got_shared(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < XSI_PAGE_SIZE) {
        tail_short(r, s, LEGACY_MSG_SHARED_INFO, "the shared info page", XSI_PAGE_SIZE);
        return;
    }
    s->tail->shared_at = xsi_run_at(r) - XSI_PAGE_SIZE;
    s->tail->end = xsi_run_at(r);
    tail_done(r, s);
}

static void got_vcpus(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < s->tail->vcpus)
        tail_short(r, s, LEGACY_MSG_CTXT, "the vCPU records", s->tail->vcpus);
    else
        xsi_run_skip(r, XSI_PAGE_SIZE, "shared info page", got_shared);
}

static uint64_t vcpu_bytes(const struct legacy_m *s)
{
    uint32_t count = 0;
    uint64_t bytes;

    for (int32_t i = 0; i <= s->max_vcpu; i++)
        count += s->map[i / 64] >> (i % 64) & 1;
    bytes = (uint64_t)legacy_context_size(s) * count + (s->extv ? 128ULL * count : 0);
    if (s->has_xcnt)
        bytes += (uint32_t)(s->xcnt * count); /* a product of 32 bits */
    return legacy_clip(s, bytes);
}

static void got_unmapped(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t want = s->tail->unmapped * s->ul;

    (void)p;
    if (got < want) {
        tail_short(r, s, LEGACY_MSG_PFNTAB, "the list of unmapped frames", want);
        return;
    }
    if (s->max_vcpu < 0) {
        xsi_run_undefined(r,
                          "the highest vCPU id is %" PRId32
                          ": the reader counts bits of a map that it runs out of",
                          s->max_vcpu);
        return;
    }
    s->tail->vcpus_at = xsi_run_at(r);
    s->tail->vcpus = vcpu_bytes(s);
    if (legacy_no_memory(r, s, s->tail->vcpus)) {
        legacy_cause(s, LEGACY_L32, s->tail->vcpus_at, 0,
                     "vCPU records of %" PRIu64 " bytes: the size of the xsave states is senseless",
                     s->tail->vcpus);
        xsi_run_say(r, LEGACY_MSG_CTXT_TAIL_ALLOC, 0);
        tail_error(r, s);
        return;
    }
    legacy_skip(r, s, s->tail->vcpus, "vCPU records", got_vcpus);
}

static void got_pfn_count(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint32_t count;

    if (got < 4) {
        tail_short(r, s, LEGACY_MSG_PFN_COUNT, "the number of unmapped frames", 4);
        return;
    }
    count = xsi_le32(p);
    if (count > 1U << 28) {
        legacy_cause(s, LEGACY_L15, xsi_run_at(r) - 4, 4, "%" PRIu32 " unmapped frames", count);
        xsi_run_say(r, LEGACY_MSG_PFN_COUNT, XSI_ERRNO_LEFT, count);
        tail_error(r, s);
        return;
    }
    s->tail->unmapped_at = xsi_run_at(r);
    s->tail->unmapped = count;
    legacy_skip(r, s, (uint64_t)count * s->ul, "unmapped frames", got_unmapped);
}

/* ---- around the tail ---- */

void legacy_read_tail(struct xsi_run *r, struct legacy_m *s)
{
    s->tail = s->completed ? &s->next : &s->good;
    *s->tail = (struct legacy_tail_buf){ .record = -1, .begin = xsi_run_at(r) };
    if (s->hvm)
        xsi_run_need(r, 24, "magic frames", got_magic);
    else
        xsi_run_need(r, 4, "number of unmapped frames", got_pfn_count);
}

/* What the chunks of this checkpoint said takes effect. False when the restore has ended. */
static bool latch(struct xsi_run *r, struct legacy_m *s)
{
    if (s->vcpus_read && s->max_vcpu_read < 0 && s->k->vcpus > 64) {
        legacy_results(r, s);
        xsi_run_die(r, "SIGSEGV",
                    "the highest vCPU id is %" PRId32
                    ": the reader copies a map of half a gigabyte",
                    s->max_vcpu_read);
        return false;
    }
    if (s->vcpus_read) {
        s->max_vcpu = s->max_vcpu_read;
        s->vcpus_known = true;
        memcpy(s->map, s->map_read, sizeof(s->map));
    }
    if (s->param[8])
        s->console = s->param[8];
    return legacy_generation_id(r, s);
}

void legacy_body_ends(struct xsi_run *r, struct legacy_m *s)
{
    if (!s->completed && !latch(r, s))
        return;
    if (s->k->machine == LEGACY_BUFFERED)
        legacy_read_tail(r, s);
    else
        legacy_old_tail(r, s);
}

static void tail_done(struct xsi_run *r, struct legacy_m *s)
{
    legacy_forget(s);
    s->record_end = s->tail->record >= 0 ? xsi_run_at(r) : 0;
    if (s->completed) {
        s->good = s->next;
        legacy_later_apply(r, s);
        return;
    }
    s->completed = true;
    s->checkpoints = 1;
    s->unpacking = s->compressing;
    if (!s->last)
        xsi_run_state(r, "checkpoint 1 is complete; reads on without blocking, for one second at "
                         "most");
    legacy_tail_applied(r, s);
}

/* A checkpoint is complete and applied. */
void legacy_tail_applied(struct xsi_run *r, struct legacy_m *s)
{
    bool tools = s->tools;
    uint64_t acpi = s->param[10];

    if (s->checkpoints > 1 && !latch(r, s))
        return;
    if (!s->param[19] != !s->param[20])
        xsi_run_say(r, LEGACY_MSG_IOREQ_SETTINGS, 0, (unsigned long)s->param[20],
                    (unsigned long)s->param[19]);
    if (acpi > 1)
        xsi_run_say(r, LEGACY_MSG_ACPI_LOCATION, 0, (long)acpi);
    s->tools = s->tools_read; /* two buffers change places */
    s->tools_read = tools;
    if (s->last)
        legacy_finish(r, s);
    else
        legacy_later(r, s);
}
