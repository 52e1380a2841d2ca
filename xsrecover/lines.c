/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands print: labelled lines, verdicts, and the one question. */
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "xsrecover.h"

void line_print(const struct cli_term *t, const char *name, const char *fmt, ...)
{
    char text[2400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fprintf(t->out, "%s%-8s%s ", cli_colour(t, CLI_BOLD), name, cli_colour(t, CLI_PLAIN));
    cli_wrap(t, LINE_INDENT, LINE_INDENT, text);
}

/* ---------------------------------------------------------------- verdicts ---- */

void verdict_print(const struct cli_term *t, const char *name, const struct xsi_verdict *v,
                   bool log)
{
    bool why = v && *v->reason && v->outcome != XSI_RESTORES;
    char text[1700];

    if (!v) {
        line_print(t, name, "no verdict: this is nothing that a reader could read");
        return;
    }
    fprintf(t->out, "%s%-8s%s ", cli_colour(t, CLI_BOLD), name, cli_colour(t, CLI_PLAIN));
    fprintf(t->out, "%s%s%s ", cli_colour(t, cli_outcome_colour(v->outcome)),
            cli_outcome(v->outcome), cli_colour(t, CLI_PLAIN));
    snprintf(text, sizeof(text), "on %s%s%s", v->reader.name, why ? ": " : "",
             why ? v->reason : "");
    cli_wrap(t, LINE_INDENT + strlen(cli_outcome(v->outcome)) + 1, LINE_INDENT, text);
    for (size_t i = 0; log && i < v->error_count; i++)
        line_print(t, "", "log: %s",
                   xsi_escape(text, sizeof(text), v->errors[i], strlen(v->errors[i])));
    if (*v->loses)
        line_print(t, "", "lost: %s", v->loses);
    for (size_t i = 0; i < v->condition_count; i++)
        line_print(t, "", "needs %s", v->conditions[i]);
}

/* ---------------------------------------------------------------- the question ---- */

unsigned output_check(const struct cli_term *t, FILE *transcript, const char *file)
{
    fflush(t->out);
    if (t->out == stderr || cli_output_stands())
        return 0;
    return fail(transcript, CLI_OPERATIONAL, file,
                "not written: nobody reads standard output, where the plan and the way back are "
                "told; send it to a file");
}

bool somebody_there(void)
{
    return isatty(STDIN_FILENO) != 0;
}

bool ask(const struct cli_term *t, FILE *transcript, const char *fmt, ...)
{
    char question[600], answer[80];
    size_t n;
    va_list args;

    va_start(args, fmt);
    vsnprintf(question, sizeof(question), fmt, args);
    va_end(args);
    fflush(t->out);
    fflush(stdout);
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    if (!fgets(answer, sizeof(answer), stdin)) {
        fputc('\n', stderr);
        answer[0] = '\0';
    }
    n = strcspn(answer, "\r\n");
    answer[n] = '\0';
    if (transcript) {
        char text[4 * sizeof(answer)];

        fprintf(transcript, "%s [y/N] %s\n", question, xsi_escape(text, sizeof(text), answer, n));
    }
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
