/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of the image, in the last lines of the findings panel: the listing's own words. */
#include <stdlib.h>
#include <string.h>

#include "finding_here.h"
#include "widget_text.h"

#define TEXT     1200
#define COMMAND  4600
#define NEXT     ". Next: "
#define ROWS_MAX 60 /* of a command with a long name */
#define READERS  "Which readers restore it: "

/* ---------------------------------------------------------------- what is not whole ---- */

static bool whole(const struct browse *b)
{
    const struct xsi_info *info = xsi_walk_info(b->doc->im.walk);

    return info->state == XSI_SOUND || !info->stack_length;
}

/* "STATE    truncated at 0x2694c9: …", of an image that is not whole. */
static void print_state(const struct browse *b, const struct cli_term *t)
{
    const struct doc *doc = b->doc;
    const struct cli_findings known = { .held = doc->finding, .count = doc->finding_count };
    char word[4400];

    if (!whole(b))
        cli_state_print(t, xsi_walk_info(doc->im.walk), &known,
                        image_words(&doc->im, word, sizeof(word)));
}

static void print_verdicts(const struct browse *b, const struct cli_term *t)
{
    print_state(b, t);
    verdicts_print(t, &b->doc->im);
}

/* What one of them prints; NULL: no memory. To be freed. */
static char *printed(const struct browse *b, unsigned width,
                     void (*print)(const struct browse *b, const struct cli_term *t))
{
    struct cli_term t = { .width = width };
    char *text = NULL;
    size_t n = 0;

    t.out = open_memstream(&text, &n);
    if (!t.out)
        return NULL;
    print(b, &t);
    if (fclose(t.out) == 0)
        return text;
    free(text);
    return NULL;
}

/* The sentence on its state on one line, and what it says comes next, which may be NULL. */
static char *state_line(const struct browse *b, char **next)
{
    char *text = printed(b, 0, print_state);

    *next = text ? strstr(text, NEXT) : NULL;
    if (text)
        text[strcspn(text, "\n")] = '\0';
    if (*next) {
        **next = '\0';
        *next += 2;
    }
    return text;
}

/* Where no reader can bring the guest, which of them tries is no question. */
static bool state_command(const struct browse *b, const struct image *im, char *out, size_t size)
{
    const struct xsi_info *info = xsi_walk_info(b->doc->im.walk);
    char word[4400], *next, *line;

    out[0] = '\0';
    if (whole(b))
        return false;
    if (!info->cpu_state && info->pages_tracked && info->pages_present) {
        snprintf(out, size, "Next: xsdump --core FILE %s (saves the memory that is there)",
                 image_words(im, word, sizeof(word)));
        return true;
    }
    line = state_line(b, &next);
    if (next)
        snprintf(out, size, "%s", next);
    free(line);
    return *out != '\0';
}

/* ---------------------------------------------------------------- all of it ---- */

/* The listing's last lines, as it says it; NULL: no memory. To be freed. */
static char *verdict_text(const struct browse *b, unsigned width)
{
    char *text = printed(b, width, print_verdicts), *readers, *better, next[COMMAND];

    readers = text ? strstr(text, READERS) : NULL;
    if (!readers || readers[strcspn(readers, "\n") + 1] ||
        !state_command(b, &b->doc->im, next, sizeof(next)))
        return text;
    if (asprintf(&better, "%.*s%s\n", (int)(readers - text), text, next) < 0)
        return text;
    free(text);
    return better;
}

/* A line of it, of which only commands can be too long. */
static int put_line(struct canvas *c, int y, int width, const char *text)
{
    char line[COMMAND];

    snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
    return *line ? text_wrap(c, y, width, ROWS_MAX, 11, ROLE_TEXT, line) : 1;
}

/* All of it, when there are so many lines free; they are the last ones of the canvas. */
static bool put_all(struct canvas *c, int rows, const char *text, enum role role)
{
    int count = 0, width = canvas_columns(c), y;

    for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
        count += put_line(NULL, 0, width, p);
    if (count > rows)
        return false;
    y = canvas_rows(c) - count;
    for (const char *p = text; *p; p += strcspn(p, "\n") + 1) {
        int used = put_line(c, y, width, p);

        if (!strncmp(p, "VERDICT", 7))
            canvas_mark(c, y, 0, 7, role);
        if (!strncmp(p, "STATE", 5))
            canvas_mark(c, y, 0, 5, ROLE_ERROR);
        y += used;
    }
    return true;
}

/* ---------------------------------------------------------------- the command ---- */

