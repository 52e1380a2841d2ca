/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image side of a restore: opened, mended for its reader, converted for the host. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "restore.h"

/* ---------------------------------------------------------------- opening ---- */

/* A pipe or a compressed image is copied to a folder: mending needs to go back and forth. */
static unsigned spool(struct restore *r)
{
    struct xsi_error err = { 0, "" };
    struct xsi_source *copy;

    if (!r->s->spool)
        return fail(r->s->transcript, CLI_USAGE, r->file,
                    "it is a pipe or compressed, and a restore must be able to go back in it: give "
                    "--spool DIR, a folder with room for all of it");
    copy = xsi_source_spool(r->src, r->s->spool, &err);
    if (!copy)
        return fail(r->s->transcript, CLI_OPERATIONAL, r->file, "%s", err.text);
    xsi_source_free(r->src);
    r->src = copy;
    r->spooled = true;
    return 0;
}

unsigned restore_open(struct restore *r)
{
    struct xsi_error err = { 0, "" };
    unsigned status = strcmp(r->file, "-") ? image_half_written(r->s->transcript, r->file) : 0;

    if (status)
        return status;
    r->src = xsi_source_open(r->file, NULL, &err);
    if (!r->src)
        return fail(r->s->transcript, CLI_OPERATIONAL, r->file, "%s", err.text);
    if (image_unfit(r->src))
        status = spool(r);
    if (status)
        return status;
    r->plan = xsi_plan_new(r->src, &err);
    return r->plan ? 0 : fail(r->s->transcript, CLI_OPERATIONAL, r->file, "%s", err.text);
}

uint64_t restore_end(const struct restore *r)
{
    uint64_t size = 0, at;

    (void)xsi_source_size(r->src, &size);
    if (!r->look.info || !r->look.info->stream_end || xsi_plan_steps(r->plan))
        return size;
    at = r->look.info->stream_end;
    return at < size ? at : size;
}

/* ---------------------------------------------------------------- mending ---- */

static struct xsi_mended *mend(struct restore *r, bool safe, struct xsi_error *err)
{
    const struct xsi_mend_options how = {
        .reader = r->reader, .as = r->s->as, .safe = safe, .scan = r->s->scan
    };

    while (xsi_plan_undo(r->plan))
        ;
    free(r->mended);
    r->mended = xsi_mend(r->plan, &how, err);
    return r->mended;
}

static void print_steps(const struct restore *r)
{
    const struct xsi_planned *step;

    for (size_t i = 0; (step = xsi_plan_step(r->plan, i)); i++)
        line_print(r->t, i ? "" : "mend", "%s: %s%s%s%s%s", step->recipe, step->what,
                   *step->loses ? "; gives up: " : "", step->loses,
                   *step->guess ? "; guessed: " : "", step->guess);
}

/* What gives something up or guesses is done only with a yes. */
static unsigned consent(const struct restore *r)
{
    const struct xsi_planned *step;
    bool safe = true;

    for (size_t i = 0; (step = xsi_plan_step(r->plan, i)); i++)
        safe = safe && !*step->loses && !*step->guess;
    if (safe || r->s->yes || r->s->show_only)
        return 0;
    if (!somebody_there())
        return fail(r->s->transcript, CANCELLED, r->file,
                    "not restored: mending it gives something up or guesses, and nobody can be "
                    "asked; give -y");
    if (!ask(r->t, r->s->transcript, "Restore it mended like that?"))
        return fail(r->s->transcript, CANCELLED, r->file, "not restored");
    return 0;
}

/* The plan as it is can be converted, and a reader of today restores the result. */
static bool convertible(const struct restore *r)
{
    const struct xsi_convert_options how = { .to = "libxc-v3",
                                             .as = r->s->as,
                                             .no_emulator = true,
                                             .zero_unreadable = r->s->zero_unreadable,
                                             .spool = r->s->spool };
    struct xsi_converted result;
    struct xsi_error err;
    struct xsi_convert *c = xsi_convert_new(xsi_plan_source(r->plan), &how, &err);
    bool good = c && xsi_convert_check(c, NULL, &result, &err) == 0 && result.judged &&
                !result.errors && result.verdict.outcome == XSI_RESTORES;

    xsi_convert_free(c);
    return good;
}

