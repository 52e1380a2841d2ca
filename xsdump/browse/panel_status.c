/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last lines: where the cursor is, what runs or was said, and the F-keys. */
#include <inttypes.h>
#include <string.h>

#include "panels.h"

#define F_KEYS 10

/* The first job that can say how far it is, or what it does. */
static bool running(struct browse *b, char *out, size_t size)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        const struct job *job = b->job[i].job;

        if (!job || !job->what)
            continue;
        if (job->progress)
            snprintf(out, size, "%s: %.0f%%; Esc stops it", job->what,
                     job->progress(b, b->job[i].data) * 100);
        else
            snprintf(out, size, "%s ...; Esc stops it", job->what);
        return true;
    }
    return false;
}

/* "0x1a04b END +0x2, chunk 6": the current place. */
static void place(struct browse *b, char *out, size_t size)
{
    const struct look *look = browse_look(b);

    snprintf(out, size, "0x%" PRIx64, b->at);
    if (!look->valid)
        return;
    text_add(out, size, " %s", look->type);
    if (b->at > look->offset)
        text_add(out, size, " +0x%" PRIx64, b->at - look->offset);
    text_add(out, size, ", chunk %" PRIu64, look->index);
}

static void draw_message(struct browse *b, struct canvas *c)
{
    int columns = canvas_columns(c), width;
    char text[400], here[200];

    place(b, here, sizeof(here));
    width = (int)cli_columns(here);
    if (b->message[0])
        canvas_text(c, 0, 0, columns, b->message_role, b->message);
    else if (running(b, text, sizeof(text)))
        canvas_text(c, 0, 0, columns, ROLE_INFO, text);
    if (columns - width - 1 > (int)cli_columns(b->message))
        canvas_text(c, 0, columns - width, width, ROLE_DIM, here);
}

/* Columns of an F-key's label and what stands around it; 0: it does nothing here. */
static int label_width(const struct browse *b, int f)
{
    const struct key_row *row = key_find(SK_F(f), b->view);

    return row && row->label ? (int)strlen(row->label) + (f > 9 ? 4 : 3) : 0;
}

/* How gladly a label is seen where not all have room: the way to help and out, then the view's. */
static int worth(const struct browse *b, int f)
{
    const struct key_row *row = key_find(SK_F(f), b->view);

    return f == 1 || f == F_KEYS ? 3 : row && row->views != ANYWHERE ? 2 : 1;
}

/* As htop has them: the number, then what it does. */
static void draw_keys(struct browse *b, struct canvas *c, int y)
{
    int room = canvas_columns(c) + 1, x = 0;
    bool shown[F_KEYS + 1] = { false };

    for (int least = 3; least; least--)
        for (int f = 1; f <= F_KEYS; f++) {
            int width = label_width(b, f);

            if (!width || worth(b, f) != least || width > room)
                continue;
            shown[f] = true;
            room -= width;
        }
    for (int f = 1; f <= F_KEYS; f++) {
        int width = label_width(b, f) - (f > 9 ? 4 : 3);

        if (!shown[f])
            continue;
        x = canvas_put(c, y, x, ROLE_KEY, "F%d", f);
        canvas_text(c, y, x, width, ROLE_LABEL, key_find(SK_F(f), b->view)->label);
        x += width + 1;
    }
}

static void draw(struct browse *b, struct canvas *c)
{
    draw_message(b, c);
    if (canvas_rows(c) > 1)
        draw_keys(b, c, 1);
}

const struct panel panel_status = { .title = "", .draw = draw };
