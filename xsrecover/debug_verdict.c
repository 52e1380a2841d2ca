/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reader's verdict, and the findings that it adds. */
#include <string.h>

#include "debug.h"
#include "xsrecover.h"

/* One paragraph; error lines and what the host must have are for check. */
void debug_verdict_print(struct debug *d, const struct xsi_verdict *v)
{
    const char *outcome = cli_outcome(v->outcome);
    char text[1700];

    fprintf(d->term.out, "%s%-8s%s %s%s%s ", cli_colour(&d->term, CLI_BOLD), "verdict",
            cli_colour(&d->term, CLI_PLAIN), cli_colour(&d->term, cli_outcome_colour(v->outcome)),
            outcome, cli_colour(&d->term, CLI_PLAIN));
    snprintf(text, sizeof(text), "on %s%s%s", v->reader.name, *v->reason ? ": " : "", v->reason);
    cli_wrap(&d->term, LINE_INDENT + strlen(outcome) + 1, LINE_INDENT, text);
    if (*v->loses)
        line_print(&d->term, "", "lost: %s", v->loses);
}

/* The walk has told of it already. */
static bool is_known(const struct xsi_finding *f, size_t count, const struct xsi_verdict_finding *v)
{
    for (size_t i = 0; i < count; i++)
        if (f[i].row == v->row && f[i].offset == v->offset)
            return true;
    return false;
}

bool debug_finding(const struct xsi_map *map, size_t index, struct xsi_finding *out)
{
    const struct xsi_verdict *v = xsi_map_verdict(map, 0);
    const struct xsi_verdict_finding *more;
    size_t count;
    const struct xsi_finding *f = xsi_map_findings(map, &count);

    if (index < count) {
        *out = f[index];
        return true;
    }
    index -= count;
    for (size_t i = 0; v && i < v->finding_count; i++) {
        more = &v->findings[i];
        if (is_known(f, count, more) || index--)
            continue;
        *out = (struct xsi_finding){ more->row,    more->row->severity, more->row->exit,
                                     more->offset, more->length,        "" };
        snprintf(out->text, sizeof(out->text), "%s", more->text);
        return true;
    }
    return false;
}

bool debug_finding_by(const struct xsi_map *map, const char *code, uint64_t from,
                      struct xsi_finding *out)
{
    const struct xsi_finding_row *row = xsi_finding_lookup(code);

    for (size_t i = 0; row && debug_finding(map, i, out); i++)
        if (out->row == row && out->offset >= from)
            return true;
    return false;
}
