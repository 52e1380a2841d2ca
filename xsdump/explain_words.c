/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages in words: which releases print them, what their numbers mean, what causes them. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "explain.h"

/* The errno that stands behind the text. */
static void add_errno(const char *line, size_t n, struct explained *x)
{
    size_t at = x->hit.at + x->hit.length;
    const char *close = memchr(line + at, ')', n - at);
    char words[120];

    if (!x->hit.has_errno || !close)
        return;
    while (line[at] == ' ')
        at++;
    xsi_escape(words, sizeof(words), line + at, (size_t)(close - line) + 1 - at);
    text_add(x->text, sizeof(x->text), " %s", words);
}

bool explain_find(const struct xsi_messages *messages, const char *line, size_t n, size_t index,
                  struct explained *out)
{
    struct xsi_message_hit hits[EXPLAIN_HITS];
    size_t count = messages ? xsi_messages_find(messages, line, n, EXPLAIN_HITS, hits)
                            : xsi_messages_parts(line, n, EXPLAIN_HITS, hits);
    size_t from = 0;

    for (size_t to; from < count; from = to) {
        for (to = from; to < count && hits[to].about == hits[from].about; to++)
            ;
        if (index--)
            continue;
        out->hit = hits[from];
        out->count = to - from;
        for (size_t i = from; i < to; i++)
            out->wordings[i - from] =
                (struct explained_wording){ hits[i].message, hits[i].from, hits[i].to };
        xsi_escape(out->text, sizeof(out->text), line + hits[from].at, hits[from].length);
        add_errno(line, n, out);
        return true;
    }
    return false;
}

/* Rows of closing lines say so in their causes (plugins/message_words.h). */
enum explain_role explain_role(const struct explained *x)
{
    const struct xsi_message *about = x->hit.about;

    if (about->kind == XSI_MSG_INFO)
        return EXPLAIN_INFO;
    if (strncmp(about->causes, "a consequence", 13) == 0)
        return EXPLAIN_CONSEQUENCE;
    return strncmp(about->causes, "part of ", 8) == 0 ? EXPLAIN_PART : EXPLAIN_CAUSE;
}

/* ---- releases ---- */

struct range {
    unsigned from, to; /* to 0: no end */
};