/* The same for another name of the image. */
static void command_for(const struct browse *b, const struct image *im, char *out, size_t size)
{
    const struct xsi_verdict *v = doc_verdict(b->doc);
    struct cli_term t = { .width = 0 };
    char word[4400], *text = NULL;
    size_t n = 0;

    out[0] = '\0';
    if (!v || v->outcome == XSI_RESTORES)
        return;
    t.out = open_memstream(&text, &n);
    if (!t.out)
        return;
    if (!verdict_fix(&t, im, v) && !state_command(b, im, out, size))
        fprintf(t.out, READERS "xsdump -t all %s\n", image_words(im, word, sizeof(word)));
    if (fclose(t.out) == 0 && !*out)
        snprintf(out, size, "%.*s", (int)strcspn(text + strspn(text, " "), "\n"),
                 text + strspn(text, " "));
    free(text);
}

void verdict_command(const struct browse *b, char *out, size_t size)
{
    command_for(b, &b->doc->im, out, size);
}

/* The command, cut it would be of no use: with the image's name if that fits, else without. Returns
 * its lines; 0 none. */
static int fit_command(const struct browse *b, int columns, int rows, char *out, size_t size)
{
    struct image unnamed = b->doc->im;
    int used;

    verdict_command(b, out, size);
    used = text_wrap(NULL, 0, columns, ROWS_MAX, 2, ROLE_STRONG, out);
    if (used <= rows)
        return used;
    unnamed.file = "IMAGE";
    command_for(b, &unnamed, out, size);
    used = text_wrap(NULL, 0, columns, ROWS_MAX, 2, ROLE_STRONG, out);
    return used <= rows ? used : 0;
}

int verdict_rows(const struct browse *b, int columns, int rows)
{
    char next[COMMAND];

    return fit_command(b, columns, rows, next, sizeof(next));
}

bool verdict_not_whole(const struct browse *b)
{
    return doc_verdict(b->doc) && !whole(b);
}

/* A sentence on at most so many lines from y on; its first word says what it is. */
static int put_sentence(struct canvas *c, int y, int rows, enum role role, const char *text)
{
    int used = text_wrap(c, y, canvas_columns(c), rows, 8, ROLE_TEXT, text);

    if (used)
        canvas_mark(c, y, 0, (int)strcspn(text, " "), role);
    return used;
}

/*
 * The command first, which is of use as a whole only; what is left is for the state and for the
 * verdict, of which the head tells the most.
 */
static void put_short(const struct browse *b, struct canvas *c, int rows,
                      const struct xsi_verdict *v, enum role role)
{
    char verdict[TEXT], command[COMMAND], *more, *state = state_line(b, &more);
    int width = canvas_columns(c), tail, first, second, y;

    snprintf(verdict, sizeof(verdict), "VERDICT ");
    verdict_sentence(&b->doc->im, v, verdict + strlen(verdict), sizeof(verdict) - strlen(verdict));
    tail = fit_command(b, width, rows > 1 && !whole(b) ? rows - 1 : rows, command, sizeof(command));
    first = state ? text_wrap(NULL, 0, width, rows - tail, 8, ROLE_TEXT, state) : 0;
    second = text_wrap(NULL, 0, width, rows - tail - first, 8, ROLE_TEXT, verdict);
    y = canvas_rows(c) - tail - first - second;
    if (state)
        y += put_sentence(c, y, first, ROLE_ERROR, state);
    y += put_sentence(c, y, second, role, verdict);
    text_wrap(c, y, width, tail, 2, ROLE_STRONG, command);
    free(state);
}

void verdict_put(const struct browse *b, struct canvas *c, int rows)
{
    static const enum role roles[] = { [XSI_RESTORES] = ROLE_GOOD,
                                       [XSI_LOSES] = ROLE_WARNING,
                                       [XSI_FAILS] = ROLE_ERROR,
                                       [XSI_UNDEFINED] = ROLE_ERROR };
    const struct xsi_verdict *v = doc_verdict(b->doc);
    char *all;

    if (rows > 0 && b->doc->error.code)
        text_wrap(c, canvas_rows(c) - 1, canvas_columns(c), 1, 0, ROLE_ERROR, b->doc->error.text);
    if (!v || rows < 1)
        return;
    all = verdict_text(b, (unsigned)canvas_columns(c));
    if (all && !put_all(c, rows, all, roles[v->outcome]))
        put_short(b, c, rows, v, roles[v->outcome]);
    free(all);
}
