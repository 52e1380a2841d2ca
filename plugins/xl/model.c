/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl restore: the header, the configuration, then libxl. Sources: tools/libxl/xl_cmdimpl.c (4.0.1
 * to 4.8), tools/xl/xl_vmcontrol.c (4.9 to 4.22):create_domain; exit statuses from main_restore.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../libxl/restore.h"
#include "messages.h"
#include "model.h"
#include "xl.h"

enum {
    XL_SINCE = 40000,
    SHORT_READ_FATAL = 40400, /* before, xl did not see that a read was short */
    JSON_SINCE = 40500,
    STREAM_V2_SINCE = 40600,
    PLAIN_STATUS = 40700,     /* exit status 1 for every error; before, minus libxl's code */
    TYPE_CHECK_SINCE = 40903, /* xl itself wants a guest type */
    PVH_SINCE = 41000,
    MAXMEM_EXTRA_KB = 1024 /* libxl_internal.h:LIBXL_MAXMEM_CONSTANT */
};

struct xl_run {
    uint64_t start;
    uint32_t mandatory, optional, length;
};

static unsigned release_of(const struct xsi_run *r)
{
    return xsi_run_reader(r)->release;
}

/* ---- how it ends ---- */

/* exit() in the middle of things. */
static void leave(struct xsi_run *r, int status)
{
    struct xsi_verdict *v = xsi_run_result(r);

    /* from 4.6 on the reader is the toolstack: what it returns is xl's exit status */
    if (v->returned && release_of(r) >= STREAM_V2_SINCE)
        v->rc = status;
    xsi_run_back(r, status);
}

static void fail(struct xsi_run *r, int64_t code)
{
    if (code == LIBXL_EXITED)
        leave(r, 255);
    else
        leave(r, release_of(r) >= PLAIN_STATUS ? 1 : (int)-code);
}

static void refuse(struct xsi_run *r, enum xl_finding id, uint64_t at, const char *what)
{
    xsi_run_outcome(r, XSI_FAILS, at, "xl refuses the file at 0x%" PRIx64 ": %s", at, what);
    xsi_run_finding(r, &xl_findings[id], at, 0, "%s", what);
}

static void no_memory(struct xsi_run *r, uint64_t at, uint64_t length)
{
    xsi_run_say(r, XL_MSG_MALLOC, 0, (unsigned long)length);
    refuse(r, XL_C41, at, "a length that no memory suffices for");
    xsi_run_condition(r, "a dom0 without %" PRIu64 " MiB for a length in xl's header",
                      length >> 20);
    leave(r, -LIBXL_ERROR_FAIL);
}

/* The file ends in the header or in the optional data. */
static void cut(struct xsi_run *r, uint64_t start, const char *what, const char *arguments)
{
    xsi_run_say(r, XL_MSG_READ_TRUNCATED, 0, what, "IMAGE");
    if (release_of(r) < SHORT_READ_FATAL) {
        xsi_run_undefined(r,
                          "the file ends in xl's %s, and this xl goes on with what was in its "
                          "memory",
                          what);
        return;
    }
    xsi_run_say(r, XL_MSG_READ_FATAL, 0, arguments, what);
    refuse(r, XL_C43, start, "the file ends in front of the memory stream");
    leave(r, release_of(r) >= PLAIN_STATUS ? 1 : -LIBXL_ERROR_FAIL);
}

static void got_domain(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    int64_t code = (int64_t)got;

    (void)state;
    (void)p;
    if (code < 0)
        fail(r, code);
    else
        leave(r, 0);
}

/* ---- the configuration ---- */

/* Number behind a key of JSON text; 0 when it is not there. */
static uint64_t json_number(const uint8_t *text, size_t n, const char *key)
{
    const uint8_t *p = memmem(text, n, key, strlen(key));
    uint64_t value = 0;

    if (!p)
        return 0;
    for (p += strlen(key); p < text + n && (*p == ' ' || *p == ':'); p++)
        ;
    for (; p < text + n && *p >= '0' && *p <= '9' && value < UINT32_MAX; p++)
        value = value * 10 + (unsigned)(*p - '0');
    return value;
}

