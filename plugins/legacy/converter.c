/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-legacy-stream: how it begins and ends, the extended info, the chunks of the body. Source:
 * tools/python/scripts/convert-legacy-stream of 4.6.0 to 4.22.0, which differ in the version that
 * they write, in verify mode (refused up to 4.6.1), and in the Python that they run under. The
 * reader behind the pipe is checked record by record, as it would get them.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "converter_priv.h"
#include "../message_words.h"

enum {
    VERIFY_SINCE = 40603,   /* chunk -1 is accepted */
    PYTHON_3_FROM = 41400,  /* the script can run under Python 3 … */
    PYTHON_3_WORKS = 41403, /* … but divides into fractions until these */
    TSC_MODES_FROM = 41200  /* the hypervisor refuses unknown TSC modes */
};

/* What is said: by the script from the table of this folder, by libxc from the v2 one. */
static const struct xsi_message messages[] = {
#define MSG(name, first, last, type, part, format, ...) \
    { LEGACY_MSG_##name, first, last, part, XSI_MSG_##type, format, __VA_ARGS__ },
#define ALSO MSG
#include "messages.def"
#undef MSG
#define MSG(name, first, last, type, part, format, ...) \
    { CONVERTER_V2 + V2_MSG_##name, first, last, part, XSI_MSG_##type, format, __VA_ARGS__ },
#include "../v2/messages.def"
#undef ALSO
#undef MSG
    { .text = NULL },
};

/* ---- how it ends ---- */

static void results(struct xsi_run *r, const struct converter *s)
{
    struct xsi_verdict *v = xsi_run_result(r);

    v->pages = (int64_t)s->pages;
    v->vcpus_set = s->vcpus_set;
}

static void note(struct xsi_run *r, const char *code, uint64_t at, const char *what)
{
    const struct xsi_finding_row *row = code ? xsi_finding_lookup(code) : NULL;

    if (row)
        xsi_run_finding(r, row, at, 0, "%s", what);
}

/* When the script was given what it cannot read, that is the cause of whatever it stumbles over. */
static const char *cause(const struct xsi_run *r, const struct converter *s, const char *code)
{
    unsigned bits = xsi_run_info(r)->toolstack_bits;

    if (xsi_run_stacked(r, "libxl-v") || xsi_run_stacked(r, "libxc-v"))
        return xsi_run_stacked(r, "xl")        ? "XS-C35"
               : xsi_run_stacked(r, "libvirt") ? "XS-C71"
                                               : "XS-C59";
    if (bits && bits != s->ul * 8)
        return xsi_run_stacked(r, "xapi") ? "XS-C58" : "XS-L37";
    return code;
}

void converter_stops(struct xsi_run *r, struct converter *s, unsigned status, const char *code,
                     const char *fmt, ...)
{
    char what[240];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    code = cause(r, s, code);
    results(r, s);
    xsi_run_outcome(r, XSI_FAILS, s->at,
                    "convert-legacy-stream --width %u --guest %s stops at "
                    "0x%" PRIx64 ": %s",
                    s->ul * 8, s->pv ? "pv" : "hvm", s->at, what);
    note(r, code, s->at, what);
    if (s->qemu_at && s->libxl) {
        /* libxc has its END and has returned; the caller hears of the script's end */
        xsi_run_back(r, (int64_t)status + LEGACY_CONVERTED_LATE);
        return;
    }
    xsi_run_restore_ends(r, status);
    xsi_run_back(r, s->header ? (int64_t)status : LEGACY_CONVERTED_NOTHING);
}

void converter_short(struct xsi_run *r, struct converter *s, const char *what)
{
    xsi_run_say(r, LEGACY_MSG_CV_SHORT, 0);
    s->at = xsi_run_at(r);
    converter_stops(r, s, LEGACY_CONVERTED_EXIT, NULL, "the image ends in %s", what);
}

void converter_refused(struct xsi_run *r, struct converter *s, const char *code, uint64_t at,
                       const char *fmt, ...)
{
    char what[240];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    code = cause(r, s, code);
    results(r, s);
    xsi_run_outcome(r, XSI_FAILS, at,
                    "libxc refuses what convert-legacy-stream makes of 0x%" PRIx64 ": %s", at,
                    what);
    note(r, code, at, what);
    xsi_run_restore_ends(r, -1);
    xsi_run_back(r, LEGACY_CONVERTED_LIBXC);
}

void converter_ends(struct xsi_run *r, struct converter *s)
{
    results(r, s);
    xsi_run_back(r, LEGACY_CONVERTED);
    (void)s;
}

/* ---- chunks ---- */

/* HVM parameters are collected, and written when the body ends. */
static void got_param(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    (void)p;
    if (got < 12) {
        converter_short(r, s, "a parameter");
        return;
    }
    s->params++;
    converter_next(r, s);
}

static void got_tsc(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    uint32_t mode;

    if (got < 20) {
        converter_short(r, s, "TSC_INFO");
        return;
    }
    mode = xsi_le32(p);
    if (mode > 2 && xsi_run_reader(r)->release >= TSC_MODES_FROM) {
        xsi_run_say(r, CONVERTER_V2 + V2_MSG_TSC_SET, 22);
        xsi_run_say(r, CONVERTER_V2 + V2_MSG_RESTORE_FAILED, 22);
        converter_refused(r, s, NULL, s->at, "TSC mode %" PRIu32 " is unknown", mode);
        return;
    }
    converter_next(r, s);
}

static void got_map(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    unsigned words = (unsigned)s->max_vcpu / 64 + 1;

    if (got < 8ULL * words) {
        converter_short(r, s, "the vCPU map");
        return;
    }
    for (unsigned i = 0; i < words; i++)
        s->map[i] |= xsi_le64(p + 8 * i);
    converter_next(r, s);
}

static void got_max_vcpu(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    if (got < 4) {
        converter_short(r, s, "VCPU_INFO");
        return;
    }
    s->max_vcpu = (int32_t)xsi_le32(p);
    if (s->max_vcpu >= CONVERTER_VCPUS) {
        xsi_run_say(r, LEGACY_MSG_CV_VCPU_ID, 0, s->max_vcpu, CONVERTER_VCPUS - 1);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L19", "vCPU number %" PRId32, s->max_vcpu);
    } else if (s->max_vcpu < 0) {
        converter_next(r, s); /* no words of a map */
    } else {
        xsi_run_need(r, 8 * ((uint64_t)s->max_vcpu / 64 + 1), "vCPU map", got_map);
    }
}

/* 64-bit libxl left 4 bytes of padding behind each name. */
static unsigned physmap_error(const struct converter *s, const uint8_t *p, size_t n)
{
    size_t pad = s->ul == 8 ? 4 : 0, at = 8;
    uint32_t count = xsi_le32(p + 4);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t length;

        if (n - at < 28)
            return LEGACY_MSG_CV_TS_HEADER;
        length = xsi_le32(p + at + 24);
        at += 28;
        if (!length)
            return LEGACY_MSG_CV_TS_NO_NAME;
        if (n - at < length + pad)
            return LEGACY_MSG_CV_TS_NAME;
        if (p[at + length - 1])
            return LEGACY_MSG_CV_TS_NUL;
        at += length + pad;
    }
    return LEGACY_MSG_COUNT;
}

static void got_toolstack(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    unsigned message = LEGACY_MSG_COUNT;

    if (got < s->count) {
        converter_short(r, s, "TOOLSTACK");
        return;
    }
    if (s->libxl && got < 8)
        message = LEGACY_MSG_CV_TS_SHORT;
    else if (s->libxl && xsi_le32(p) != 1)
        message = LEGACY_MSG_CV_TS_VERSION;
    else if (s->libxl && got <= XSI_NEED_MAX)
        message = physmap_error(s, p, (size_t)got);
    if (message != LEGACY_MSG_COUNT) {
        xsi_run_say(r, message, 0, xsi_le32(p));
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L29", "the physmap in TOOLSTACK");
        return;
    }
    s->toolstack = s->libxl && xsi_le32(p + 4);
    converter_next(r, s);
}

static void got_toolstack_size(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    if (got < 4) {
        converter_short(r, s, "TOOLSTACK");
        return;
    }
    s->count = xsi_le32(p);
    if (s->count)
        xsi_run_need(r, s->count, "toolstack data", got_toolstack);
    else
        converter_next(r, s);
}

static void todo(struct xsi_run *r, struct converter *s)
{
    xsi_run_say(r, LEGACY_MSG_CV_TODO, 0);
    converter_stops(r, s, LEGACY_CONVERTED_EXIT_2, s->marker <= -12 ? "XS-L26" : "XS-L28",
                    "chunk %" PRId32 " is one that the script cannot convert", s->marker);
}

static void got_compressed(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    if (got < 4)
        converter_short(r, s, "compressed pages");
    else
        todo(r, s);
    (void)p;
}

static void negative_chunk(struct xsi_run *r, struct converter *s)
{
    switch (s->marker) {
    case -1:
        if (xsi_run_reader(r)->release < VERIFY_SINCE) {
            xsi_run_say(r, LEGACY_MSG_CV_DEBUG, 0);
            converter_stops(r, s, LEGACY_CONVERTED_EXIT_2, "XS-L31", "a debug stream");
            return;
        }
        converter_next(r, s);
        return;
    case -9:
        converter_next(r, s);
        return;
    case -2:
        xsi_run_need(r, 4, "highest vCPU number", got_max_vcpu);
        return;
    case -5:
    case -6:
    case -13:
        todo(r, s);
        return;
    case -12:
        xsi_run_need(r, 4, "size of compressed pages", got_compressed);
        return;
    case -7:
        xsi_run_need(r, 20, "TSC_INFO", got_tsc);
        return;
    case -18:
        xsi_run_need(r, 4, "size of toolstack data", got_toolstack_size);
        return;
    default:
        if (s->marker > -21) {
            xsi_run_need(r, 12, "HVM parameter", got_param);
            return;
        }
        xsi_run_say(r, LEGACY_MSG_CV_CHUNK, 0, s->marker);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, s->marker == -21 ? NULL : "XS-L02",
                        "chunk %" PRId32 " is none that the script knows", s->marker);
        return;
    }
}