/*
 * Only what loses and guesses nothing; more than that only where the result could not be converted
 * either: what stops an old reader need not stop the host's. --force leaves such steps out, unless
 * they are wanted (-y).
 */
static bool mend_it(struct restore *r, struct xsi_error *err)
{
    const struct xsi_mended *m = mend(r, true, err);

    if (!m || (m->judged && m->after.outcome == XSI_RESTORES) || convertible(r))
        return m != NULL;
    if (r->s->force && !r->s->yes)
        return true;
    return mend(r, false, err) != NULL;
}

static unsigned unknown(const struct restore *r)
{
    return fail(r->s->transcript, CLI_USAGE, r->file,
                "no save image is recognised in it, so nothing can be restored or saved from it: "
                "xsdump --as list says what is missing");
}

unsigned restore_mend(struct restore *r)
{
    struct xsi_error err = { 0, "" };
    struct look before;

    if (!look_at(&before, r->src, r->s->as, r->s->scan, &r->reader, r->reader ? 1 : 0, &err))
        return fail(r->s->transcript, err.code == EINVAL ? CLI_USAGE : CLI_OPERATIONAL, r->file,
                    "%s", err.text);
    image_print(r->t, r->file, r->src, &before);
    if (!before.info->stack_length ||
        (!before.errors && before.verdict && before.verdict->outcome == XSI_RESTORES)) {
        r->look = before;
        return before.info->stack_length ? 0 : unknown(r);
    }
    verdict_print(r->t, "as it is", before.verdict, false);
    look_away(&before);
    if (!mend_it(r, &err) || !look_at(&r->look, xsi_plan_source(r->plan), r->s->as, r->s->scan,
                                      &r->reader, r->reader ? 1 : 0, &err))
        return fail(r->s->transcript, CLI_OPERATIONAL, r->file, "%s", err.text);
    print_steps(r);
    if (xsi_plan_steps(r->plan))
        verdict_print(r->t, "mended", r->look.verdict, false);
    return consent(r);
}

/* ---------------------------------------------------------------- the configuration ---- */

/* xl's header; then the length of the configuration and its text. 4.17: tools/xl/xl.h */
enum { XL_HEADER = 48, XL_FLAGS = 36, XL_FLAG_JSON = 1 };

