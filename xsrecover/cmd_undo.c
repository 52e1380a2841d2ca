/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover undo: give an image back the bytes that a write in place replaced. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "xsrecover.h"

static const char *state_words(enum xsi_journal_state state)
{
    static const char *const words[] = {
        [XSI_JOURNAL_BEGUN] = "never began: the image was not touched",
        [XSI_JOURNAL_READY] = "was interrupted: the image may be half written",
        [XSI_JOURNAL_APPLIED] = "ended well",
        [XSI_JOURNAL_UNDOING] = "was being undone when that was interrupted",
        [XSI_JOURNAL_UNDONE] = "was undone before",
    };

    return words[state];
}

static void show(const struct cli_term *t, const char *file, const char *image,
                 const struct xsi_journal_info *info)
{
    char name[2100], reader[200] = "", when[40] = "at an unknown time";
    time_t seconds = (time_t)info->when;
    struct tm local;

    if (localtime_r(&seconds, &local))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &local);
    if (*info->reader)
        snprintf(reader, sizeof(reader), " for %s",
                 xsi_escape(name, sizeof(name), info->reader, strlen(info->reader)));
    line_print(t, "undo", "%s", cli_name(name, sizeof(name), file));
    line_print(t, "image", "%s", cli_name(name, sizeof(name), image ? image : info->image));
    line_print(t, "write", "of %s%s; it %s", when, reader, state_words(info->state));
    line_print(t, "saved", "%" PRIu64 " bytes in %zu place%s; the image had %" PRIu64 " bytes",
               info->saved, info->extents, info->extents == 1 ? "" : "s", info->old_size);
}

/* Somebody may have named the image: its undo file is what is wanted then. */
static unsigned no_undo_file(const struct settings *s, const char *file,
                             const struct xsi_error *err)
{
    struct xsi_journal_info info;
    char word[2100];

    if (err->code == EINVAL && xsi_registry_find(file, NULL, &info) > 0)
        return fail(s->transcript, CLI_USAGE, file,
                    "this is no undo file but an image that has one: xsrecover undo %s",
                    cli_word(word, sizeof(word), info.file));
    return fail(s->transcript, err->code == EINVAL ? CLI_USAGE : CLI_OPERATIONAL, file, "%s",
                err->text);
}

/* Why it cannot be undone. An image that was moved is the likely reason when it is not there. */
static unsigned refused(const struct settings *s, const char *file, const char *image,
                        const struct xsi_journal_info *info, const struct xsi_error *err)
{
    char word[2100], more[2200] = "";

    if (!image && (err->code == ENOENT || err->code == ENOTDIR))
        snprintf(more, sizeof(more), "; if it was moved or renamed: xsrecover undo %s NEWPLACE",
                 cli_word(word, sizeof(word), file));
    return fail(s->transcript, CLI_OPERATIONAL, image ? image : info->image, "%s%s", err->text,
                more);
}

static unsigned agreed(const struct cli_term *t, const struct settings *s)
{
    if (s->yes || s->show_only)
        return 0;
    if (!somebody_there())
        return fail(s->transcript, CANCELLED, NULL,
                    "nothing was undone: standard input is no terminal, so nobody can be asked; "
                    "give -y");
    return ask(t, s->transcript, "Give the image its old bytes back?")
               ? 0
               : fail(s->transcript, CANCELLED, NULL, "nothing was undone");
}

static unsigned undo_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    const char *file = argv[0], *image = argc > 1 ? argv[1] : NULL;
    const struct xsi_write_options how = { .assume_unused = s->assume_unused };
    struct xsi_journal_info info;
    struct xsi_written written;
    struct xsi_error err = { 0, "" };
    unsigned status;

    if (xsi_journal_read(file, &info, &err) < 0)
        return no_undo_file(s, file, &err);
    show(t, file, image, &info);
    /* whether it can be done is known before anybody is asked */
    if (xsi_undo(file, image, &how, true, &written, &err) < 0)
        return refused(s, file, image, &info, &err);
    if (s->show_only) {
        line_print(t, "check", "it can be undone; nothing was written");
        return 0;
    }
    status = agreed(t, s);
    if (!status)
        status = output_check(t, s->transcript, image ? image : info.image);
    if (status)
        return status;
    if (xsi_undo(file, image, &how, false, &written, &err) < 0)
        return refused(s, file, image, &info, &err);
    line_print(t, "undone", "%" PRIu64 " bytes in %.2f s; the image is the old one again",
               written.bytes, written.seconds);
    return 0;
}

static const struct command row = {
    .name = "undo",
    .usage = "FILE [IMAGE]",
    .min = 1,
    .max = 2,
    .options = OPTION_BIT(YES) | OPTION_BIT(SHOW) | OPTION_BIT(ASSUME_UNUSED) | OPTION_BIT(LOG),
    .help = "Give an image back the bytes that a write in place replaced.",
    .about = "FILE is the undo file that the write has named; IMAGE is where the image is now, if "
             "it was moved.\n"
             "Refused when the image was changed since, or was undone before. A write that was "
             "interrupted is rolled back, as often as it takes.",
    .exec = undo_exec,
};
COMMAND(row);
