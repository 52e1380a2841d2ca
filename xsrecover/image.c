/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening an image that is to be mended, and looking at it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "xsrecover.h"

/* ---------------------------------------------------------------- looking ---- */

/* The verdict's reader stumbled over findings of this kind: then the verdict speaks for them. */
static bool concerned(const struct look *l, const struct xsi_finding_row *row)
{
    const struct xsi_verdict *v;

    for (size_t i = 0; (v = xsi_map_verdict(l->map, i)); i++)
        for (size_t k = 0; v->outcome != XSI_RESTORES && k < v->finding_count; k++)
            if (v->findings[k].row == row)
                return true;
    return false;
}

/* What the findings and verdicts say, as in xsdump: readers' matters are the verdicts'. */
static void count(struct look *l)
{
    const unsigned of_readers = CLI_WARNINGS | CLI_REFUSED;
    const struct xsi_verdict *v;
    size_t n;
    const struct xsi_finding *f = xsi_map_findings(l->map, &n);

    l->exit = cli_exit(l->info) & ~of_readers;
    for (size_t i = 0; i < n; i++) {
        unsigned exit = f[i].exit;

        if (l->verdict && *f[i].row->readers)
            exit &= ~(concerned(l, f[i].row) ? of_readers : (unsigned)CLI_REFUSED);
        l->exit |= exit;
        l->errors += f[i].severity == XSI_ERROR || f[i].row->effect == XSI_DAMAGED ||
                     f[i].row->effect == XSI_TRUNCATED;
    }
    for (size_t i = 0; (v = xsi_map_verdict(l->map, i)); i++)
        if (v->outcome != XSI_RESTORES)
            l->exit |= CLI_REFUSED;
}

bool look_at(struct look *l, struct xsi_source *src, const char *as, bool scan,
             const char *const *readers, size_t readers_count, struct xsi_error *err)
{
    static const char *const none[1] = { NULL };
    const struct xsi_map_options how = {
        .as = as,
        .scan = scan,
        .names = readers_count ? readers : none,
        .name_count = readers_count,
    };

    *l = (struct look){ 0 };
    if (!src) {
        *err = (struct xsi_error){ ENOMEM, "out of memory; free some and try again" };
        return false;
    }
    l->map = xsi_map_new(src, &how, err);
    if (!l->map)
        return false;
    l->info = xsi_map_info(l->map);
    l->verdict = xsi_map_verdict(l->map, 0);
    count(l);
    return true;
}

void look_away(struct look *l)
{
    xsi_map_free(l->map);
    *l = (struct look){ 0 };
}

static int rank(const struct xsi_verdict *v)
{
    static const int ranks[] = {
        [XSI_RESTORES] = 3, [XSI_LOSES] = 2, [XSI_FAILS] = 1, [XSI_UNDEFINED] = 1
    };

    return v ? ranks[v->outcome] : 0;
}

bool look_better(const struct look *a, const struct look *b)
{
    if (rank(a->verdict) != rank(b->verdict))
        return rank(a->verdict) > rank(b->verdict);
    /* an image that nobody restores is no better for a finding less */
    return rank(a->verdict) != 1 && a->errors < b->errors;
}

/* ---------------------------------------------------------------- opening ---- */

const char *image_unfit(const struct xsi_source *src)
{
    size_t filters = 0;

    (void)xsi_source_filters(src, &filters);
    if (filters)
        return "it is compressed, and only a plain image can be mended: decompress it to a new "
               "file first (zstd -d, gzip -dc, xz -dc, ...)";
    if (!xsi_source_seekable(src))
        return "it is a pipe, and only a file or a device can be mended: save it to a file first";
    return NULL;
}

static unsigned refuse_half_written(FILE *transcript, const char *file,
                                    const struct xsi_journal_info *info)
{
    char word[2100];

    return fail(transcript, CANCELLED, file,
                "refused until it is rolled back, which is a write of its own: xsrecover undo %s",
                cli_word(word, sizeof(word), info->file));
}

unsigned image_half_written(FILE *transcript, const char *file)
{
    struct xsi_journal_info info;

    return cli_interrupted(file, &info) ? refuse_half_written(transcript, file, &info) : 0;
}

/*
 * Offer to roll back an interrupted write. Only where the image itself may be written, and only a
 * person can say so: -y is a yes to the plan. True when the image is the old one again.
 */
static bool rolled_back(const struct cli_term *t, const struct settings *s, const char *file,
                        const struct xsi_journal_info *info, unsigned *status)
{
    const struct xsi_write_options how = { .assume_unused = s->assume_unused };
    struct xsi_written written;
    struct xsi_error err;

    *status = CANCELLED;
    if (!s->in_place || s->show_only || s->yes || s->safe || !somebody_there())
        *status = refuse_half_written(s->transcript, file, info);
    else if (!ask(t, s->transcript, "Roll it back now?"))
        fail(s->transcript, 0, file, "left as it is");
    else if (xsi_undo(info->file, file, &how, false, &written, &err) < 0)
        *status = fail(s->transcript, CLI_OPERATIONAL, file, "%s", err.text);
    else
        *status = 0;
    if (*status == 0)
        line_print(t, "rolled", "back: %" PRIu64 " bytes in %.2f s", written.bytes,
                   written.seconds);
    return *status == 0;
}

struct xsi_source *image_open(const struct cli_term *t, const struct settings *s, const char *file,
                              unsigned *status)
{
    struct xsi_journal_info info;
    struct xsi_error err = { 0, "" };
    struct xsi_source *src;
    struct stat st;
    const char *why;

    *status = CLI_USAGE;
    if (strcmp(file, "-") == 0 || (stat(file, &st) == 0 && S_ISFIFO(st.st_mode))) {
        fail(s->transcript, 0, file,
             "this is a pipe, and only a file or a device can be mended: save it to a file first");
        return NULL;
    }
    if (cli_interrupted(file, &info) && !rolled_back(t, s, file, &info, status))
        return NULL;
    *status = CLI_OPERATIONAL;
    src = xsi_source_open(file, NULL, &err);
    if (!src) {
        fail(s->transcript, 0, file, "%s", err.text);
        return NULL;
    }
    why = image_unfit(src);
    if (!why)
        return src;
    *status = fail(s->transcript, CLI_USAGE, file, "%s", why);
    xsi_source_free(src);
    return NULL;
}

/* ---------------------------------------------------------------- the head ---- */

void image_print(const struct cli_term *t, const char *file, struct xsi_source *src,
                 const struct look *l)
{
    static const char *const kinds[] = {
        [XSI_SOURCE_FILE] = "file",       [XSI_SOURCE_BLOCK] = "block device",
        [XSI_SOURCE_PIPE] = "pipe",       [XSI_SOURCE_MEMORY] = "memory",
        [XSI_SOURCE_OVERLAY] = "overlay",
    };
    uint64_t size = 0, file_size;
    char name[1024], packed[60] = "", end[80] = "";
    size_t filters = 0;

    (void)xsi_source_size(src, &size);
    (void)xsi_source_filters(src, &filters);
    if (filters && xsi_source_file_size(src, &file_size))
        snprintf(packed, sizeof(packed), "%" PRIu64 " bytes, decompressed ", file_size);
    if (l->info->stream_end && l->info->stream_end < size)
        snprintf(end, sizeof(end), " (stream ends at 0x%" PRIx64 ")", l->info->stream_end);
    line_print(t, "image", "%s  %s, %s%" PRIu64 " bytes%s", cli_name(name, sizeof(name), file),
               kinds[*packed ? XSI_SOURCE_FILE : xsi_source_kind(src)], packed, size, end);
}
