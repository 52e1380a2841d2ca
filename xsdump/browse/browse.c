/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The browser: keys, and the work that goes on between them. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actions.h"
#include "life.h"
#include "panels.h"
#include "recover.h"

#define SLICE_MS    4   /* work between two looks at the keyboard */
#define PROGRESS_MS 100 /* while work goes on the screen is drawn so often */

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---------------------------------------------------------------- jobs ---- */

static void drop_job(struct browse *b, size_t i)
{
    const struct job *job = b->job[i].job;
    void *data = b->job[i].data;

    b->job[i].job = NULL;
    b->job[i].data = NULL;
    if (job->free)
        job->free(data);
    b->dirty = true;
}

void job_stop(struct browse *b, const struct job *job)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (b->job[i].job == job)
            drop_job(b, i);
}

void job_start(struct browse *b, const struct job *job, void *data)
{
    job_stop(b, job);
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (!b->job[i].job) {
            b->job[i].job = job;
            b->job[i].data = data;
            b->dirty = true;
            return;
        }
    if (job->free) /* more kinds of jobs than places: a fault of this program */
        job->free(data);
}

void *job_data(const struct browse *b, const struct job *job)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (b->job[i].job == job)
            return b->job[i].data;
    return NULL;
}

static bool busy(const struct browse *b)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (b->job[i].job)
            return true;
    return !b->doc->walked || (b->other && !b->other->walked);
}

/* A little of everything that is to be done. */
static void work(struct browse *b)
{
    double end = now_ms() + SLICE_MS;

    do {
        for (int n = 0; n < 16; n++)
            doc_step(b->doc);
        if (b->other)
            for (int n = 0; n < 16; n++)
                doc_step(b->other);
        for (size_t i = 0; i < JOBS_MAX; i++) {
            const struct job *job = b->job[i].job;
            void *data = b->job[i].data;

            if (job && !job->slice(b, data) && b->job[i].job == job && b->job[i].data == data)
                drop_job(b, i);
        }
    } while (busy(b) && now_ms() < end);
}

/* ---------------------------------------------------------------- drawing ---- */

static void draw_panel(struct browse *b, enum panel_id id)
{
    const struct panel *panel = panel_row(id);
    char title[200];

    if (panel->heading) {
        panel->heading(b, title, sizeof(title));
        canvas_title(b->canvas[id], title);
    }
    canvas_clear(b->canvas[id]);
    panel->draw(b, b->canvas[id]);
}

static void draw(struct browse *b)
{
    screen_cursor(-1, -1);
    for (int i = 0; i < PANEL_COUNT; i++)
        if (b->canvas[i])
            draw_panel(b, (enum panel_id)i);
    if (b->popup)
        popup_draw(b);
    screen_show();
    b->dirty = false;
}

void browse_say(struct browse *b, enum role role, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(b->message, sizeof(b->message), fmt, args);
    va_end(args);
    b->message_role = role;
    b->dirty = true;
}

void browse_await(struct browse *b, const char *label, void (*got)(struct browse *b, int key))
{
    browse_say(b, ROLE_STRONG, "%s", label);
    b->await = got;
}

/* ---------------------------------------------------------------- keys ---- */

static void act(struct browse *b, enum act what)
{
    const struct panel *panel = panel_row(b->focus);

    if (panel->act)
        panel->act(b, what);
}

static void on_mouse(struct browse *b)
{
    struct screen_mouse m = screen_mouse();

    for (int n = 0; n < abs(m.wheel); n++)
        act(b, m.wheel < 0 ? ACT_UP : ACT_DOWN);
    for (int i = 0; i < PANEL_COUNT && m.click; i++) {
        int y = m.y - b->origin[i][0], x = m.x - b->origin[i][1];

        if (!b->canvas[i] || y < 0 || x < 0 || y >= canvas_rows(b->canvas[i]) ||
            x >= canvas_columns(b->canvas[i]))
            continue;
        browse_focus(b, (enum panel_id)i);
        if (panel_row((enum panel_id)i)->click)
            panel_row((enum panel_id)i)->click(b, y, x, m.twice);
        return;
    }
}

