/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plan as text, for review and for the same image elsewhere:
 *
 *     xsrecover plan 1
 *     reader xen-4.1/32/xapi
 *     size 178032
 *     head 0123456789abcdef
 *     tail 0123456789abcdef
 *     edit 0x1a2b3 remove 0 old HASH around HASH insert 4
 *      f7ffffff
 *     why insert LAST_CHECKPOINT in front of END
 *     end
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../source/internal.h"
#include "internal.h"

enum { LINE = 512, PER_LINE = 48, EDITS_MAX = 65536, INSERT_MAX = 1 << 30 };

/* ---------------------------------------------------------------- saving ---- */

static void put_edit(FILE *f, const struct xsi_edit *e, const struct xsi_edit_hash *h)
{
    char why[1000];

    fprintf(f,
            "edit 0x%" PRIx64 " remove %" PRIu64 " old %016" PRIx64 " around %016" PRIx64
            " insert %" PRIu64 "\n",
            e->offset, e->removed, h->old, h->around, e->inserted_length);
    for (uint64_t i = 0; i < e->inserted_length; i++)
        fprintf(f, "%s%02x%s", i % PER_LINE ? "" : " ", e->inserted[i],
                i % PER_LINE == PER_LINE - 1 || i + 1 == e->inserted_length ? "\n" : "");
    if (*e->why)
        fprintf(f, "why %s\n", xsi_escape(why, sizeof(why), e->why, strlen(e->why)));
}

int xsi_plan_save(struct xsi_plan *plan, int fd, struct xsi_error *err)
{
    struct xsi_identity id;
    int rc = xsi_identity_take(&id, plan, err), copy = rc ? -1 : dup(fd);
    FILE *f = copy < 0 ? NULL : fdopen(copy, "w");

    if (!rc && !f)
        rc = xsi_source_fault(err, errno, "the plan cannot be written: %s", strerror(errno));
    if (f) {
        fputs("xsrecover plan 1\n", f);
        if (*xsi_plan_reader(plan))
            fprintf(f, "reader %s\n", xsi_plan_reader(plan));
        fprintf(f, "size %" PRIu64 "\nhead %016" PRIx64 "\ntail %016" PRIx64 "\n", id.size, id.head,
                id.tail);
        for (size_t i = 0; i < id.count; i++)
            put_edit(f, xsi_plan_edit(plan, i), &id.edit[i]);
        fputs("end\n", f);
        if (fclose(f))
            rc = xsi_source_fault(err, errno, "the plan could not be written: %s", strerror(errno));
    } else if (copy >= 0) {
        close(copy);
    }
    xsi_identity_free(&id);
    return rc;
}

/* ---------------------------------------------------------------- loading ---- */

/* A plan as it is read; the edits' bytes are owned. */
struct loading {
    struct xsi_identity id;
    struct xsi_splice *edit;
    char (*why)[240];
    size_t capacity, filled; /* edits there is room for; bytes of the last edit that came */
    char reader[40];
    bool ended;
    unsigned line;
};

