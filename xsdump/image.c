/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One image: open it, pull its walk, hand what comes to the view. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <xsi_edit.h>

#include "xsdump.h"

const char *image_kind(const struct image *im)
{
    static const char *const names[] = {
        [XSI_SOURCE_FILE] = "file",       [XSI_SOURCE_BLOCK] = "block device",
        [XSI_SOURCE_PIPE] = "pipe",       [XSI_SOURCE_MEMORY] = "memory",
        [XSI_SOURCE_OVERLAY] = "overlay",
    };

    size_t filters = 0;
    uint64_t size;

    /* decompressed on the fly it is read forward only, but a file is what the user gave */
    (void)xsi_source_filters(im->src, &filters);
    if (filters && xsi_source_file_size(im->src, &size))
        return names[XSI_SOURCE_FILE];
    return names[xsi_source_kind(im->src)];
}

const char *image_words(const struct image *im, char *out, size_t size)
{
    const struct xsi_source_options *window = &im->set->window;
    char word[4200];
    int n = 0;

    out[0] = '\0';
    if (window->offset)
        n += snprintf(out, size, "--offset 0x%" PRIx64 " ", window->offset);
    if (window->length && window->length != UINT64_MAX)
        n += snprintf(out + n, size - (size_t)n, "--length 0x%" PRIx64 " ", window->length);
    /* a pipe cannot be read again; what it was saved to can */
    snprintf(out + n, size - (size_t)n, "%s",
             strcmp(im->file, "-") ? cli_word(word, sizeof(word), im->file) : "FILE");
    return out;
}

bool image_open(struct image *im, struct xsi_error *error)
{
    struct xsi_walk_options options = { .as = im->set->as, .scan = im->set->scan };
    struct xsi_journal_info interrupted;

    (void)cli_interrupted(im->file, &interrupted); /* it has said so */
    im->src = xsi_source_open(im->file, &im->set->window, error);
    if (!im->src)
        return false;
    im->walk = xsi_walk_new(im->src, &options, error);
    if (!im->walk)
        return false;
    if (!judged_open(im, error))
        return false;
    if ((im->set->core || im->set->core_raw) && !im->core) {
        bool raw = im->set->core_raw != NULL;

        im->core = core_open(raw ? im->set->core_raw : im->set->core, raw, error);
        if (!im->core)
            return false;
    }
    if (im->set->pages && !im->pages) {
        im->pages = page_data_new(NULL);
        if (!im->pages) {
            error->code = ENOMEM;
            snprintf(error->text, sizeof(error->text),
                     "not enough memory for --pages; leave it out");
            return false;
        }
    }
    return true;
}

void image_close(struct image *im)
{
    page_data_free(im->pages);
    if (im->core)
        im->status |= core_close(im->core, NULL);
    judged_free(im->judged); /* reads through the walk's windows */
    if (im->walk)
        xsi_walk_free(im->walk);
    if (im->src)
        xsi_source_free(im->src);
}

static void image_event(struct image *im, struct view *view, const struct xsi_event *ev)
{
    if (ev->kind == XSI_EV_FINDING) {
        if (view->met)
            view->met(view, im, ev->finding);
        judged_finding(im, view, ev->finding);
    } else if (ev->kind == XSI_EV_CHUNK) {
        if (im->pages && (ev->chunk->flags & XSI_CHUNK_PAGES))
            page_data_chunk(im->pages, im, ev->chunk);
        if (im->core && (ev->chunk->flags & XSI_CHUNK_PAGES))
            core_chunk(im->core, im, ev->chunk);
        view->chunk(view, im, ev->chunk);
    }
    judged_release(im, view, false);
}

/* Pull the walk to its end. 0, or -errno. */
static int image_pull(struct image *im, struct view *view, struct progress *progress)
{
    struct xsi_event ev;
    int rc;

    for (;;) {
        judged_advance(im, false);
        rc = xsi_walk_next(im->walk, &ev);
        if (rc <= 0)
            break;
        progress_step(progress, im);
        image_event(im, view, &ev);
        if (cli_output_failed())
            return 0;
    }
    if (rc == 0)
        judged_advance(im, true);
    judged_release(im, view, true);
    return rc;
}

unsigned image_list(const struct settings *set, const char *file, struct view *view)
{
    struct image im = { .set = set, .file = file };
    struct xsi_error error = { 0, "" };
    struct progress progress;

    if (!image_open(&im, &error)) {
        im.status |= error.code == EINVAL && im.src ? CLI_USAGE : CLI_OPERATIONAL;
        if (!error.code)
            error.code = EIO;
        cli_error(file, "%s", error.text);
        view->begin(view, &im);
        view->end(view, &im, &error);
        image_close(&im);
        return im.status;
    }
    progress_start(&progress, set);
    view->begin(view, &im);
    if (image_pull(&im, view, &progress) < 0) {
        error = *xsi_walk_error(im.walk);
        im.status |= CLI_OPERATIONAL;
    }
    progress_end(&progress, &im);
    if (error.code)
        cli_error(file, "%s", error.text);
    im.status |= judged_exit(&im);
    view->end(view, &im, &error);
    image_close(&im);
    return im.status;
}
