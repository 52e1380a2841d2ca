/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of keys, and the keys that belong to no panel. */
#include <stdio.h>
#include <stdlib.h>

#include "actions.h"

#define K(...)      \
    {               \
        __VA_ARGS__ \
    }

static const struct key_row rows[] = {
#define KEY(keys, shown, group, views, label, exec, help) \
    { keys, shown, group, views, label, help, ACT_UP, exec },
#define MOVE(keys, shown, act, help) { keys, shown, "Move", ANYWHERE, NULL, help, act, NULL },
#include "keys.def"
#undef KEY
#undef MOVE
};

const struct key_row *key_at(size_t index)
{
    return index < sizeof(rows) / sizeof(rows[0]) ? &rows[index] : NULL;
}

static bool has(const struct key_row *row, int key)
{
    for (size_t i = 0; i < sizeof(row->keys) / sizeof(row->keys[0]) && row->keys[i]; i++)
        if (row->keys[i] == key)
            return true;
    return false;
}

const struct key_row *key_find(int key, enum view_id view)
{
    const struct key_row *found = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (has(&rows[i], key) && (rows[i].views & IN(view)) &&
            (!found || rows[i].views != ANYWHERE))
            found = &rows[i];
    return found;
}

const char *key_elsewhere(int key)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (has(&rows[i], key))
            return rows[i].views & IN(VIEW_READER)  ? "r"
                   : rows[i].views & IN(VIEW_PAGES) ? "p"
                                                    : "d";
    return NULL;
}

/* ---------------------------------------------------------------- help ---- */

void key_help(struct browse *b)
{
    const char *group = "";
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].group != group && i)
            fputc('\n', out);
        if (rows[i].group != group)
            fprintf(out, "%s\n", rows[i].group);
        group = rows[i].group;
        fprintf(out, "  %-9s %s\n", rows[i].shown, rows[i].help);
    }
    fputs(
        "\nNothing here writes to the image. What is selected is marked in all panels: a chunk in "
        "the tree, its fields, their bytes.\n",
        out);
    if (fclose(out) == 0)
        popup_text(b, "Keys", text);
    free(text);
}

/* ---------------------------------------------------------------- panels and views ---- */

void key_next_panel(struct browse *b)
{
    layout_next(b, 1);
}

void key_last_panel(struct browse *b)
{
    layout_next(b, -1);
}

void key_chunks(struct browse *b)
{
    browse_view(b, VIEW_CHUNKS);
}

void key_redraw(struct browse *b)
{
    screen_clear();
    b->dirty = true;
}

void key_quit(struct browse *b)
{
    b->quit = true;
}

/* What runs, or the view, ends. False: there was nothing to end. */
static bool stop(struct browse *b)
{
    bool stopped = false;

    for (size_t i = 0; i < JOBS_MAX; i++)
        if (b->job[i].job && b->job[i].job->what) {
            browse_say(b, ROLE_INFO, "stopped: %s", b->job[i].job->what);
            job_stop(b, b->job[i].job);
            stopped = true;
        }
    if (stopped || b->view == VIEW_CHUNKS)
        return stopped;
    browse_view(b, VIEW_CHUNKS);
    return true;
}

void key_stop(struct browse *b)
{
    (void)stop(b);
}

void key_interrupt(struct browse *b)
{
    if (!stop(b))
        browse_say(b, ROLE_INFO, "nothing is running; q ends");
}