static void got_marker(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    s->at = xsi_run_at(r) - got;
    if (got < 4) {
        converter_short(r, s, "a chunk's number");
        return;
    }
    s->marker = (int32_t)xsi_le32(p);
    if (s->marker > CONVERTER_BATCH) {
        xsi_run_say(r, LEGACY_MSG_CV_BATCH, 0, s->marker, CONVERTER_BATCH);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L01", "a batch of %" PRId32 " pages",
                        s->marker);
    } else if (s->marker > 0) {
        s->count = (uint32_t)s->marker;
        converter_batch(r, s);
    } else if (s->marker < 0) {
        negative_chunk(r, s);
    } else if (s->params && s->pv) {
        xsi_run_say(r, LEGACY_MSG_CV_HVM_PARAM, 0);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L25", "an HVM chunk in a PV stream");
    } else {
        converter_tail(r, s);
    }
}

void converter_next(struct xsi_run *r, struct converter *s)
{
    (void)s;
    xsi_run_need(r, 4, "chunk", got_marker);
}

/* ---- how it begins ---- */

static void got_p2m_size(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    s->at = s->start;
    if (got < s->ul) {
        converter_short(r, s, "p2m_size");
        return;
    }
    s->p2m_size = s->ul == 4 ? xsi_le32(p) : xsi_le64(p);
    s->header = true;
    if (s->pv)
        converter_head(r, s);
    else
        converter_next(r, s);
}

