/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings and the verdict on an image as lines of text. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const char *cli_severity(enum xsi_severity severity)
{
    static const char *const names[] = {
        [XSI_INFO] = "info",
        [XSI_WARNING] = "warning",
        [XSI_ERROR] = "error",
    };

    return names[severity];
}

enum cli_colour cli_severity_colour(enum xsi_severity severity)
{
    static const enum cli_colour colours[] = {
        [XSI_INFO] = CLI_CYAN,
        [XSI_WARNING] = CLI_YELLOW,
        [XSI_ERROR] = CLI_RED,
    };

    return colours[severity];
}

/* Make room by giving up the newest that is less severe; false when there is none. */
static bool make_room(struct cli_findings *s, enum xsi_severity severity)
{
    size_t i = s->count;

    while (i > 0 && s->held[i - 1].severity >= severity)
        i--;
    if (i == 0)
        return false;
    memmove(&s->held[i - 1], &s->held[i], (s->count - i) * sizeof(s->held[0]));
    s->count--;
    return true;
}

void cli_findings_add(struct cli_findings *s, const struct xsi_finding *f)
{
    s->by_severity[f->severity]++;
    if (strcmp(f->row->slug, "trailing-zero") == 0) {
        s->zero_from = f->offset;
        s->zero_to = f->offset + f->length;
    }
    if (s->count == CLI_FINDINGS_HELD) {
        s->dropped++;
        if (!make_room(s, f->severity))
            return;
    }
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        struct xsi_finding *held = realloc(s->held, capacity * sizeof(*held));

        if (!held) {
            s->dropped++;
            return;
        }
        s->held = held;
        s->capacity = capacity;
    }
    s->held[s->count++] = *f;
}

void cli_findings_free(struct cli_findings *s)
{
    free(s->held);
    memset(s, 0, sizeof(*s));
}

void cli_finding_print(const struct cli_term *t, const struct xsi_finding *f)
{
    const char *severity = cli_severity(f->severity);
    char text[sizeof(f->text) + 160];

    snprintf(text, sizeof(text), "%s %s at 0x%" PRIx64 ": %s", f->row->code, f->row->slug,
             f->offset, f->text);
    fprintf(t->out, "%s%s%s ", cli_colour(t, cli_severity_colour(f->severity)), severity,
            cli_colour(t, CLI_PLAIN));
    cli_wrap(t, strlen(severity) + 1, 2, text);
}

void cli_findings_print(const struct cli_term *t, const struct cli_findings *s)
{
    for (size_t i = 0; i < s->count; i++)
        cli_finding_print(t, &s->held[i]);
    if (s->dropped)
        fprintf(t->out, "... and %" PRIu64 " more findings, none severer; all: xsdump --jsonl\n",
                s->dropped);
}

unsigned cli_exit(const struct xsi_info *info)
{
    return info->exit | (info->stack_length == 0 ? CLI_USAGE : 0U);
}

const char *cli_state(const struct xsi_info *info)
{
    static const char *const names[] = {
        [XSI_SOUND] = "whole",
        [XSI_DAMAGED] = "damaged",
        [XSI_TRUNCATED] = "truncated",
        [XSI_UNKNOWN] = "unrecognised",
    };

    return info->stack_length == 0 ? names[XSI_UNKNOWN] : names[info->state];
}

/* How much of the guest is there, for an image that is not whole. */
static void what_is_left(const struct xsi_info *info, char *out, size_t size)
{
    int n = 0;

    if (info->pages_tracked && info->has_p2m_size && info->pages_present <= info->p2m_size)
        n = snprintf(out, size, "%" PRIu64 " of %" PRIu64 " frames have a page, ",
                     info->pages_present, info->p2m_size);
    else if (info->pages_tracked)
        n = snprintf(out, size, "%" PRIu64 " frames have a page, ", info->pages_present);
    snprintf(out + n, size - (size_t)n, "%s",
             info->cpu_state ? "CPU state is there"
                             : "no CPU state: the guest cannot be resumed from it");
}

/* The finding that explains the state: the first that has it as its effect, else the severest. */
static const struct xsi_finding *worst(const struct cli_findings *s, enum xsi_effect state)
{
    const struct xsi_finding *f = NULL;

    for (size_t i = 0; state != XSI_SOUND && i < s->count; i++)
        if (s->held[i].row->effect == state)
            return &s->held[i];
    for (size_t i = 0; i < s->count; i++)
        if (!f || s->held[i].severity > f->severity)
            f = &s->held[i];
    return f;
}

static void state_whole(const struct cli_findings *s, const char *image, char *out, size_t size)
{
    const struct xsi_finding *f = worst(s, XSI_SOUND);
    uint64_t warnings = s->by_severity[XSI_WARNING] + s->by_severity[XSI_ERROR];

    if (f && warnings && s->judged)
        snprintf(out, size, "whole: nothing is missing or damaged. Next: xsdump --explain %s",
                 f->row->code);
    else if (f && warnings)
        snprintf(out, size,
                 "whole: nothing is missing, but there %s %" PRIu64
                 " warning%s. Next: xsdump --explain %s",
                 warnings == 1 ? "is" : "are", warnings, warnings == 1 ? "" : "s", f->row->code);
    else
        snprintf(out, size, "whole: nothing is missing or damaged. Its fields: xsdump -v %s",
                 image);
}

void cli_state_print(const struct cli_term *t, const struct xsi_info *info,
                     const struct cli_findings *s, const char *image)
{
    enum xsi_effect state = info->stack_length ? info->state : XSI_UNKNOWN;
    const struct xsi_finding *f = worst(s, state);
    const char *code = f ? f->row->code : "XS-C01";
    enum cli_colour colour = state == XSI_SOUND ? CLI_BOLD : CLI_RED;
    char left[160], text[4800];

    what_is_left(info, left, sizeof(left));
    if (state == XSI_SOUND)
        state_whole(s, image, text, sizeof(text));
    else if (state == XSI_TRUNCATED)
        snprintf(text, sizeof(text), "truncated at 0x%" PRIx64 ": %s. Next: xsdump --explain %s",
                 info->stream_end, left, code);
    else if (state == XSI_DAMAGED)
        snprintf(text, sizeof(text), "damaged: %s. Next: xsdump --explain %s; xsdump --scan -a %s",
                 left, code, image);
    else
        snprintf(text, sizeof(text),
                 "not recognised: no format claims these bytes. Next: xsdump --as list %s", image);
    fprintf(t->out, "%sSTATE%s    ", cli_colour(t, colour), cli_colour(t, CLI_PLAIN));
    cli_wrap(t, 9, 9, text);
}
