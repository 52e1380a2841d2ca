/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `:pfn 0xfee`: the page that a restore would keep of a frame. */
#include <inttypes.h>
#include <stdlib.h>

#include "find_pfn.h"
#include "goto.h"
#include "grid.h"

#define PFN_MAX ((UINT64_C(1) << 52) - 1) /* what the streams can name */

struct frame_job {
    const struct doc *doc;
    uint64_t pfn;
    struct pfn_search *search; /* NULL: the walk is not over, so the last copy is not known */
};

static bool slice(struct browse *b, void *data)
{
    struct frame_job *f = data;
    const struct pfn_found *found;

    if (f->doc != b->doc)
        return false;
    if (!b->doc->walked)
        return true;
    if (!f->search)
        f->search = pfn_search_new(f->doc, f->pfn, false);
    if (!f->search) {
        browse_say(b, ROLE_ERROR, "out of memory");
        return false;
    }
    if (pfn_search_slice(f->search))
        return true;
    found = pfn_search_found(f->search);
    if (found->count) {
        const struct pfn_copy *last = &found->copy[found->count - 1];

        browse_goto(b, last->at, true);
        browse_say(b, ROLE_INFO, "frame 0x%" PRIx64 ": its last page, in chunk #%" PRIu64, f->pfn,
                   last->number);
    } else {
        browse_say(b, ROLE_WARNING, "no page of frame 0x%" PRIx64 " is in this image", f->pfn);
    }
    return false;
}

static double progress(struct browse *b, void *data)
{
    struct frame_job *f = data;

    (void)b;
    return f->search ? pfn_search_progress(f->search) : 0;
}

static void done(void *data)
{
    struct frame_job *f = data;

    pfn_search_free(f->search);
    free(f);
}

static const struct job job = {
    .what = "looking for the frame", .slice = slice, .progress = progress, .free = done
};

void goto_pfn(struct browse *b, uint64_t pfn)
{
    struct frame_job *f;

    if (b->view == VIEW_PAGES && pfn <= PFN_MAX) { /* there it can be seen, page or not */
        grid_go(b, pfn);
        return;
    }
    f = calloc(1, sizeof(*f));
    if (!f) {
        browse_say(b, ROLE_ERROR, "out of memory");
        return;
    }
    f->doc = b->doc;
    f->pfn = pfn;
    job_start(b, &job, f);
}