static void on_key(struct browse *b, int key)
{
    void (*got)(struct browse *, int) = b->await;
    const struct key_row *row;

    b->dirty = true;
    if (key == SK_RESIZE) {
        screen_clear();
        layout_apply(b);
        return;
    }
    b->message[0] = '\0';
    if (got) {
        b->await = NULL;
        if (key != SK_ESCAPE)
            got(b, key);
        return;
    }
    if (b->popup) {
        struct screen_mouse m = screen_mouse();

        if (key == SK_MOUSE && m.click)
            popup_click(b, m.y, m.x, m.twice);
        else
            popup_key(b, key);
        return;
    }
    if (key == SK_MOUSE) {
        on_mouse(b);
        return;
    }
    row = key_find(key, b->view);
    if (!row && key_elsewhere(key))
        browse_say(b, ROLE_DIM, "this key is of another view: %s first; ? lists the keys",
                   key_elsewhere(key));
    else if (!row)
        browse_say(b, ROLE_DIM, "this key does nothing; ? lists the keys");
    else if (row->exec)
        row->exec(b);
    else
        act(b, row->act);
}

/* Until the user, or a signal, ends it. */
static void loop(struct browse *b)
{
    double drawn = 0;

    while (!b->quit && !life_signal()) {
        bool working = busy(b);
        int key = screen_key(working || b->dirty ? 0 : -1);

        if (key >= 0) {
            on_key(b, key);
            /* what else was typed goes first: a slow line, a key held down */
            while (!b->quit && (key = screen_key(0)) >= 0)
                on_key(b, key);
            draw(b);
            drawn = now_ms();
            continue;
        }
        if (working)
            work(b);
        if (b->dirty || (working && (!busy(b) || now_ms() - drawn > PROGRESS_MS))) {
            draw(b);
            drawn = now_ms();
        }
    }
}

/* ---------------------------------------------------------------- life ---- */

static bool open_docs(struct browse *b, unsigned *status)
{
    for (size_t i = 0; i < b->set->image_count; i++) {
        struct xsi_error error = { ESPIPE, DOC_NO_PIPE };
        bool pipe = strcmp(b->set->images[i], "-") == 0; /* keys come from there */
        struct doc *doc = pipe ? NULL : doc_open(b->set, b->set->images[i], &error);

        if (!doc) {
            cli_error(b->set->images[i], "%s", error.text);
            *status = CLI_OPERATIONAL;
            return false;
        }
        *(i ? &b->other : &b->doc) = doc;
        b->file[i] = b->set->images[i];
    }
    return true;
}

static void first_look(struct browse *b)
{
    double end = now_ms() + 2 * SLICE_MS;

    while (doc_step(b->doc) && now_ms() < end)
        ;
    b->focus = PANEL_TREE;
    layout_apply(b);
    browse_goto(b, 0, false);
    if (b->other)
        key_compare(b);
}

static void close_all(struct browse *b)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (b->job[i].job)
            drop_job(b, i);
    popup_close(b);
    for (int i = 0; i < PANEL_COUNT; i++) {
        const struct panel *panel = panel_row((enum panel_id)i);

        screen_canvas_free(b->canvas[i]);
        if (panel->free && b->slot[i])
            panel->free(b->slot[i]);
    }
    look_free(&b->look);
}

/* In the child of life_run(): the screen is this process's. */
static unsigned browse_child(void *context, struct life_next *next)
{
    struct browse *b = context;
    char why[200] = "";
    bool colours =
        strcmp(b->set->color, "never") != 0 &&
        (!getenv("NO_COLOR") || !*getenv("NO_COLOR") || strcmp(b->set->color, "always") == 0);

    if (!screen_open(colours, why, sizeof(why))) {
        cli_error(NULL, "%s", why);
        return CLI_OPERATIONAL;
    }
    first_look(b);
    loop(b);
    next->wanted = b->recover;
    next->file = b->swapped;
    next->offset = b->at;
    snprintf(next->reader, sizeof(next->reader), "%s", b->has_reader ? b->reader.name : "");
    close_all(b);
    screen_close();
    return 0;
}

unsigned browse_images(const struct settings *set)
{
    struct browse b = { .set = set, .field = SIZE_MAX };
    struct life_next next = { .wanted = false };
    unsigned status = 0;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        cli_error(NULL, "--browse needs a terminal; without one: xsdump IMAGE, or --json");
        return CLI_USAGE;
    }
    if (open_docs(&b, &status))
        status = life_run(browse_child, &b, &next);
    doc_free(b.doc);
    doc_free(b.other);
    if (next.wanted && !status)
        status = recover_exec(set, set->images[next.file], next.offset, next.reader);
    return status;
}
