/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose restore is watched: a list of the readers that take such a stream. */
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "reader.h"

static bool add(struct reader_view *v, const struct xsi_reader *reader)
{
    struct xsi_reader *larger = reallocarray(v->reader, v->readers + 1, sizeof(*larger));

    if (!larger)
        return false;
    v->reader = larger;
    v->reader[v->readers++] = *reader;
    return true;
}

/* Those that `xsdump -t all` takes; where nothing is recognised, all there are. */
static void find_readers(struct browse *b, struct reader_view *v)
{
    static const char *const all[] = { "all" };
    const struct xsi_walk_options how = { .as = b->set->as };
    struct xsi_error error;
    struct xsi_walk *walk = xsi_walk_new(b->doc->im.src, &how, &error);
    struct xsi_judge *judge = walk ? xsi_judge_new(walk, all, 1, NULL, &error) : NULL;
    const struct xsi_verdict *verdict;
    struct xsi_reader reader;

    v->readers = 0;
    for (size_t i = 0; judge && (verdict = xsi_judge_verdict(judge, i, NULL)); i++)
        if (!add(v, &verdict->reader))
            break;
    for (size_t i = 0; !judge && xsi_reader_get(i, &reader); i++)
        if (!add(v, &reader))
            break;
    xsi_judge_free(judge);
    xsi_walk_free(walk);
}

/* What the listing's judge said of a reader, "" when it was not asked. */
static const char *outcome(const struct browse *b, const struct xsi_reader *reader)
{
    const struct xsi_verdict *v;

    for (size_t i = 0; (v = judged_verdict(&b->doc->im, i)); i++)
        if (!strcmp(v->reader.name, reader->name))
            return cli_outcome(v->outcome);
    return "";
}

static const char *line(struct browse *b, size_t index, char *out, size_t size)
{
    const struct reader_view *v = b->slot[PANEL_READER];
    const struct xsi_reader *r;

    if (!v || index >= v->readers)
        return NULL;
    r = &v->reader[index];
    snprintf(out, size, "%-20s %s%sXen %s: %s", r->name, outcome(b, r), *outcome(b, r) ? "; " : "",
             r->covers, r->about);
    return out;
}

static void chosen(struct browse *b, size_t index)
{
    struct reader_view *v = b->slot[PANEL_READER];

    if (!v || index >= v->readers)
        return;
    v->chosen = true;
    b->reader = v->reader[index];
    b->has_reader = true;
    if (!reader_begin(b))
        return;
    if (b->view != VIEW_READER)
        browse_view(b, VIEW_READER);
    browse_focus(b, PANEL_READER);
}

void key_choose_reader(struct browse *b)
{
    struct reader_view *v = reader_slot(b);
    size_t current;

    if (v)
        find_readers(b, v);
    if (!v || !v->readers) {
        browse_say(b, ROLE_ERROR, "out of memory; free some and try again");
        return;
    }
    reader_default(b);
    current = v->readers - 1; /* the newest */
    for (size_t i = 0; i < v->readers; i++)
        if (b->has_reader && !strcmp(v->reader[i].name, b->reader.name))
            current = i;
    popup_choose(b, "Readers that take such a stream", current, line, chosen);
}
