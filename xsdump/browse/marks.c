/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marks: places with a letter. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "actions.h"
#include "goto.h"
#include "tree.h"

static int mark_of(int key)
{
    return key < 128 && isalpha(key) ? tolower(key) - 'a' : -1;
}

static void set_mark(struct browse *b, int key)
{
    struct tree *t = tree_of(b);
    int i = mark_of(key);

    if (i < 0 || !t) {
        browse_say(b, ROLE_WARNING, "a mark is a letter from a to z");
        return;
    }
    t->mark[i].doc = b->doc;
    t->mark[i].offset = b->at;
    browse_say(b, ROLE_INFO, "mark %c is 0x%" PRIx64 "; '%c goes there", 'a' + i, b->at, 'a' + i);
}

void key_mark(struct browse *b)
{
    browse_await(b, "mark this place with a letter (a-z):", set_mark);
}

void goto_mark(struct browse *b, int letter)
{
    const struct tree *t = tree_of(b);
    int i = mark_of(letter);

    if (letter == '\'') {
        browse_goto(b, b->before, true);
        return;
    }
    if (!t || i < 0 || !t->mark[i].doc) {
        browse_say(b, ROLE_WARNING, "%s; m sets marks, M lists them",
                   i < 0 ? "a mark is a letter from a to z" : "there is no such mark");
        return;
    }
    if (t->mark[i].doc != b->doc)
        key_swap(b);
    browse_goto(b, t->mark[i].offset, true);
}

void key_back(struct browse *b)
{
    browse_await(b, "go to mark (a-z, ' where the last jump began):", goto_mark);
}

/* ---------------------------------------------------------------- the list ---- */

/* The mark that is line number `index` of the list; -1 behind the last. */
static int nth(const struct tree *t, size_t index)
{
    for (int i = 0; i < TREE_MARKS; i++)
        if (t->mark[i].doc && !index--)
            return i;
    return -1;
}

static const char *line(struct browse *b, size_t index, char *out, size_t size)
{
    const struct tree *t = tree_of(b);
    int i = t ? nth(t, index) : -1;
    const struct xsi_map_row *row;

    if (i < 0)
        return NULL;
    row = doc_row(t->mark[i].doc, t->mark[i].offset);
    snprintf(out, size, "%c  0x%08" PRIx64 "  %.40s%s", 'a' + i, t->mark[i].offset,
             row ? row->type : "", t->mark[i].doc == b->doc ? "" : "  (the other image)");
    return out;
}

static void chosen(struct browse *b, size_t index)
{
    const struct tree *t = tree_of(b);
    int i = t ? nth(t, index) : -1;

    if (i >= 0)
        goto_mark(b, 'a' + i);
}

void key_marks(struct browse *b)
{
    const struct tree *t = tree_of(b);

    if (t && nth(t, 0) >= 0)
        popup_choose(b, "marks", 0, line, chosen);
    else
        browse_say(b, ROLE_INFO, "there are no marks yet; m and a letter sets one");
}
