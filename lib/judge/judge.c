/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several readers beside one walk: one pass, one set of buffers, whatever the source. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "internal.h"

struct xsi_judge {
    struct xsi_walk *walk;
    struct xsi_shared shared;
    struct xsi_run **run;
    size_t count;
    bool by_default;
};

static struct xsi_judge *out_of_memory(struct xsi_judge *j, struct xsi_error *err)
{
    xsi_judge_free(j);
    err->code = ENOMEM;
    snprintf(err->text, sizeof(err->text), "out of memory");
    return NULL;
}

static bool add(struct xsi_judge *j, const struct xsi_reader *reader, struct xsi_error *err)
{
    struct xsi_run **larger;

    for (size_t i = 0; i < j->count; i++)
        if (!strcmp(j->run[i]->reader.name, reader->name))
            return true;
    larger = realloc(j->run, (j->count + 1) * sizeof(struct xsi_run *));
    if (!larger)
        return false;
    j->run = larger;
    j->run[j->count] = xsi_run_make(&j->shared, reader, err);
    if (!j->run[j->count])
        return false;
    j->run[j->count++]->quiet = true;
    return true;
}

static bool add_all(struct xsi_judge *j, struct xsi_error *err)
{
    struct xsi_reader reader;

    for (size_t i = 0; i < XSI_READERS_MAX && xsi_reader_get(i, &reader); i++)
        if (xsi_reader_fits(&j->shared.info, &reader) && !add(j, &reader, err))
            return false;
    return true;
}

/* The readers that were asked for. */
static bool choose(struct xsi_judge *j, const char *const *names, size_t count,
                   struct xsi_error *err)
{
    struct xsi_reader reader;

    for (size_t i = 0; i < count; i++) {
        bool all = !strcasecmp(names[i], "all");

        if (all ? !add_all(j, err) : !xsi_reader_lookup(names[i], &reader) || !add(j, &reader, err))
            return false;
    }
    j->by_default = count == 0;
    return count || (xsi_reader_default(&j->shared.info, &reader) && add(j, &reader, err));
}

static bool names_known(const char *const *names, size_t count, struct xsi_error *err)
{
    struct xsi_reader reader;

    for (size_t i = 0; i < count; i++)
        if (strcasecmp(names[i], "all") && !xsi_reader_lookup(names[i], &reader)) {
            err->code = EINVAL;
            snprintf(err->text, sizeof(err->text),
                     "no reader is called '%.40s'; xsdump --list-readers names them", names[i]);
            return false;
        }
    return true;
}

struct xsi_judge *xsi_judge_new(struct xsi_walk *walk, const char *const *names, size_t count,
                                const struct xsi_run_options *options, struct xsi_error *err)
{
    struct xsi_judge *j;
    enum xsi_guest guest = options ? options->guest : XSI_GUEST_UNKNOWN;

    err->code = 0;
    err->text[0] = '\0';
    if (!names_known(names, count, err))
        return NULL;
    j = calloc(1, sizeof(*j));
    if (!j)
        return out_of_memory(NULL, err);
    j->walk = walk;
    j->shared.view = &walk->view;
    if (!xsi_shared_look(&j->shared, walk->options.as, guest) && !count) {
        snprintf(err->text, sizeof(err->text),
                 "the image has no memory stream that a reader could read");
        xsi_judge_free(j);
        return NULL;
    }
    if (!choose(j, names, count, err) || !j->count) {
        if (err->code)
            return out_of_memory(j, err);
        snprintf(err->text, sizeof(err->text), "no reader fits this image");
        xsi_judge_free(j);
        return NULL;
    }
    return j;
}

void xsi_judge_free(struct xsi_judge *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->count; i++)
        xsi_run_free(j->run[i]);
    free(j->run);
    xsi_shared_free(&j->shared);
    free(j);
}

int xsi_judge_advance(struct xsi_judge *j, bool finish)
{
    uint64_t limit = finish ? UINT64_MAX : xsi_walk_position(j->walk) + XSI_JUDGE_LEAD;

    for (size_t i = 0; i < j->count; i++) {
        int rc = xsi_run_advance(j->run[i], limit, finish);

        if (rc < 0)
            return rc;
    }
    return 0;
}

const struct xsi_verdict *xsi_judge_verdict(const struct xsi_judge *j, size_t index, bool *complete)
{
    if (index >= j->count)
        return NULL;
    if (complete)
        *complete = j->run[index]->done;
    return &j->run[index]->verdict;
}

bool xsi_judge_is_default(const struct xsi_judge *j)
{
    return j->by_default;
}

bool xsi_judge_default(const struct xsi_judge *j, struct xsi_reader *out)
{
    return xsi_reader_default(&j->shared.info, out);
}