static void call_libxl(struct xsi_run *r, const struct xl_run *s, enum xsi_guest guest,
                       uint64_t max_pages)
{
    xsi_run_prepare(r, guest, max_pages);
    xsi_run_state(r, "xl has its configuration and calls libxl");
    xsi_run_call(r, s->mandatory & XL_FLAG_STREAM_V2 ? &libxl_restore_v2 : &libxl_restore_legacy,
                 got_domain);
}

/*
 * xl does not look at what libxl's JSON parser said: a text with an error leaves the configuration
 * empty, which shows up later in other words.
 */
static void use_json(struct xsi_run *r, const struct xl_run *s, const uint8_t *text, size_t n)
{
    uint64_t at = s->start + XL_HEADER_SIZE + 4;
    uint64_t memory = json_number(text, n, "\"target_memkb\"");
    struct config_facts f;

    config_json(text, n, true, &f);
    if (f.problem || f.guest == XSI_GUEST_UNKNOWN ||
        (f.guest == XSI_GUEST_PVH && release_of(r) < PVH_SINCE)) {
        if (release_of(r) < TYPE_CHECK_SINCE)
            xsi_run_say(r, XL_MSG_DOMAIN_TYPE, 0);
        xsi_run_say(r, XL_MSG_UNKNOWN_TYPE, 0);
        refuse(r, f.problem ? XL_C38 : XL_C39, at + (f.problem ? f.problem_at : 0),
               f.problem ? "the JSON configuration is damaged, so that xl knows no guest type"
                         : "the JSON configuration names no guest type that this xl knows");
        fail(r, LIBXL_ERROR_INVAL);
    } else if (!f.name[0]) {
        refuse(r, XL_C39, at, "the JSON configuration has no domain name");
        xsi_run_say(r, XL_MSG_NAME_MISSING, 0);
        xsi_run_say(r, XL_MSG_CANNOT_MAKE, 0, LIBXL_ERROR_INVAL);
        fail(r, LIBXL_ERROR_INVAL);
    } else {
        call_libxl(r, s, f.guest, memory ? (memory + MAXMEM_EXTRA_KB) / 4 : 0);
    }
}

static void use_text(struct xsi_run *r, const struct xl_run *s, const uint8_t *text, size_t n)
{
    uint64_t at = s->start + XL_HEADER_SIZE + 4;
    struct config_facts f;

    if (!xl_lex(r, text, n)) {
        bool json = n && text[0] == '{';

        refuse(r, json ? XL_C37 : XL_C38, at,
               json ? "the configuration is JSON, but its flag is not set"
                    : "the configuration does not parse");
        xsi_run_say(r, XL_MSG_PARSE_CONFIG, 0, "Invalid argument");
        leave(r, 1);
        return;
    }
    config_lines(text, n, true, &f);
    if (!f.name[0]) {
        xsi_run_say(r, XL_MSG_NO_NAME, 0);
        refuse(r, XL_C39, at, "the configuration has no domain name");
        leave(r, 1);
        return;
    }
    call_libxl(r, s, f.guest == XSI_GUEST_UNKNOWN ? XSI_GUEST_PV : f.guest, 0);
}

/* p: the optional data, of which `got` bytes are there. */
static void got_optional(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xl_run *s = state;
    uint64_t at = s->start + XL_HEADER_SIZE;
    size_t have = got < XSI_NEED_MAX ? (size_t)got : XSI_NEED_MAX;
    int32_t config;

    if (got < s->length) {
        if (s->length > LIBXL_ALLOCATION_SURE)
            no_memory(r, at - 4, s->length);
        else
            cut(r, at, "optdata", "optdata_begin, hdr.optional_data_len");
        return;
    }
    xsi_run_say(r, XL_MSG_CONTAINS_CONFIG, 0, s->mandatory & XL_FLAG_JSON ? " in JSON format" : "");
    config = s->length < 4 ? 0 : (int32_t)xsi_le32(p);
    if (s->length < 4 || (config > 0 && (uint32_t)config > s->length - 4)) {
        xsi_run_say(r, XL_MSG_SAVEFILE_TRUNCATED, 0);
        refuse(r, XL_C41, at, "the configuration is longer than the data that holds it");
        fail(r, LIBXL_ERROR_INVAL);
    } else if (config < 0) {
        no_memory(r, at, (uint64_t)(int64_t)config);
    } else if ((size_t)config > have - 4) {
        xsi_run_undefined(r, "a configuration of %" PRId32 " bytes is more than this model reads",
                          config);
    } else if (s->mandatory & XL_FLAG_JSON) {
        use_json(r, s, p + 4, (size_t)config);
    } else {
        use_text(r, s, p + 4, (size_t)config);
    }
}

