/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl's reader of its stream, version 2, and what surrounds it in libxl_domain_create_restore().
 * Source: libxl_stream_read.c of 4.6 to 4.22, libxl_create.c:domcreate_rebuild_done. Its reads end
 * early without a word at the end of the file, into buffers that hold zeros (headers) or nothing in
 * particular (bodies).
 */
#include <inttypes.h>

#include "libxl.h"
#include "messages.h"
#include "restore.h"

#define IDENT      0x4c6962786c466d74ULL /* "LibxlFmt" */
#define OPTION_BIG 1U

enum {
    GUEST_CHECK_FROM = 40700, /* emulator records are refused for other guests than HVM */
    STATE_RECORD_FROM = 40700,
    CONSOLE_WAIT_FROM = 41300
};

struct restore {
    uint64_t record; /* offset of the record's header */
    uint32_t type, length;
    bool context; /* LIBXC_CONTEXT was met: the helper has run */
    struct libxl_dm_state dm;
};

static void next_record(struct xsi_run *r);

static bool is_hvm(const struct xsi_run *r)
{
    return xsi_run_info(r)->guest == XSI_GUEST_HVM;
}

/* ---- how it ends ---- */

/* What libxl returns is the verdict's, when nobody called it. */
static void back(struct xsi_run *r, int code)
{
    if (xsi_run_outermost(r) && code)
        xsi_run_result(r)->rc = code;
    xsi_run_back(r, code);
}

/*
 * libxl refuses the stream. Before the helper has run, its abort calls a callback that nobody has
 * set (libxl_save_callout.c:helper_done), and the process dies.
 */
static void refuse(struct xsi_run *r, const struct restore *s, const struct xsi_finding_row *row,
                   uint64_t at, const char *what)
{
    xsi_run_outcome(r, XSI_FAILS, at, "libxl refuses %s at 0x%" PRIx64, what, at);
    if (row)
        xsi_run_finding(r, row, at, 0, "libxl refuses %s", what);
    if (!s->context) {
        xsi_run_die(r, "SIGSEGV", "libxl refuses %s and crashes; an empty domain is left", what);
        return;
    }
    xsi_run_say(r, LIBXL_MSG_CANNOT_BUILD, 0, LIBXL_ERROR_FAIL);
    back(r, LIBXL_ERROR_FAIL);
}

/* END, or the end of the file, which looks the same. */
static void finish(struct xsi_run *r, struct restore *s)
{
    if (is_hvm(r)) {
        back(r, libxl_dm_start(r, &s->dm) ? 0 : LIBXL_ERROR_FAIL);
        return;
    }
    if (s->context) {
        back(r, 0);
        return;
    }
    xsi_run_finding(r, &libxl_findings[LIBXL_X21], s->record, 0,
                    "libxl's stream ends before LIBXC_CONTEXT");
    xsi_run_outcome(r, XSI_FAILS, s->record,
                    "the stream ends at 0x%" PRIx64 " without a memory image: an empty domain",
                    s->record);
    xsi_run_say(r, LIBXL_MSG_CONSOLE_TIMEOUT, 0);
    back(r, xsi_run_reader(r)->release >= CONSOLE_WAIT_FROM ? LIBXL_ERROR_FAIL : 0);
}

/* ---- records ---- */

static void got_context(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct restore *s = state;
    char words[64];

    (void)p;
    s->context = true;
    if (!got) {
        next_record(r);
        return;
    }
    xsi_run_say(r, LIBXL_MSG_RESTORING, 0, libxl_errno_words(r, words, sizeof(words)));
    xsi_run_say(r, LIBXL_MSG_CANNOT_BUILD, 0, LIBXL_ERROR_FAIL);
    back(r, LIBXL_ERROR_FAIL);
}

/* The string at *p within n bytes; false when no zero byte ends it. */
static bool next_string(const uint8_t **p, const uint8_t *end, const uint8_t **text)
{
    const uint8_t *nul = *p < end ? memchr(*p, 0, (size_t)(end - *p)) : NULL;

    *text = *p;
    if (nul)
        *p = nul + 1;
    return nul != NULL;
}