static int new_edit(struct loading *l, uint64_t offset, uint64_t removed, uint64_t old,
                    uint64_t around, uint64_t n)
{
    size_t i = l->id.count;
    void *bytes;

    if (i == EDITS_MAX || n > INSERT_MAX)
        return -EINVAL;
    if (i == l->capacity) {
        size_t more = i ? i * 2 : 16;
        struct xsi_edit_hash *hash = reallocarray(l->id.edit, more, sizeof(*hash));
        struct xsi_splice *edit;
        char(*why)[240];

        l->id.edit = hash ? hash : l->id.edit;
        edit = hash ? reallocarray(l->edit, more, sizeof(*edit)) : NULL;
        l->edit = edit ? edit : l->edit;
        why = edit ? reallocarray(l->why, more, sizeof(*why)) : NULL;
        if (!why)
            return -ENOMEM;
        l->why = why;
        l->capacity = more;
    }
    bytes = calloc(1, n + 1);
    if (!bytes)
        return -ENOMEM;
    l->id.edit[i] = (struct xsi_edit_hash){ offset, removed, old, around };
    l->edit[i] = (struct xsi_splice){ offset, removed, bytes, n };
    l->why[i][0] = '\0';
    l->filled = 0;
    l->id.count++;
    return 0;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_bytes(struct loading *l, const char *hex)
{
    struct xsi_splice *e = l->id.count ? &l->edit[l->id.count - 1] : NULL;
    uint8_t *to = e ? (uint8_t *)(uintptr_t)e->inserted : NULL;

    for (; e && *hex; hex += 2) {
        int high = digit(hex[0]), low = high < 0 ? -1 : digit(hex[1]);

        if (low < 0 || l->filled == e->inserted_length)
            return -EINVAL;
        to[l->filled++] = (uint8_t)(high << 4 | low);
    }
    return e ? 0 : -EINVAL;
}

static bool filled(const struct loading *l)
{
    return !l->id.count || l->filled == l->edit[l->id.count - 1].inserted_length;
}

static int take_line(struct loading *l, char *line)
{
    uint64_t a, b, c, d, n;

    if (l->ended)
        return -EINVAL;
    if (*line == ' ')
        return take_bytes(l, line + 1);
    if (!filled(l))
        return -EINVAL;
    if (sscanf(line, "reader %39s", l->reader) == 1 ||
        sscanf(line, "size %" SCNu64, &l->id.size) == 1 ||
        sscanf(line, "head %" SCNx64, &l->id.head) == 1 ||
        sscanf(line, "tail %" SCNx64, &l->id.tail) == 1)
        return 0;
    if (sscanf(line,
               "edit %" SCNx64 " remove %" SCNu64 " old %" SCNx64 " around %" SCNx64
               " insert %" SCNu64,
               &a, &b, &c, &d, &n) == 5)
        return new_edit(l, a, b, c, d, n);
    if (!strncmp(line, "why ", 4) && l->id.count) {
        snprintf(l->why[l->id.count - 1], sizeof(l->why[0]), "%.230s", line + 4);
        return 0;
    }
    l->ended = !strcmp(line, "end");
    return l->ended ? 0 : -EINVAL;
}

static int take_file(struct loading *l, FILE *f, struct xsi_error *err)
{
    char line[LINE];
    int rc = 0;

    while (!rc && fgets(line, sizeof(line), f)) {
        size_t n = strlen(line);

        l->line++;
        if (!n || line[n - 1] != '\n')
            return xsi_source_fault(err, EINVAL, "line %u of the plan is too long or cut", l->line);
        line[n - 1] = '\0';
        if (l->line == 1)
            rc = strcmp(line, "xsrecover plan 1") ? -EINVAL : 0;
        else if (*line && *line != '#')
            rc = take_line(l, line);
    }
    if (rc == -ENOMEM)
        return xsi_source_fault(err, ENOMEM, "out of memory for the plan");
    if (rc && l->line == 1)
        return xsi_source_fault(err, EINVAL,
                                "this is no plan: its first line is not 'xsrecover plan 1'");
    if (rc)
        return xsi_source_fault(err, EINVAL, "line %u of the plan is wrong", l->line);
    if (!l->ended)
        return xsi_source_fault(err, EINVAL, "the plan is cut: its last line, 'end', is missing");
    return 0;
}

/* From the last edit to the first, so that the offsets of the unchanged image hold. */
static int stage_all(struct xsi_plan *plan, const struct loading *l, struct xsi_error *err)
{
    int rc = 0;

    for (size_t i = l->id.count; !rc && i-- > 0;) {
        struct xsi_planned step = { .recipe = "plan" };

        snprintf(step.why, sizeof(step.why), "%.230s", l->why[i]);
        if (i + 1 < l->id.count && l->edit[i].offset + l->edit[i].removed > l->edit[i + 1].offset)
            rc =
                xsi_source_fault(err, EINVAL, "the plan's edits %zu and %zu overlap", i + 1, i + 2);
        else
            rc = xsi_plan_stage(plan, &l->edit[i], 1, &step, err);
    }
    if (rc)
        xsi_plan_cut(plan, 0);
    return rc;
}

int xsi_plan_load(struct xsi_plan *plan, int fd, struct xsi_error *err)
{
    struct loading l = { .capacity = 0 };
    int copy, rc = 0;
    FILE *f;

    *err = (struct xsi_error){ 0, "" };
    if (xsi_plan_steps(plan))
        return xsi_source_fault(err, EINVAL, "edits are staged already; commit or undo them first");
    copy = dup(fd);
    f = copy < 0 ? NULL : fdopen(copy, "r");
    if (!f) {
        rc = xsi_source_fault(err, errno, "the plan cannot be read: %s", strerror(errno));
        if (copy >= 0)
            close(copy);
        return rc;
    }
    rc = take_file(&l, f, err);
    fclose(f);
    if (!rc)
        rc = xsi_identity_check(&l.id, xsi_plan_base(plan), err);
    if (!rc)
        rc = stage_all(plan, &l, err);
    if (!rc)
        xsi_plan_set_reader(plan, l.reader);
    for (size_t i = 0; i < l.id.count; i++)
        free((void *)(uintptr_t)l.edit[i].inserted);
    free(l.edit);
    free(l.why);
    xsi_identity_free(&l.id);
    return rc;
}
