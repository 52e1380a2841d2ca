/* SPDX-License-Identifier: GPL-3.0-or-later */
/* x in the grid or on its page: what the image says of the frame under the cursor, in sentences. */
#include <inttypes.h>
#include <string.h>

#include "grid.h"

#define COMPRESSED \
    "There are compressed batches, too: copies in them are neither counted nor shown.\n"

/* The types of a batch's entries; the first row that a name begins with. */
static const struct {
    const char *type, *help;
} types[] = {
    { "NOTAB", "an ordinary page of the guest's memory" },
    { "L1TAB", "a page table of level 1 of a PV guest" },
    { "L2TAB", "a page table of level 2 of a PV guest" },
    { "L3TAB", "a page table of level 3 of a PV guest" },
    { "L4TAB", "a page table of level 4 of a PV guest" },
};

/* By kind of frame. */
static const char *const kinds[] = {
    [XSI_FRAME_MISSING] = "No batch names this frame: the image has no bytes for it.",
    [XSI_FRAME_PRESENT] = "The image has this frame's memory.",
    [XSI_FRAME_L1] = "The image has this page table of the lowest level.",
    [XSI_FRAME_L2] = "The image has this page table of level 2.",
    [XSI_FRAME_L3] = "The image has this page table of level 3.",
    [XSI_FRAME_L4] = "The image has this page table of the highest level.",
    [XSI_FRAME_HOLE] =
        "A batch names this frame without a page: type XTAB (the guest has no memory "
        "there) or XALLOC (a restore gives it memory without contents).",
    [XSI_FRAME_BROKEN] = "A batch names this frame as BROKEN (memory that failed on the host that "
                         "saved it), or with a type that does not exist: there is no page.",
};

static bool is_table(unsigned kind)
{
    return kind >= XSI_FRAME_L1 && kind <= XSI_FRAME_L4;
}

static void say_state(const struct grid *g, unsigned state, char *out, size_t size)
{
    unsigned kind = state & XSI_FRAME_KIND;

    if (kind == XSI_FRAME_MISSING && (g->fill != GRID_FULL || xsi_frame_map_lost(g->map)))
        text_add(out, size, "No batch that was read so far names this frame.");
    else
        text_add(out, size, "%s", kinds[kind]);
    if (is_table(kind))
        text_add(out, size,
                 " Its entries name pfns here; a restore puts the machine frames of "
                 "the new host in their place.");
    if (state & XSI_FRAME_PINNED)
        text_add(out, size, " It was pinned: a restore has Xen pin it again.");
    if (state & XSI_FRAME_ZERO)
        text_add(out, size, " All its bytes are zero.");
    if (state & XSI_FRAME_ALIKE)
        text_add(out, size, " Its bytes are those of a page before it in the image.");
    text_add(out, size, "\n");
}

/* Type and place of the page that is shown. */
static void say_page(const struct grid *g, unsigned state, char *out, size_t size)
{
    const struct pfn_copy *copy = grid_copy(g);
    unsigned kind = state & XSI_FRAME_KIND;
    size_t i = 0;

    if (!g->sought) {
        text_add(out, size, "\nIts page is still looked for.\n");
        return;
    }
    if (!copy) {
        if (kind == XSI_FRAME_PRESENT || is_table(kind))
            text_add(out, size, "\nIts page is compressed, so its bytes cannot be shown.\n");
        return;
    }
    while (i < sizeof(types) / sizeof(types[0]) &&
           strncmp(copy->type, types[i].type, strlen(types[i].type)) != 0)
        i++;
    text_add(out, size, "\nType %s", copy->type);
    if (i < sizeof(types) / sizeof(types[0]))
        text_add(out, size, ": %s", types[i].help);
    text_add(out, size,
             ".\n%s 0x%x bytes at 0x%" PRIx64 ", in batch #%" PRIu64 " at 0x%" PRIx64 ".\n",
             kind == XSI_FRAME_PRESENT || is_table(kind) ? "Its bytes:" : "An older page of it:",
             XSI_PAGE_SIZE, copy->at, copy->number, copy->chunk);
}

static void say_copies(const struct grid *g, unsigned state, char *out, size_t size)
{
    const struct pfn_found *found = &g->found;

    if (!g->sought || !found->count)
        return;
    if (found->copies > 1)
        text_add(out, size,
                 "Its page was sent %" PRIu64 " times%s; copy %" PRIu64 " is shown%s%s.\n",
                 found->copies,
                 g->packed      ? " uncompressed"
                 : found->whole ? ""
                                : " so far",
                 found->copies - (found->count - 1 - g->copy),
                 g->packed ? "" : ", a restore keeps the last one",
                 found->count > 1 ? " (Space in the page panel: another copy)" : "");
    else if (state & XSI_FRAME_TWICE)
        text_add(out, size,
                 "Batches name the frame more than once; one page of it can be shown.\n");
    else
        text_add(out, size, "It was sent once%s.\n", found->whole ? "" : " so far");
    if (g->packed)
        text_add(out, size, COMPRESSED);
}

bool grid_explain(const struct browse *b, char *out, size_t size)
{
    const struct grid *g = b->slot[PANEL_GRID];
    const struct xsi_finding *worst;
    uint64_t p2m = grid_p2m(b);
    char words[160];
    unsigned state;

    if ((b->focus != PANEL_GRID && b->focus != PANEL_PAGE) || b->view != VIEW_PAGES || !g ||
        !g->map || g->doc != b->doc || (!p2m && !xsi_frame_map_end(g->map)))
        return false;
    if (doc_findings_in(b->doc, b->at, 1, &worst)) /* e has just gone there, and offers x */
        return false;
    state = xsi_frame_map_at(g->map, g->pfn);
    grid_words(g, state, words, sizeof(words));
    snprintf(out, size, "pfn 0x%" PRIx64 ": %s\n", g->pfn, words);
    text_add(out, size, "Guest addresses 0x%" PRIx64 " to 0x%" PRIx64 ".\n\n",
             g->pfn * XSI_PAGE_SIZE, g->pfn * XSI_PAGE_SIZE + XSI_PAGE_SIZE - 1);
    say_state(g, state, out, size);
    if (p2m && g->pfn >= p2m)
        text_add(out, size, "It lies beyond p2m_size: the guest has 0x%" PRIx64 " frames.\n", p2m);
    say_page(g, state, out, size);
    say_copies(g, state, out, size);
    text_add(out, size, "\np goes back to the chunks; x there explains the batch.\n");
    return true;
}