/* libxl_dom_save.c:libxl__restore_emulator_xenstore_data. Returns the message, 0 = all is well. */
static bool xenstore_data(const uint8_t *p, const uint8_t *end, unsigned *message)
{
    const uint8_t *key, *value;

    while (p < end) {
        bool whole = next_string(&p, end, &key);

        *message = !whole        ? LIBXL_MSG_KEY_NUL
                   : !*key       ? LIBXL_MSG_KEY_EMPTY
                   : *key == '/' ? LIBXL_MSG_KEY_RELATIVE
                                 : LIBXL_MSG_VALUE_NUL;
        if (!whole || !*key || *key == '/' || !next_string(&p, end, &value))
            return false;
    }
    return true;
}

static void emulator_record(struct xsi_run *r, struct restore *s, const uint8_t *p, uint64_t got)
{
    bool blob = s->type == LIBXL_EMULATOR_CONTEXT;
    uint64_t body = s->record + LIBXL_RHDR_SIZE;
    size_t n = got < XSI_NEED_MAX ? (size_t)got : XSI_NEED_MAX;
    unsigned message;

    if (!is_hvm(r) && xsi_run_reader(r)->release >= GUEST_CHECK_FROM) {
        xsi_run_say(r, blob ? LIBXL_MSG_EMULATOR_UNEXPECTED : LIBXL_MSG_XENSTORE_UNEXPECTED, 0);
        refuse(r, s, &libxl_findings[LIBXL_X18], s->record,
               "an emulator record for a guest that is not HVM");
        return;
    }
    if (s->length < 8) {
        xsi_run_say(r, blob ? LIBXL_MSG_EMULATOR_SHORT : LIBXL_MSG_XENSTORE_SHORT, 0);
        refuse(r, s, &libxl_findings[LIBXL_X07], s->record, "an emulator record below 8 bytes");
        return;
    }
    n = n < s->length ? n : s->length;
    if (blob) {
        libxl_dm_note(&s->dm, body + 8, s->length - 8, got > 8 ? got - 8 : 0, p + (n < 8 ? n : 8),
                      n < 8 ? 0 : n - 8);
        s->dm.emulator = n < 8 ? 0 : xsi_le32(p);
        xsi_run_result(r)->qemu_bytes = s->length - 8;
    } else if (n < s->length) {
        xsi_run_undefined(r, "the image ends inside EMULATOR_XENSTORE_DATA: libxl takes the rest "
                             "from undefined memory");
        return;
    } else if (!xenstore_data(p + 8, p + n, &message)) {
        xsi_run_say(r, message, 0);
        refuse(r, s, &libxl_findings[LIBXL_X19], body + 8, "the xenstore data");
        return;
    }
    next_record(r);
}

static void process(struct xsi_run *r, struct restore *s, const uint8_t *p, uint64_t got)
{
    unsigned release = xsi_run_reader(r)->release;

    switch (s->type) {
    case LIBXL_END:
        finish(r, s);
        return;
    case LIBXL_LIBXC_CONTEXT:
        xsi_run_call(r, xsi_model_of("libxc-v3"), got_context);
        return;
    case LIBXL_XENSTORE_DATA:
    case LIBXL_EMULATOR_CONTEXT:
        emulator_record(r, s, p, got);
        return;
    case LIBXL_CHECKPOINT_END:
        xsi_run_say(r, LIBXL_MSG_CHECKPOINT_END, 0);
        refuse(r, s, &libxl_findings[LIBXL_X24], s->record, "CHECKPOINT_END outside a checkpoint");
        return;
    case LIBXL_CHECKPOINT_STATE:
        if (release >= STATE_RECORD_FROM) {
            xsi_run_say(r, LIBXL_MSG_CHECKPOINT_STATE, 0);
            refuse(r, s, &libxl_findings[LIBXL_X24], s->record, "CHECKPOINT_STATE");
            return;
        }
        break;
    default:
        break;
    }
    xsi_run_say(r, LIBXL_MSG_UNRECOGNISED, 0, s->type);
    refuse(r, s, &libxl_findings[LIBXL_X06], s->record, "a record of unknown type");
}

static void got_body(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    process(r, state, p, got);
}

