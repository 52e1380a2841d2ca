/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list to choose from. */
#include <string.h>

#include "cli/cli.h"
#include "popup.h"
#include "widget_list.h"

#define LINES_MAX 4096U
#define LINE_SIZE 512

struct chooser {
    struct popup popup;
    struct list list;
    int rows, columns; /* of the list; the longest line */
    const char *(*text)(struct browse *b, size_t index, char *out, size_t size);
    void (*chosen)(struct browse *b, size_t index);
};

static void draw(struct browse *b, struct popup *p)
{
    struct chooser *o = (struct chooser *)p;
    int rows, columns, margin;
    bool keys;
    struct canvas *c;

    popup_room(&rows, &columns);
    keys = rows > 4;
    o->rows = o->list.count < (uint64_t)(rows - keys) ? (int)o->list.count : rows - keys;
    list_fit(&o->list, o->rows);
    c = popup_box(p, p->title, o->rows + keys, o->columns, &margin);
    for (int i = 0; i < o->rows; i++) {
        char out[LINE_SIZE], line[LINE_SIZE + 2];
        const char *text = o->text(b, (size_t)o->list.top + (size_t)i, out, sizeof(out));

        snprintf(line, sizeof(line), "%s%s", margin ? " " : "", text ? text : "");
        list_line(&o->list, c, o->list.top + (uint64_t)i, ROLE_TEXT, line);
    }
    if (keys)
        canvas_put(c, o->rows, margin, ROLE_DIM, "%s", "Enter takes it; q closes");
    screen_canvas_free(c);
}

static void choose(struct browse *b, struct chooser *o)
{
    void (*chosen)(struct browse *, size_t) = o->chosen;
    size_t index = (size_t)o->list.current;

    popup_close(b); /* before: there may be a next one */
    chosen(b, index);
}

static void key(struct browse *b, struct popup *p, int k)
{
    struct chooser *o = (struct chooser *)p;
    enum act act;

    if (k == SK_ESCAPE || k == 'q' || k == SK_CTRL('c') || k == SK_F(10))
        popup_close(b);
    else if (k == SK_MOUSE)
        list_scroll(&o->list, screen_mouse().wheel, o->rows);
    else if (!popup_act(b, k, &act))
        return;
    else if (act == ACT_ENTER)
        choose(b, o);
    else
        list_act(&o->list, act, o->rows);
}

static void click(struct browse *b, struct popup *p, int y, bool twice)
{
    struct chooser *o = (struct chooser *)p;
    uint64_t line;

    if (y >= o->rows) {
        popup_close(b);
        return;
    }
    if (!list_at(&o->list, y, &line))
        return;
    o->list.current = line;
    if (twice)
        choose(b, o);
}

void popup_choose(struct browse *b, const char *title, size_t current,
                  const char *(*text)(struct browse *b, size_t index, char *out, size_t size),
                  void (*chosen)(struct browse *b, size_t index))
{
    static const struct popup_kind kind = { .draw = draw, .key = key, .click = click };
    struct chooser *o = (struct chooser *)popup_open(b, &kind, title, sizeof(*o));
    char out[LINE_SIZE];
    const char *line;

    if (!o)
        return;
    o->text = text;
    o->chosen = chosen;
    o->columns = (int)cli_columns(o->popup.title) + 2;
    o->columns = o->columns > 28 ? o->columns : 28;
    while (o->list.count < LINES_MAX &&
           (line = text(b, (size_t)o->list.count, out, sizeof(out))) != NULL) {
        if ((int)cli_columns(line) > o->columns)
            o->columns = (int)cli_columns(line);
        o->list.count++;
    }
    o->list.current = current;
    if (!o->list.count)
        popup_close(b);
}