static int by_start(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

/* Does b begin where a ends? 3.4 is followed by 4.0. */
static bool adjoins(const struct range *a, const struct range *b)
{
    return !a->to || b->from <= a->to + 1 || (a->to == 30499 && b->from == 40000);
}

/* Last point releases of the series (tags of xen.git when 4.22.0 was new); a younger one may come
 * for those at the end. */
static unsigned last_point(unsigned series)
{
    static const unsigned char last[] = { 4, 6, 5, 4, 4, 5, 6, 6, 5, 4, 4,
                                          4, 4, 5, 6, 7, 7, 7, 6, 6, 4 };

    if (series == 300)
        return 4;
    return series >= 400 && series - 400 < sizeof(last) ? last[series - 400] : 99;
}

static void put_release(char *out, size_t size, unsigned release, bool series)
{
    text_add(out, size, "%u.%u", release / 10000, release / 100 % 100);
    if (!series)
        text_add(out, size, ".%u", release % 100);
}

static void put_range(char *out, size_t size, const struct range *r)
{
    bool whole = r->from % 100 == 0, ends = r->to % 100 == 99;
    unsigned last = last_point(r->to / 100), to = r->to;

    if (!r->to) {
        put_release(out, size, r->from, whole);
        text_add(out, size, " and later");
        return;
    }
    if (r->from / 100 == to / 100 && whole && ends) {
        put_release(out, size, r->from, true);
        return;
    }
    if (r->from / 100 == to / 100 && ends && last != 99) {
        to = to - 99 + last; /* the end of a series that has ended: by number */
        ends = false;
    }
    put_release(out, size, r->from, whole && r->from / 100 != to / 100);
    if (r->from != to) {
        text_add(out, size, " to ");
        put_release(out, size, to, ends);
    }
}

static void put_ranges(char *out, size_t size, struct range *ranges, size_t count)
{
    size_t n = 0;

    qsort(ranges, count, sizeof(*ranges), by_start);
    for (size_t i = 0; i < count; i++) {
        if (n && adjoins(&ranges[n - 1], &ranges[i])) {
            if (ranges[n - 1].to && (!ranges[i].to || ranges[i].to > ranges[n - 1].to))
                ranges[n - 1].to = ranges[i].to;
        } else {
            ranges[n++] = ranges[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        text_add(out, size, "%s", i ? ", " : "");
        put_range(out, size, &ranges[i]);
    }
}

/* The same text, but for a newline at its end. */
static bool same_text(const struct xsi_message *a, const struct xsi_message *b)
{
    size_t n = strlen(a->text), m = strlen(b->text);

    n -= n && a->text[n - 1] == '\n';
    m -= m && b->text[m - 1] == '\n';
    return n == m && !memcmp(a->text, b->text, n);
}

/* Releases that print the text of row m, whatever the form of the line. */
static size_t ranges_of(const struct xsi_message *about, const struct xsi_message *m,
                        struct range *out)
{
    size_t n = 0;

    /* the rows of an id stand together in its table, which ends with an empty row */
    for (; about->text && about->id == m->id && n < EXPLAIN_HITS; about++)
        if (same_text(about, m) && (about->from || about->to))
            out[n++] = (struct range){ about->from, about->to };
    return n;
}

void explain_form(const struct explained *x, char *out, size_t size)
{
    struct range ranges[EXPLAIN_HITS];
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < x->count; i++)
        if ((x->wordings[i].from || x->wordings[i].to) &&
            same_text(x->wordings[i].message, x->hit.message))
            ranges[n++] = (struct range){ x->wordings[i].from, x->wordings[i].to };
    put_ranges(out, size, ranges, n);
}

void explain_releases(const struct explained *x, char *out, size_t size)
{
    struct range ranges[EXPLAIN_HITS];
    char form[200];
    size_t n;

    out[0] = '\0';
    explain_form(x, form, sizeof(form));
    n = ranges_of(x->hit.about, x->hit.message, ranges);
    put_ranges(out, size, ranges, n);
    if (strcmp(form, out) != 0 && *out)
        text_add(out, size, " (a line of this form: %s)", form);
}

/* ---- other wordings ---- */

static size_t conversions(const char *format)
{
    size_t n = 0;

    for (; (format = strchr(format, '%')); format += format[1] == '%' ? 2 : 1)
        n += format[1] != '%';
    return n;
}

static bool fits_already(const struct explained *x, const struct xsi_message *m)
{
    for (size_t i = 0; i < x->count; i++)
        if (same_text(x->wordings[i].message, m))
            return true;
    return false;
}

/* A format as it is shown: without the newline at its end. */
static void put_format(char *out, size_t size, const char *format)
{
    char line[300];

    snprintf(line, sizeof(line), "%s", format);
    for (size_t n = strlen(line); n && line[n - 1] == '\n'; n--)
        line[n - 1] = '\0';
    for (char *p = line; *p; p++)
        if (*p == '\n')
            *p = ' ';
    text_add(out, size, "%s", line);
}

/* Is `shorter` the longer text without its numbers? */
static bool only_numbers_less(const char *shorter, const char *longer)
{
    size_t n = strcspn(longer, "%(=");

    return !conversions(shorter) && conversions(longer) && n >= 8 &&
           strncmp(shorter, longer, n > 9 ? n - 2 : n) == 0;
}

void explain_others(const struct explained *x, char *out, size_t size)
{
    const struct xsi_message *about = x->hit.about;
    struct range ranges[EXPLAIN_HITS];
    size_t n;

    out[0] = '\0';
    for (const struct xsi_message *m = about; m->text && m->id == about->id; m++) {
        bool shown = fits_already(x, m);

        for (const struct xsi_message *o = about; o < m; o++)
            shown = shown || same_text(o, m);
        if (shown)
            continue;
        text_add(out, size, "%s", *out ? "; " : "");
        n = ranges_of(about, m, ranges);
        put_ranges(out, size, ranges, n);
        if (only_numbers_less(m->text, x->hit.message->text)) {
            text_add(out, size, " print no number");
        } else {
            text_add(out, size, " say: ");
            put_format(out, size, m->text);
        }
    }
}

const char *explain_who(const struct xsi_message *m)
{
    static const struct {
        const char *who, *name;
    } rows[] = {
        { "converter", "convert-legacy-stream of Xen" },
        { "xen", "the hypervisor (xl dmesg)," },
        { "kernel", "the kernel of dom0" },
        { "xapi", "xapi and xenopsd" },
        { "qemu", "QEMU (/var/log/xen/qemu-dm-NAME.log)" },
        { "libvirt", "libvirt's libxl driver" },
        { "verify-stream-v2", "verify-stream-v2 of Xen" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(rows[i].who, m->who))
            return rows[i].name;
    return m->who;
}

/* ---- causes ---- */

/* "22: an MSR … . 61: the context …": the part for an errno; NULL when there is none. */
static const char *part_for(const char *causes, int error, size_t *length)
{
    char mark[16];
    size_t n = (size_t)snprintf(mark, sizeof(mark), "%d: ", error);

    for (const char *p = causes; (p = strstr(p, mark)); p += n) {
        if (p != causes && strncmp(p - 2, ". ", 2) != 0)
            continue;
        p += n;
        for (*length = 0; p[*length]; ++*length)
            if (!strncmp(p + *length, ". ", 2) && isdigit((unsigned char)p[*length + 2]))
                break;
        return p;
    }
    return NULL;
}

void explain_causes(const struct explained *x, char *out, size_t size)
{
    const struct xsi_message_hit *hit = &x->hit;
    const char *part = NULL;
    struct xsi_count known;
    uint32_t count;
    size_t n;

    if (explain_counted(x, &count) && xsi_count_lookup(count, &known) && *known.causes) {
        snprintf(out, size, "%s", known.causes);
        return;
    }
    if (hit->has_errno)
        part = part_for(hit->about->causes, hit->error, &n);
    if (part)
        snprintf(out, size, "%.*s", (int)n, part);
    else
        snprintf(out, size, "%s", hit->about->causes);
}

const struct xsi_finding_row *explain_code(const struct xsi_message *about, size_t index)
{
    const char *p = about->codes;
    char code[8];

    while (p && *(p += strspn(p, " "))) {
        size_t n = strcspn(p, " ");

        if (!index--) {
            snprintf(code, sizeof(code), "%.*s", (int)n, p);
            return xsi_finding_lookup(code);
        }
        p += n;
    }
    return NULL;
}