/* libxl has no limit; it ends the process when it does not get the memory. */
static void got_record(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct restore *s = state;
    uint8_t header[LIBXL_RHDR_SIZE] = { 0 };
    uint64_t size;

    memcpy(header, p, got);
    s->type = xsi_le32(header);
    s->length = xsi_le32(header + 4);
    s->record = xsi_run_at(r) - got;
    size = ((uint64_t)s->length + 7) & ~7ULL;
    if (!size) {
        process(r, s, header, 0);
    } else if (size > LIBXL_ALLOCATION_SURE) {
        xsi_run_say(r, LIBXL_MSG_MALLOC, 0, "libxl__malloc", size, 1UL);
        xsi_run_condition(r,
                          "a dom0 that has no %" PRIu64 " MiB for a record: with more memory, "
                          "libxl refuses it later",
                          size >> 20);
        xsi_run_outcome(r, XSI_FAILS, s->record,
                        "the record at 0x%" PRIx64 " claims %" PRIu32 " bytes: libxl ends the "
                        "process and leaves an empty domain",
                        s->record, s->length);
        xsi_run_finding(r, &libxl_findings[LIBXL_X07], s->record, LIBXL_RHDR_SIZE,
                        "a record of %" PRIu32 " bytes", s->length);
        back(r, LIBXL_EXITED);
    } else {
        xsi_run_need(r, size, "record body", got_body);
    }
}

static void next_record(struct xsi_run *r)
{
    xsi_run_need(r, LIBXL_RHDR_SIZE, "record header", got_record);
}

/* ---- the header ---- */

/* What stands there instead says which part of the image is wrong. */
static const struct xsi_finding_row *ident_finding(const struct xsi_run *r, uint64_t ident,
                                                   uint64_t got)
{
    bool xl = xsi_run_stacked(r, "xl");

    if (got < sizeof(ident))
        return &libxl_findings[LIBXL_X10];
    if (xsi_run_stacked(r, "libxc-legacy"))
        return xsi_finding_lookup(xl ? "XS-C36" : "XS-C72");
    if (xl && xsi_run_stacked(r, "libxc-v") && !xsi_run_stacked(r, LIBXL_LAYER))
        return xsi_finding_lookup("XS-C46");
    return &libxl_findings[LIBXL_X01];
}

static void got_header(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct restore *s = state;
    uint8_t header[LIBXL_HDR_SIZE] = { 0 };
    struct xsi_cursor c = { header, sizeof(header), true, false };
    uint64_t ident, at = xsi_run_at(r) - got;
    uint32_t version, options;

    memcpy(header, p, got);
    ident = xsi_u64(&c);
    version = xsi_u32(&c);
    options = xsi_u32(&c);
    if (ident != IDENT) {
        xsi_run_say(r, LIBXL_MSG_IDENT, 0, IDENT, ident);
        refuse(r, s, ident_finding(r, ident, got), at, "the ident");
    } else if (version != 2) {
        xsi_run_say(r, LIBXL_MSG_VERSION, 0, 2, version);
        refuse(r, s, &libxl_findings[LIBXL_X02], at + 8, "the version");
    } else if (options & OPTION_BIG) {
        xsi_run_say(r, LIBXL_MSG_BIG_ENDIAN, 0);
        refuse(r, s, &libxl_findings[LIBXL_X03], at + 12, "big-endian records");
    } else {
        next_record(r);
    }
}

static void start_v2(struct xsi_run *r, void *state)
{
    (void)state;
    /* no release before 4.6 knows this stream: its libxc takes it for pages */
    if (xsi_run_reader(r)->release < LIBXL_STREAM_V2_FROM)
        xsi_run_call(r, xsi_model_of("libxc-legacy64"), NULL);
    else
        xsi_run_need(r, LIBXL_HDR_SIZE, "stream header", got_header);
}

/* clang-format off */
static const struct xsi_field_row facts[] = {
    XSI_FACT(struct restore, type, "record", XSI_HEX, .help = "type of libxl's record at hand"),
    XSI_FACT(struct restore, record, "record_at", XSI_HEX, .help = "offset of its header"),
    XSI_FACT(struct restore, length, "record_length", XSI_UINT, .unit = "bytes",
             .help = "of its body"),
    XSI_FACT(struct restore, context, "libxc_done", XSI_BOOL,
             .help = "LIBXC_CONTEXT was met, and libxc has run"),
    XSI_FACT(struct restore, dm.length, "device_model", XSI_UINT, .unit = "bytes",
             .help = "of the device-model state that it holds"),
    XSI_FACT(struct restore, dm.emulator, "emulator", XSI_UINT,
             .help = "id of its device model; 0 not said"),
    { .name = NULL },
};
/* clang-format on */

const struct xsi_model libxl_restore_v2 = {
    .who = "libxl",
    .state_size = sizeof(struct restore),
    .start = start_v2,
    .messages = libxl_messages,
    .facts = facts,
};
