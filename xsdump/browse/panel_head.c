/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first line: which image, what it is, and what becomes of it. */
#include "panels.h"

enum { PART_NAME, PART_SIZE, PART_STACK, PART_GUEST, PARTS };

/* What there is to say of the image, from left to right. */
static void describe(const struct doc *doc, char part[PARTS][512])
{
    const struct xsi_info *info = xsi_walk_info(doc->im.walk);
    const char *guest = guest_name(info->guest);

    doc_name(doc, part[PART_NAME], 512);
    cli_size(part[PART_SIZE], 512, doc->size);
    for (size_t i = 0; i < info->stack_length; i++)
        text_add(part[PART_STACK], 512, "%s%s", i ? ">" : "", info->stack[i]);
    if (!info->stack_length)
        snprintf(part[PART_STACK], 512, "nothing recognised");
    snprintf(part[PART_GUEST], 512, "%s", guest ? guest : "");
}

/* As many parts as there is room for; which ones give way first. */
static void fit(char part[PARTS][512], size_t columns, char *out, size_t size)
{
    static const int gives_way[] = { PART_SIZE, PART_STACK, PART_GUEST };

    for (size_t drop = 0; drop <= sizeof(gives_way) / sizeof(gives_way[0]); drop++) {
        if (drop)
            part[gives_way[drop - 1]][0] = '\0';
        snprintf(out, size, " %s", part[PART_NAME]);
        for (int i = PART_SIZE; i < PARTS; i++)
            if (part[i][0])
                text_add(out, size, "  %s", part[i]);
        if (cli_columns(out) <= columns)
            return;
    }
}

static void draw(struct browse *b, struct canvas *c)
{
    char part[PARTS][512] = { "" }, text[2200], state[200];
    enum role role = doc_standing(b->doc, state, sizeof(state));
    int columns = canvas_columns(c), width = (int)cli_columns(state) + 2;

    if (width > columns - 12) /* the name, too, must be told */
        width = columns > 24 ? columns - 12 : columns / 2;
    describe(b->doc, part);
    fit(part, (size_t)(columns - width), text, sizeof(text));
    canvas_text(c, 0, 0, columns - width, ROLE_HEAD, text);
    canvas_text(c, 0, columns - width, width, role, " ");
    if (width > 2)
        canvas_text(c, 0, columns - width + 1, width - 2, role, state);
}

const struct panel panel_head = { .title = "", .draw = draw };
