/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line of input at the bottom. */
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "cli/cli.h"
#include "popup.h"

#define INPUT_MAX  1024
#define TEXT_LEAST 16 /* columns for the text, beside a label */

struct input {
    struct popup popup;
    char text[INPUT_MAX];
    size_t length, cursor;
    size_t left; /* the first byte that is shown */
    void (*done)(struct browse *b, const char *text);
};

/* ---------------------------------------------------------------- the text ---- */

static size_t before(const struct input *in, size_t at)
{
    if (at)
        at--;
    while (at && ((unsigned char)in->text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static size_t behind(const struct input *in, size_t at)
{
    if (at < in->length)
        at++;
    while (at < in->length && ((unsigned char)in->text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* Take the bytes [from, to) out; the cursor stands where they were. */
static void cut(struct input *in, size_t from, size_t to)
{
    memmove(in->text + from, in->text + to, in->length - to + 1);
    in->length -= to - from;
    in->cursor = from;
}

static size_t word_before(const struct input *in)
{
    size_t at = in->cursor;

    while (at && in->text[at - 1] == ' ')
        at--;
    while (at && in->text[at - 1] != ' ')
        at--;
    return at;
}

/* UTF-8 of a character; 0: it is none that can be shown. */
static size_t encode(int key, char out[5])
{
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    unsigned c = (unsigned)key;
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    char shown[24];

    if (key < 0x20 || key >= SK_UP)
        return 0;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(n == 1 ? c : lead[n] | c);
    out[n] = '\0';
    return strcmp(cli_clean(shown, sizeof(shown), out), out) == 0 ? n : 0;
}

static void insert(struct input *in, int key)
{
    char c[5];
    size_t n = encode(key, c);

    if (!n || in->length + n >= sizeof(in->text))
        return;
    memmove(in->text + in->cursor + n, in->text + in->cursor, in->length - in->cursor + 1);
    memcpy(in->text + in->cursor, c, n);
    in->length += n;
    in->cursor += n;
}

static void edit(struct input *in, int key)
{
    switch (key) {
    case SK_LEFT:
    case SK_CTRL('b'):
        in->cursor = before(in, in->cursor);
        break;
    case SK_RIGHT:
    case SK_CTRL('f'):
        in->cursor = behind(in, in->cursor);
        break;
    case SK_HOME:
    case SK_CTRL('a'):
        in->cursor = 0;
        break;
    case SK_END:
    case SK_CTRL('e'):
        in->cursor = in->length;
        break;
    case SK_BACKSPACE:
        cut(in, before(in, in->cursor), in->cursor);
        break;
    case SK_DELETE:
    case SK_CTRL('d'):
        cut(in, in->cursor, behind(in, in->cursor));
        break;
    case SK_CTRL('u'):
        cut(in, 0, in->cursor);
        break;
    case SK_CTRL('k'):
        cut(in, in->cursor, in->length);
        break;
    case SK_CTRL('w'):
        cut(in, word_before(in), in->cursor);
        break;
    default:
        insert(in, key);
    }
}

/* ---------------------------------------------------------------- the popup ---- */

static void key(struct browse *b, struct popup *p, int k)
{
    struct input *in = (struct input *)p;

    if (k == SK_ESCAPE || k == SK_CTRL('c')) {
        popup_close(b);
    } else if (k == SK_ENTER) {
        void (*done)(struct browse *, const char *) = in->done;
        char text[INPUT_MAX];

        memcpy(text, in->text, in->length + 1);
        popup_close(b);
        done(b, text);
    } else {
        edit(in, k);
    }
}

/* The bytes from `left` up to the cursor take fewer columns than there are. */
static void fit_left(struct input *in, int columns)
{
    if (in->left > in->cursor)
        in->left = in->cursor;
    while (in->left < in->cursor &&
           cli_columns(in->text + in->left) - cli_columns(in->text + in->cursor) >=
               (size_t)(columns > 1 ? columns : 1))
        in->left = behind(in, in->left);
}

/* "go to (0x1b023, END):": bytes in front of the examples. */
static size_t label_name(const char *label)
{
    size_t n = strcspn(label, "(:");

    while (n && label[n - 1] == ' ')
        n--;
    return n;
}

static void draw(struct browse *b, struct popup *p)
{
    struct input *in = (struct input *)p;
    int rows, columns, x = 0;
    size_t name = label_name(p->title);
    struct canvas *c;

    (void)b;
    screen_size(&rows, &columns);
    c = screen_canvas(rows - 1, 0, 1, columns, NULL, true);
    /* where there is little room the text is worth more than the label's examples, or the label */
    if ((int)cli_columns(p->title) + TEXT_LEAST < columns)
        x = canvas_put(c, 0, 0, ROLE_STRONG, "%s ", p->title);
    else if ((int)name + TEXT_LEAST < columns)
        x = canvas_put(c, 0, 0, ROLE_STRONG, "%.*s: ", (int)name, p->title);
    fit_left(in, columns - x);
    canvas_text(c, 0, x, columns - x, ROLE_TEXT, in->text + in->left);
    /* once more up to the cursor: that says where it stands */
    x = canvas_put(c, 0, x, ROLE_TEXT, "%.*s", (int)(in->cursor - in->left), in->text + in->left);
    screen_cursor(rows - 1, x < columns ? x : columns - 1);
    screen_canvas_free(c);
}

void popup_ask(struct browse *b, const char *label, const char *old,
               void (*done)(struct browse *b, const char *text))
{
    static const struct popup_kind kind = { .draw = draw, .key = key };
    struct input *in = (struct input *)popup_open(b, &kind, label, sizeof(*in));
    size_t n = in ? strlen(in->popup.title) : 0;

    if (!in)
        return;
    if (n && n + 1 < sizeof(in->popup.title) && !strchr(":?>", in->popup.title[n - 1]))
        memcpy(in->popup.title + n, ":", 2);
    in->done = done;
    /* what was written by the image stands there as it can be shown */
    cli_clean(in->text, sizeof(in->text), old ? old : "");
    in->length = in->cursor = strlen(in->text);
}
