/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of the image, in the last lines of the findings panel: the listing's own words. */
#include <stdlib.h>
#include <string.h>

#include "finding_here.h"
#include "widget_text.h"

#define TEXT 1200

/* What the listing's last lines say, as it says it; NULL: no memory. To be freed. */
static char *verdict_text(const struct browse *b, unsigned width)
{
    struct cli_term t = { .width = width };
    char *text = NULL;
    size_t n = 0;

    t.out = open_memstream(&text, &n);
    if (!t.out)
        return NULL;
    verdicts_print(&t, &b->doc->im);
    if (fclose(t.out) == 0)
        return text;
    free(text);
    return NULL;
}

/* All of it, when there are so many lines free; they are the last ones of the canvas. */
static bool put_all(struct canvas *c, int rows, const char *text, enum role role)
{
    int count = 0, y;

    for (const char *p = text; *p; p++)
        count += *p == '\n';
    if (count > rows)
        return false;
    y = canvas_rows(c) - count;
    for (int first = y; *text; y++) {
        size_t n = strcspn(text, "\n");

        canvas_put(c, y, 0, ROLE_TEXT, "%.*s", (int)n, text);
        if (y == first)
            canvas_mark(c, y, 0, 7, role);
        text += n + (text[n] != '\0');
    }
    return true;
}

void verdict_command(const struct browse *b, char *out, size_t size)
{
    const struct xsi_verdict *v = doc_verdict(b->doc);
    const struct image *im = &b->doc->im;
    struct cli_term t = { .width = 0 };
    char word[4400], *text = NULL;
    size_t n = 0;

    out[0] = '\0';
    if (!v || v->outcome == XSI_RESTORES)
        return;
    t.out = open_memstream(&text, &n);
    if (!t.out)
        return;
    if (!verdict_fix(&t, im, v))
        fprintf(t.out, "Which readers restore it: xsdump -t all %s\n",
                image_words(im, word, sizeof(word)));
    if (fclose(t.out) == 0)
        snprintf(out, size, "%.*s", (int)strcspn(text + strspn(text, " "), "\n"),
                 text + strspn(text, " "));
    free(text);
}

/* The sentence, and the command that follows from it. */
static void put_short(const struct browse *b, struct canvas *c, int rows,
                      const struct xsi_verdict *v, const char *next, enum role role)
{
    char text[TEXT];
    int width = canvas_columns(c), y, used, tail = *next ? 1 : 0;

    snprintf(text, sizeof(text), "VERDICT ");
    verdict_sentence(&b->doc->im, v, text + strlen(text), sizeof(text) - strlen(text));
    /* where there is one line, it is what to do: the head has the rest */
    used = text_wrap(NULL, 0, width, rows - tail, 8, ROLE_TEXT, text);
    y = canvas_rows(c) - used - tail;
    text_wrap(c, y, width, used, 8, ROLE_TEXT, text);
    if (used)
        canvas_mark(c, y, 0, 7, role);
    if (tail)
        text_wrap(c, y + used, width, 1, 0, ROLE_STRONG, next);
}

void verdict_put(const struct browse *b, struct canvas *c, int rows)
{
    static const enum role roles[] = { [XSI_RESTORES] = ROLE_GOOD,
                                       [XSI_LOSES] = ROLE_WARNING,
                                       [XSI_FAILS] = ROLE_ERROR,
                                       [XSI_UNDEFINED] = ROLE_ERROR };
    const struct xsi_verdict *v = doc_verdict(b->doc);
    char next[TEXT] = "", *all;

    if (rows > 0 && b->doc->error.code)
        text_wrap(c, canvas_rows(c) - 1, canvas_columns(c), 1, 0, ROLE_ERROR, b->doc->error.text);
    if (!v || rows < 1)
        return;
    all = verdict_text(b, (unsigned)canvas_columns(c));
    if (all && !put_all(c, rows, all, roles[v->outcome])) {
        verdict_command(b, next, sizeof(next));
        put_short(b, c, rows, v, next, roles[v->outcome]);
    }
    free(all);
}