static bool take_config(struct restore *r, struct xsi_source *out)
{
    uint8_t head[XL_HEADER + 4];
    uint32_t n;
    char *text;
    bool good;

    if (!out || xsi_source_read(out, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return false;
    n = head[XL_HEADER] | (uint32_t)head[XL_HEADER + 1] << 8 | (uint32_t)head[XL_HEADER + 2] << 16 |
        (uint32_t)head[XL_HEADER + 3] << 24;
    if (n && !(head[XL_FLAGS] & XL_FLAG_JSON)) {
        r->config.lines = true;
        snprintf(r->config.why, sizeof(r->config.why), "it is xl.cfg text, which only xl reads");
        return true;
    }
    text = n && n < 1 << 20 ? calloc(1, n + 1) : NULL;
    good = text && xsi_source_read(out, text, n, sizeof(head)) == (ssize_t)n;
    if (good)
        restore_config_read(&r->config, text, n);
    if (r->config.there)
        r->text = text;
    else
        free(text);
    return good;
}

static struct xsi_convert *convert_whole(struct restore *r, const char *to, struct xsi_error *err)
{
    const struct xsi_convert_options how = { .to = to,
                                             .as = r->s->as,
                                             .drop = true,
                                             .force = true,
                                             .zero_unreadable = true,
                                             .spool = r->s->spool };

    return xsi_convert_new(xsi_plan_source(r->plan), &how, err);
}

/* The converter knows to make libxl's JSON of each syntax, so that is what is read. */
static void find_config(struct restore *r)
{
    struct xsi_error err = { 0, "" };
    size_t i = 0;

    r->whole = convert_whole(r, "xl", &err);
    if (!r->whole) {
        snprintf(r->config.why, sizeof(r->config.why), "%.190s", err.text);
        r->whole = convert_whole(r, "libxc-v3", &err);
    } else if (!xsi_vm_next(xsi_convert_vm(r->whole), XSI_ITEM_CONFIG, &i) ||
               (!take_config(r, xsi_convert_source(r->whole)) && !*r->config.why)) {
        /* the converter would make a short one up */
        snprintf(r->config.why, sizeof(r->config.why), "the image holds none");
    }
}

/* ---------------------------------------------------------------- what kind, which way ---- */

#define CONTEXT_MOST (1U << 20)

/*
 * What an HVM guest has and a PVH guest has not: interrupt controllers of the board. Each entry of
 * an HVM context is a type, an instance and a length. 4.17: public/arch-x86/hvm/save.h; a PVH
 * domain is made without them (arch/x86/domain.c, emulation_flags_ok())
 */
static bool has_board(struct restore *r)
{
    const struct xsi_item *item =
        r->whole ? xsi_vm_find(xsi_convert_vm(r->whole), XSI_ITEM_HVM_CONTEXT, 0) : NULL;
    size_t n = item && item->length < CONTEXT_MOST ? (size_t)item->length : 0;
    uint8_t *bytes = n ? malloc(n) : NULL;
    bool found = false;

    if (bytes && xsi_convert_item(r->whole, item, 0, bytes, n) == (ssize_t)n)
        for (size_t at = 0; at + 8 <= n && !found;) {
            unsigned type = bytes[at] | (unsigned)bytes[at + 1] << 8;

            found = type == 3 || type == 4 || type == 10; /* PIC, IOAPIC, PIT */
            at += 8 + (bytes[at + 4] | (size_t)bytes[at + 5] << 8 | (size_t)bytes[at + 6] << 16 |
                       (size_t)bytes[at + 7] << 24);
        }
    free(bytes);
    return found;
}

/* The stream knows PV from the rest; PVH from HVM its context tells. */
static void find_guest(struct restore *r)
{
    const struct xsi_info *info = r->look.info;

    if (r->s->guest != XSI_GUEST_UNKNOWN) {
        r->guest = r->s->guest;
        r->guest_why = "--guest says so";
    } else if (info->guest == XSI_GUEST_PV || info->guest == XSI_GUEST_UNKNOWN) {
        r->guest = info->guest;
        r->guest_why = "the stream says so";
    } else if (r->whole && xsi_vm_find(xsi_convert_vm(r->whole), XSI_ITEM_HVM_CONTEXT, 0)) {
        bool hvm = has_board(r);

        r->guest = hvm ? XSI_GUEST_HVM : XSI_GUEST_PVH;
        r->guest_why = hvm ? "its context has interrupt controllers of a PC"
                           : "its context has no interrupt controllers of a PC";
    } else {
        r->guest = info->guest;
        r->guest_why = "the image says so; --guest if that is wrong";
    }
}

static bool have_xl(void)
{
    return access("/usr/sbin/xl", X_OK) == 0 || access("/sbin/xl", X_OK) == 0 ||
           access("/usr/local/sbin/xl", X_OK) == 0 || access("/usr/lib/xen-4.17/bin/xl", X_OK) == 0;
}

static void find_way(struct restore *r)
{
    r->via = VIA_LIBXC;
    if (r->s->via) {
        r->via = strcmp(r->s->via, "xl") == 0 ? VIA_XL : VIA_LIBXC;
        r->via_why = "";
    } else if (r->s->has_into) {
        r->via_why = ": --into needs it";
    } else if (!r->config.there && !r->config.lines) {
        r->via_why = ": without a configuration xl would connect no devices";
    } else if (!have_xl()) {
        r->via_why = ": there is no xl here";
    } else {
        r->via = VIA_XL;
        r->via_why = ": it connects all devices";
    }
}

unsigned restore_prepare(struct restore *r)
{
    static const char *const kinds[] = { [XSI_GUEST_UNKNOWN] = "of an unknown kind",
                                         [XSI_GUEST_PV] = "PV",
                                         [XSI_GUEST_HVM] = "HVM",
                                         [XSI_GUEST_PVH] = "PVH" };
    const struct xsi_info *info = r->look.info;
    char name[520];

    find_config(r);
    find_guest(r);
    find_way(r);
    line_print(r->t, "guest", "%s (%s)%s%s", kinds[r->guest], r->guest_why,
               *info->name ? ", called " : "",
               xsi_escape(name, sizeof(name), info->name, strlen(info->name)));
    line_print(r->t, "via", "%s%s", restore_via_name(r->via), r->via_why);
    if (r->guest == XSI_GUEST_UNKNOWN)
        return fail(r->s->transcript, CLI_DAMAGED, r->file,
                    "what kind of guest it is cannot be told; give --guest pv, pvh or hvm");
    return 0;
}

/* ---------------------------------------------------------------- converting ---- */

/* The host's reader of what it is given; NULL: that of the output's container. */
static const char *host_reader(const struct restore *r, char out[40])
{
    struct xsi_reader reader;

    if (!r->host_known)
        return NULL;
    snprintf(out, 40, "xen-%u.%u%s", r->host->major, r->host->minor,
             r->via == VIA_LIBXC ? "/libxc" : "");
    return xsi_reader_lookup(out, &reader) ? out : NULL;
}

/* Version 3 is read from 4.14 on: 4.14, tools/libxc/xc_sr_restore.c, read_headers() */
static const char *target(const struct restore *r)
{
    bool old = r->host_known && r->host->major == 4 && r->host->minor < 14;

    if (r->via == VIA_XL)
        return old ? "xl>libxl-v2>libxc-v2" : "xl";
    return old ? "libxc-v2" : "libxc-v3";
}

/* What cannot be converted may be handed over as it is: then the host's reader says what it thinks
 * of it. False: the host has no reader of it. */
static bool find_raw(struct restore *r)
{
    const struct xsi_info *info = r->look.info;
    size_t count;
    const struct xsi_map_row *row = xsi_map_rows(r->look.map, &count);

    if (r->via == VIA_XL) {
        r->raw_to = restore_end(r);
        return strcmp(info->stack[0], "xl") == 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (strncmp(row[i].layer, "libxc-v", 7) != 0)
            continue;
        if (!r->raw_to)
            r->raw_from = row[i].offset;
        r->raw_to = row[i].offset + row[i].length;
    }
    return r->raw_to != 0;
}

unsigned restore_convert(struct restore *r)
{
    struct xsi_convert_options how = {
        .to = target(r),
        .as = r->s->as,
        .drop = r->s->force,
        .force = r->s->force,
        .no_emulator = r->via == VIA_LIBXC, /* the device model takes it, not libxc */
        .zero_unreadable = r->s->zero_unreadable,
        .spool = r->s->spool,
    };
    struct xsi_error err = { 0, "" };
    char reader[40];
    const char *note;

    r->convert = xsi_convert_new(xsi_plan_source(r->plan), &how, &err);
    if (!r->convert) {
        r->raw = r->s->force && err.code != EINVAL && find_raw(r);
        snprintf(r->failure, sizeof(r->failure), "%s", err.text);
        r->status = err.code == EINVAL    ? CLI_USAGE
                    : err.code == ENOTSUP ? CLI_REFUSED
                                          : CLI_DAMAGED;
        return 0;
    }
    for (; (note = xsi_convert_note(r->convert, r->notes)); r->notes++)
        if (r->via == VIA_XL || !strstr(note, "configuration")) /* that is used all the same */
            line_print(r->t, "convert", "%s", note);
    if (xsi_convert_check(r->convert, host_reader(r, reader), &r->converted, &err) < 0) {
        snprintf(r->failure, sizeof(r->failure), "%s", err.text);
        r->status = err.code == EBADMSG ? CLI_DAMAGED : CLI_OPERATIONAL;
        return 0;
    }
    r->checked = true;
    return 0;
}