/* Who runs the script says which width and which guest it is told. */
static void set_up(struct xsi_run *r, struct converter *s)
{
    const struct xsi_info *info = xsi_run_info(r);
    bool xapi = xsi_run_stacked(r, "xapi"),
         bare = !xapi && !xsi_run_stacked(r, "xl") && !xsi_run_stacked(r, "libvirt");

    s->bare = bare;
    s->libxl = !xapi && !bare;
    s->skip_qemu = xapi || bare;
    s->ul = xapi ? 4 : xsi_run_reader(r)->bits / 8;
    if (bare && info->toolstack_bits) /* run by hand: with what the image needs */
        s->ul = info->toolstack_bits / 8;
    s->pv = s->libxl ? info->guest != XSI_GUEST_HVM : info->guest == XSI_GUEST_PV;
}

static void start(struct xsi_run *r, void *state)
{
    struct converter *s = state;
    unsigned release = xsi_run_reader(r)->release;

    if (xsi_run_reader(r)->variant & XSI_READER_LIBXC) { /* the library alone knows no legacy */
        xsi_run_call(r, xsi_model_of("libxc-v3"), NULL);
        return;
    }
    set_up(r, s);
    s->start = s->at = xsi_run_at(r);
    if (release >= PYTHON_3_FROM && release != 41500 ? release < PYTHON_3_WORKS : release == 41500)
        xsi_run_condition(r, "convert-legacy-stream under Python 2: this release's script fails "
                             "under Python 3");
    xsi_run_condition(r, "convert-legacy-stream must be installed");
    xsi_run_restore_begins(r);
    xsi_run_need(r, s->ul, "p2m_size", got_p2m_size);
}

static void release(void *state)
{
    struct converter *s = state;

    free(s->frame);
}

/* clang-format off */
#define FACT(member, text, kind, ...) XSI_FACT(struct converter, member, text, kind, __VA_ARGS__)

static const struct xsi_field_row facts[] = {
    FACT(ul, "long_size", XSI_UINT, .unit = "bytes", .help = "--width that the script was given"),
    FACT(pv, "pv", XSI_BOOL, .help = "--guest that it was given: pv, not hvm"),
    FACT(libxl, "for_libxl", XSI_BOOL, .help = "it writes libxl's stream around libxc's"),
    FACT(skip_qemu, "skip_qemu", XSI_BOOL, .help = "it leaves the device-model record alone"),
    FACT(p2m_size, "p2m_size", XSI_UINT, .unit = "frames", .help = "as read"),
    FACT(marker, "last_count", XSI_SINT, .help = "page count or chunk id that it took last"),
    FACT(pages, "pages", XSI_UINT, .help = "frames that libxc behind it has filled"),
    FACT(params, "hvm_params", XSI_UINT, .help = "HVM parameters that it holds"),
    FACT(max_vcpu, "max_vcpu", XSI_SINT, .help = "highest vCPU id"),
    FACT(map[0], "vcpu_map", XSI_HEX, .help = "vCPUs that the tail brings: bits 0 to 63"),
    FACT(vcpus_set, "vcpus_set", XSI_UINT, .help = "vCPUs whose context was passed on"),
    FACT(context, "hvm_context", XSI_UINT, .unit = "bytes", .help = "length of the HVM context"),
    FACT(record, "device_model", XSI_UINT, .unit = "bytes", .help = "of the device-model state"),
    { .name = NULL },
};
/* clang-format on */

const struct xsi_model legacy_converter_model = {
    .who = "converter",
    .state_size = sizeof(struct converter),
    .start = start,
    .free = release,
    .messages = messages,
    .facts = facts,
};
