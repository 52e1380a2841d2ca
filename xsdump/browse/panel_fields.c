/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The current chunk decoded: what it is, then its fields, whose groups fold. The selected item is
 * the browser's (browse_field()): the chunk itself is item 0, the fields on the screen follow.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "finding_here.h"
#include "panels.h"
#include "widget_list.h"
#include "widget_text.h"
#include "xsdump/xsdump.h"

#define LONG_LIST  32 /* items of a list that is folded at first when it has more */
#define NAME_MIN   8
#define NAME_WIDTH 24 /* widest column of names */
#define HELP_ROWS  12 /* of a panel that has two lines for the help sentence */
#define LINE       1024

struct fields {
    /* the chunk that all of this is about */
    const struct doc *doc;
    uint64_t offset, index;
    size_t count;
    uint8_t folded[LOOK_FIELDS_MAX];
    uint16_t shown[LOOK_FIELDS_MAX]; /* fields that no fold hides */
    size_t lines;
    size_t selected; /* that was unfolded last */
    int name_width;
    bool groups; /* there are some */
    uint64_t top;
};

static bool opens(const struct look_field *f)
{
    return f->kind == XSI_GROUP || f->kind == XSI_LIST;
}

/* ---------------------------------------------------------------- folding ---- */

/* Number of the first field behind a group. */
static size_t behind(const struct look *look, size_t i)
{
    unsigned level = look->field[i].level;

    for (i++; i < look->count && look->field[i].level > level; i++)
        ;
    return i;
}

static size_t items_in(const struct look *look, size_t group)
{
    size_t n = 0, end = behind(look, group);

    for (size_t i = group + 1; i < end; i++)
        n += look->field[i].level == look->field[group].level + 1;
    return n;
}

/* The group around a field; SIZE_MAX none. */
static size_t parent_of(const struct look *look, size_t i)
{
    unsigned level = look->field[i].level;

    while (i-- > 0)
        if (look->field[i].level < level)
            return i;
    return SIZE_MAX;
}

static void list_shown(struct fields *s, const struct look *look)
{
    s->lines = 0;
    for (size_t i = 0; i < look->count && i < LOOK_FIELDS_MAX;) {
        s->shown[s->lines++] = (uint16_t)i;
        i = s->folded[i] ? behind(look, i) : i + 1;
    }
}

static int indent_of(const struct fields *s, const struct look_field *f)
{
    return (s->groups ? 2 : 0) + 2 * (int)(f->level < 16 ? f->level : 16);
}

/* Another chunk: long lists are folded, the names' column is as wide as they are. */
static void begin_chunk(struct fields *s, const struct look *look)
{
    memset(s->folded, 0, sizeof(s->folded));
    s->groups = false;
    s->top = 0;
    s->selected = SIZE_MAX;
    s->name_width = NAME_MIN;
    for (size_t i = 0; i < look->count && i < LOOK_FIELDS_MAX; i++)
        s->groups = s->groups || opens(&look->field[i]);
    for (size_t i = 0; i < look->count && i < LOOK_FIELDS_MAX; i++) {
        const struct look_field *f = &look->field[i];
        int width = indent_of(s, f) + (int)cli_columns(f->name);

        s->folded[i] = f->kind == XSI_LIST && items_in(look, i) > LONG_LIST;
        if (!opens(f) && width > s->name_width)
            s->name_width = width < NAME_WIDTH ? width : NAME_WIDTH;
    }
}

static struct fields *fields_of(struct browse *b)
{
    const struct look *look = browse_look(b);
    struct fields *s = b->slot[PANEL_FIELDS];

    if (!s)
        b->slot[PANEL_FIELDS] = s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    if (s->doc != b->doc || s->offset != look->offset || s->index != look->index ||
        s->count != look->count) {
        begin_chunk(s, look);
        s->doc = b->doc;
        s->offset = look->offset;
        s->index = look->index;
        s->count = look->count;
    }
    /* a field that was selected elsewhere, by its bytes: what it is in opens */
    if (b->field != s->selected && b->field < look->count)
        for (size_t i = parent_of(look, b->field); i != SIZE_MAX; i = parent_of(look, i))
            s->folded[i] = false;
    s->selected = b->field;
    list_shown(s, look);
    return s;
}