/* ---- the header ---- */

/* Mandatory flags that a release knows. */
static uint32_t known_flags(unsigned release)
{
    return (release >= JSON_SINCE ? XL_FLAG_JSON : 0) |
           (release >= STREAM_V2_SINCE ? XL_FLAG_STREAM_V2 : 0);
}

static void check_flags(struct xsi_run *r, struct xl_run *s)
{
    uint32_t unknown = s->mandatory & ~known_flags(release_of(r));

    xsi_run_say(r, XL_MSG_LOADING, 0, "IMAGE", s->mandatory, s->optional, s->length);
    if (unknown) {
        xsi_run_say(r, XL_MSG_FLAGS, 0, unknown);
        refuse(r, XL_C33, s->start + 36, "mandatory flags that this xl does not know");
        fail(r, LIBXL_ERROR_INVAL);
    } else if (!s->length) {
        xsi_run_say(r, XL_MSG_NO_CONFIG, 0);
        refuse(r, XL_C40, s->start + 44, "the image holds no configuration");
        xsi_run_condition(r, "no configuration on the command line: with xl restore THE.cfg IMAGE "
                             "xl goes on");
        fail(r, LIBXL_ERROR_INVAL);
    } else {
        xsi_run_need(r, s->length, "optional data", got_optional);
    }
}

static void got_header(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    static const char magic[] = XL_MAGIC;
    struct xl_run *s = state;
    size_t n = got < XL_MAGIC_SIZE ? (size_t)got : XL_MAGIC_SIZE;
    bool wrong = memcmp(p, magic, n) != 0;

    if (got < XL_HEADER_SIZE && (release_of(r) >= SHORT_READ_FATAL || !wrong)) {
        cut(r, s->start, "header", "&hdr, sizeof(hdr)");
        return;
    }
    if (wrong) {
        xsi_run_say(r, XL_MSG_WRONG_MAGIC, 0);
        refuse(r, XL_C30, s->start, "the magic text is wrong");
        if (!xsi_run_stacked(r, "xl")) /* another toolstack's container */
            xsi_run_fix(r, "add-xl-header");
        fail(r, LIBXL_ERROR_INVAL);
        return;
    }
    if (xsi_le32(p + 32) != 0x01020304) {
        xsi_run_say(r, XL_MSG_WRONG_BYTE_ORDER, 0);
        refuse(r, XL_C31, s->start + 32, "the byte order word is wrong");
        fail(r, LIBXL_ERROR_INVAL);
        return;
    }
    s->mandatory = xsi_le32(p + 36);
    s->optional = xsi_le32(p + 40);
    s->length = xsi_le32(p + 44);
    check_flags(r, s);
}

/* ---- who reads the file ---- */

static void start(struct xsi_run *r, void *state)
{
    struct xl_run *s = state;
    const struct xsi_reader *reader = xsi_run_reader(r);

    s->start = xsi_run_at(r);
    if (reader->variant & XSI_READER_XAPI)
        xsi_run_call(r, xsi_model_of("xapi"), NULL);
    else if (reader->release < XL_SINCE)
        xsi_run_call(r, xsi_model_of("xend"), NULL);
    else if (!strcmp(reader->name, "xen-4.0.0"))
        xsi_run_call(r, &libxl_restore_legacy, NULL); /* it knows no header */
    else
        xsi_run_need(r, XL_HEADER_SIZE, "xl header", got_header);
}

/* clang-format off */
static const struct xsi_field_row facts[] = {
    XSI_FACT(struct xl_run, mandatory, "mandatory_flags", XSI_HEX, .help = "of xl's header"),
    XSI_FACT(struct xl_run, optional, "optional_flags", XSI_HEX, .help = "of xl's header"),
    XSI_FACT(struct xl_run, length, "optional_data", XSI_UINT, .unit = "bytes",
             .help = "length of what holds the configuration"),
    { .name = NULL },
};
/* clang-format on */

const struct xsi_model xl_model = {
    .who = "xl",
    .state_size = sizeof(struct xl_run),
    .start = start,
    .messages = xl_messages,
    .facts = facts,
};
