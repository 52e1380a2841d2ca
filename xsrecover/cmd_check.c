/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover check: what is wrong with images, and what a reader would do with them. */
#include <inttypes.h>
#include <string.h>

#include <xsi_edit.h>

#include "xsrecover.h"

static void put_verdict(const struct cli_term *t, const char *file, struct xsi_source *src,
                        const struct look *l, const struct xsi_verdict *v)
{
    const char *first;
    size_t filters = 0;
    char word[4200];

    (void)xsi_source_filters(src, &filters);
    first = filters ? "decompressed" : strcmp(file, "-") == 0 ? "saved to a file" : "";
    verdict_print(t, "VERDICT", v, v->outcome != XSI_RESTORES);
    if (v->outcome != XSI_RESTORES && !cli_fixable(t, LINE_INDENT, v, l->info, file, first))
        fprintf(t->out, "%*sWhat can be done: xsrecover fix %s -t %s\n", LINE_INDENT, "",
                *first ? "FILE" : cli_word(word, sizeof(word), file), v->reader.name);
}

static unsigned check_look(const struct cli_term *t, const char *file, struct xsi_source *src,
                           const struct look *l)
{
    struct cli_findings findings = { .judged = l->verdict != NULL };
    const struct xsi_verdict *v;
    char word[4200];
    size_t count;
    const struct xsi_finding *f = xsi_map_findings(l->map, &count);

    image_print(t, file, src, l);
    for (size_t i = 0; i < count; i++)
        cli_findings_add(&findings, &f[i]);
    cli_findings_print(t, &findings);
    cli_state_print(t, l->info, &findings,
                    strcmp(file, "-") ? cli_word(word, sizeof(word), file) : "FILE");
    for (size_t i = 0; (v = xsi_map_verdict(l->map, i)); i++)
        put_verdict(t, file, src, l, v);
    cli_findings_free(&findings);
    return l->exit;
}

static unsigned check_image(const struct cli_term *t, const struct settings *s, const char *file)
{
    struct xsi_journal_info interrupted;
    struct xsi_error err = { 0, "" };
    struct xsi_source *src;
    struct look l;
    unsigned status;

    (void)cli_interrupted(file, &interrupted); /* it has said so */
    src = xsi_source_open(file, NULL, &err);
    if (!src || !look_at(&l, src, s->as, s->scan, s->targets, s->target_count, &err)) {
        status = fail(s->transcript, CLI_OPERATIONAL, file, "%s", err.text);
    } else {
        status = check_look(t, file, src, &l);
        look_away(&l);
    }
    if (src)
        xsi_source_free(src);
    return status;
}

static unsigned check_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    unsigned status = 0;

    for (int i = 0; i < argc && !cli_output_failed(); i++) {
        if (i)
            fputc('\n', t->out);
        status |= check_image(t, s, argv[i]);
    }
    return status;
}

static const struct command row = {
    .name = "check",
    .usage = "IMAGE...",
    .min = 1,
    .max = -1,
    .options = OPTION_BIT(TARGET) | OPTION_BIT(AS) | OPTION_BIT(SCAN) | OPTION_BIT(LOG),
    .help = "Say what is wrong with each image, and what the reader would do with it.",
    .about = "IMAGE may be compressed, or - for a pipe; it is never written to. -t is repeatable.",
    .exec = check_exec,
};
COMMAND(row);