/* The selected item: 0 the chunk, then the lines of fields. */
static size_t item_of(const struct fields *s, size_t field)
{
    for (size_t i = 0; i < s->lines; i++)
        if (s->shown[i] == field)
            return i + 1;
    return 0;
}

static void select_item(struct browse *b, const struct fields *s, size_t item)
{
    browse_field(b, item && item <= s->lines ? s->shown[item - 1] : SIZE_MAX);
}

static void fold(struct browse *b, struct fields *s, size_t field, bool folded)
{
    s->folded[field] = folded;
    list_shown(s, browse_look(b));
    b->dirty = true;
}

/* ---------------------------------------------------------------- lines ---- */

/* The head: what the chunk is, by line; false behind the last. */
static bool head_line(const struct look *look, size_t line, char *out, size_t size, enum role *role)
{
    bool note = look->note[0] != '\0', cut = look->flags & XSI_CHUNK_CUT;

    *role = ROLE_TEXT;
    if (line == 0) {
        snprintf(out, size, "chunk %" PRIu64 ": %" PRIu64 " bytes at 0x%" PRIx64, look->index,
                 look->length, look->offset);
    } else if (line == 1 && cut) {
        *role = ROLE_ERROR;
        snprintf(out, size, "cut: %" PRIu64 " of its %" PRIu64 " bytes are missing",
                 look->wanted - look->length, look->wanted);
    } else if (line == 1U + cut && note) {
        *role = look->flags & XSI_CHUNK_GAP ? ROLE_WARNING : ROLE_STRONG;
        snprintf(out, size, "%s", look->note);
    } else if (line == 1U + cut + note && (!look->count || look->why[0])) {
        *role = ROLE_DIM;
        snprintf(out, size, "%s", look->why[0] ? look->why : "no fields");
    } else {
        return false;
    }
    return true;
}

static size_t head_lines(const struct look *look)
{
    char text[LINE];
    enum role role;
    size_t n = 0;

    while (head_line(look, n, text, sizeof(text), &role))
        n++;
    return n;
}

/* A finding on a field's own bytes, not only on a place or on all of the chunk. */
static const struct xsi_finding *finding_of(const struct browse *b, size_t i)
{
    const struct look_field *f = &b->look.field[i];
    const struct doc *doc = b->doc;

    if (opens(f))
        return NULL;
    for (size_t n = doc_finding_at(doc, f->offset);
         n < doc->finding_count && doc->finding[n].offset - f->offset < f->length; n++)
        if (doc->finding[n].length && doc->finding[n].length <= f->length &&
            look_field_at(&b->look, doc->finding[n].offset) == i)
            return &doc->finding[n];
    return NULL;
}

/* "4160 entries  ! XS-L01"; the code stands on the screen however long the value is. */
static void put_value(const char *value, const struct xsi_finding *finding, int room, char *out,
                      size_t size)
{
    char mark[40];
    size_t n;

    if (!finding) {
        text_add(out, size, "%s", value);
        return;
    }
    snprintf(mark, sizeof(mark), "  ! %s", finding->row->code);
    room -= (int)strlen(mark);
    n = cli_fit(value, room > 2 ? (size_t)room : 2);
    text_add(out, size, "%.*s%s%s", (int)n, value, value[n] ? ">" : "", mark);
}

static void field_line(const struct browse *b, const struct fields *s, size_t i, int width,
                       char *out, size_t size, enum role *role)
{
    const struct look_field *f = &b->look.field[i];
    const struct xsi_finding *finding = finding_of(b, i);
    int indent = indent_of(s, f), column = s->name_width < width / 2 ? s->name_width : width / 2;
    int end = indent + (int)cli_columns(f->name);

    *role = opens(f) ? ROLE_STRONG : finding ? finding_role(finding) : ROLE_TEXT;
    if (opens(f)) {
        snprintf(out, size, "%*s%c %s", indent - 2, "", s->folded[i] ? '+' : '-', f->name);
        if (f->kind == XSI_LIST)
            text_add(out, size, "  (%zu)", items_in(&b->look, i));
        return;
    }
    end = end < column ? column : end;
    snprintf(out, size, "%*s%s%*s ", indent, "", f->name, end - indent - (int)cli_columns(f->name),
             "");
    put_value(f->value, finding, width - end - 2, out, size);
}

/* ---------------------------------------------------------------- the panel ---- */

static void heading(struct browse *b, char *out, size_t size)
{
    const struct look *look = browse_look(b);

    if (!look->valid) {
        snprintf(out, size, "fields");
        return;
    }
    snprintf(out, size, "%s", look->type);
    if (look->has_id)
        text_add(out, size, " (%" PRId64 ")", look->id);
    text_add(out, size, "  %s", look->layer);
}

/* The sentence on what is selected, in the last lines. Returns the rows left for the rest. */
static int put_help(const struct browse *b, struct canvas *c)
{
    const struct look *look = &b->look;
    const char *help = b->field < look->count ? look->field[b->field].help : look->help;
    int rows = canvas_rows(c), width = canvas_columns(c), n = rows >= HELP_ROWS ? 2 : 1;

    if (!help || rows < 4)
        return rows;
    n = text_wrap(NULL, 0, width, n, 0, ROLE_DIM, help);
    text_wrap(c, rows - n, width, n, 0, ROLE_DIM, help);
    return rows - n;
}

static struct list lines_of(const struct browse *b, const struct fields *s)
{
    size_t head = head_lines(&b->look), item = item_of(s, b->field);

    return (struct list){ .count = head + s->lines + b->look.cut,
                          .current = item ? head + item - 1 : 0,
                          .top = s->top };
}

static void draw(struct browse *b, struct canvas *c)
{
    struct fields *s = fields_of(b);
    char text[LINE];
    struct list l;
    int rows;

    if (!s || !b->look.valid) {
        text_wrap(c, 0, canvas_columns(c), canvas_rows(c), 0, ROLE_DIM,
                  s ? b->look.why : "out of memory");
        return;
    }
    rows = put_help(b, c);
    l = lines_of(b, s);
    list_fit(&l, rows);
    s->top = l.top;
    for (uint64_t i = l.top; i < l.count && i < l.top + (uint64_t)rows; i++) {
        size_t head = head_lines(&b->look), n = (size_t)i - head;
        enum role role = ROLE_DIM;

        if (i >= head && n < s->lines)
            field_line(b, s, s->shown[n], canvas_columns(c), text, sizeof(text), &role);
        else if (!head_line(&b->look, (size_t)i, text, sizeof(text), &role))
            snprintf(text, sizeof(text), "... and more: xsdump -vv -r %" PRIu64, b->look.index);
        list_line(&l, c, i, role, text);
    }
}

/* Left and right: out of a group and into one. */
static void sideways(struct browse *b, struct fields *s, bool out)
{
    const struct look *look = &b->look;
    size_t i = b->field;

    if (i >= look->count)
        return;
    if (opens(&look->field[i]) && s->folded[i] != out && behind(look, i) > i + 1)
        fold(b, s, i, out);
    else if (out)
        browse_field(b, parent_of(look, i));
    else if (opens(&look->field[i]) && i + 1 < look->count)
        browse_field(b, i + 1);
}

static bool act(struct browse *b, enum act act)
{
    struct fields *s = fields_of(b);
    const struct look *look = &b->look;
    struct list items;

    if (!s || !look->valid)
        return false;
    if (act == ACT_LEFT || act == ACT_RIGHT) {
        sideways(b, s, act == ACT_LEFT);
        return true;
    }
    if (act == ACT_TOGGLE || act == ACT_ENTER) {
        if (b->field < look->count && opens(&look->field[b->field]))
            fold(b, s, b->field, !s->folded[b->field]);
        else if (act == ACT_ENTER)
            browse_focus(b, PANEL_HEX);
        return true;
    }
    items = (struct list){ .count = s->lines + 1, .current = item_of(s, b->field) };
    if (!list_act(&items, act, browse_rows(b, PANEL_FIELDS)))
        return false;
    select_item(b, s, (size_t)items.current);
    return true;
}

static void click(struct browse *b, int y, int x, bool twice)
{
    struct fields *s = fields_of(b);
    size_t head = head_lines(&b->look), line;

    (void)x;
    if (!s || y < 0)
        return;
    line = (size_t)s->top + (size_t)y;
    if (line >= head + s->lines)
        return;
    select_item(b, s, line < head ? 0 : line - head + 1);
    if (twice)
        act(b, ACT_ENTER);
}

const struct panel panel_fields = {
    .title = "fields", .heading = heading, .draw = draw, .act = act, .click = click, .free = free
};
