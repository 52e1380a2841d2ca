/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The neutral model: everything that a saved domain consists of beside its pages. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static const char *const names[] = {
#define ITEM(id, name, ...) [XSI_ITEM_##id] = (name),
#include "items.def"
#undef ITEM
};

const char *xsi_item_name(enum xsi_item_kind kind)
{
    return (size_t)kind < XSI_ITEM_KINDS ? names[kind] : "?";
}

const struct xsi_item *xsi_vm_find(const struct xsi_vm *vm, enum xsi_item_kind kind, uint64_t id)
{
    for (size_t i = vm->item_count; i-- > 0;)
        if (vm->item[i].kind == kind && vm->item[i].id == id)
            return &vm->item[i];
    return NULL;
}

const struct xsi_item *xsi_vm_next(const struct xsi_vm *vm, enum xsi_item_kind kind, size_t *i)
{
    while (*i < vm->item_count)
        if (vm->item[(*i)++].kind == kind)
            return &vm->item[*i - 1];
    return NULL;
}

static bool reserve(struct xsi_convert *c)
{
    size_t capacity = c->item_capacity ? 2 * c->item_capacity : 64;
    struct xsi_item *item;
    uint8_t *stream;

    if (c->vm.item_count < c->item_capacity)
        return true;
    item = realloc(c->item, capacity * sizeof(*item));
    if (item)
        c->vm.item = c->item = item;
    stream = item ? realloc(c->item_stream, capacity) : NULL;
    if (!stream)
        return false;
    c->item_stream = stream;
    c->item_capacity = capacity;
    return true;
}

int xsi_items_add(struct xsi_convert *c, const struct xsi_item *item, bool stream)
{
    size_t n = c->vm.item_count;
    uint8_t *copy = NULL;

    if (n == XSI_ITEMS_MAX)
        return xsi_convert_fail(c, EFBIG, "at 0x%llx: more %ss than a domain can have",
                                (unsigned long long)item->offset, xsi_item_name(item->kind));
    if (item->bytes &&
        (item->length > XSI_ITEM_MAX || item->length > XSI_ITEMS_BYTES - c->item_bytes))
        return xsi_convert_fail(c, EFBIG, "at 0x%llx: the %s of %llu bytes is more than is held",
                                (unsigned long long)item->offset, xsi_item_name(item->kind),
                                (unsigned long long)item->length);
    if (item->bytes) {
        copy = malloc((size_t)item->length + 1);
        if (copy)
            memcpy(copy, item->bytes, (size_t)item->length);
    }
    if ((item->bytes && !copy) || !reserve(c)) {
        free(copy);
        return xsi_convert_fail(c, ENOMEM, "out of memory for what the image holds");
    }
    c->item[n] = *item;
    c->item[n].bytes = copy;
    c->item_stream[n] = stream;
    c->item_bytes += copy ? item->length : 0;
    c->vm.item_count = n + 1;
    return 0;
}

static void drop(struct xsi_convert *c, size_t i)
{
    if (c->item[i].bytes) {
        c->item_bytes -= c->item[i].length;
        free((void *)(uintptr_t)c->item[i].bytes);
    }
}

static int by_name(const void *pa, const void *pb)
{
    const struct xsi_item *a = *(const struct xsi_item *const *)pa;
    const struct xsi_item *b = *(const struct xsi_item *const *)pb;

    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a < b ? -1 : 1; /* in their order */
}

/* Of several with one kind and number only the last stays. */
static int only_last(struct xsi_convert *c)
{
    size_t n = c->vm.item_count;
    struct xsi_item **sorted = calloc(n + 1, sizeof(struct xsi_item *));

    if (!sorted)
        return xsi_convert_fail(c, ENOMEM, "out of memory for what the image holds");
    for (size_t i = 0; i < n; i++)
        sorted[i] = &c->item[i];
    qsort(sorted, n, sizeof(struct xsi_item *), by_name);
    for (size_t i = 0; i + 1 < n; i++)
        if (sorted[i]->kind != XSI_ITEM_KINDS && sorted[i]->kind == sorted[i + 1]->kind &&
            sorted[i]->id == sorted[i + 1]->id) {
            drop(c, (size_t)(sorted[i] - c->item));
            sorted[i]->bytes = NULL;
            sorted[i]->length = UINT64_MAX; /* marked: the order of the rest must hold */
        }
    for (size_t i = 0; i < n; i++)
        if (c->item[i].length == UINT64_MAX)
            c->item[i].kind = XSI_ITEM_KINDS;
    free(sorted);
    return 0;
}

int xsi_items_settle(struct xsi_convert *c)
{
    size_t kept = 0;
    int rc;

    for (size_t i = 0; i < c->vm.item_count; i++)
        if (c->item_stream[i] && c->item[i].checkpoint >= c->vm.checkpoints) {
            drop(c, i);
            c->item[i].bytes = NULL;
            c->item[i].kind = XSI_ITEM_KINDS; /* of a checkpoint that did not come whole */
        }
    rc = only_last(c);
    for (size_t i = 0; i < c->vm.item_count; i++) {
        if (c->item[i].kind == XSI_ITEM_KINDS)
            continue;
        c->item_stream[kept] = c->item_stream[i];
        c->item[kept++] = c->item[i];
    }
    c->vm.item_count = kept;
    return rc;
}

void xsi_items_clear(struct xsi_convert *c)
{
    for (size_t i = 0; i < c->vm.item_count; i++)
        drop(c, i);
    free(c->item);
    free(c->item_stream);
    c->item = NULL;
    c->item_stream = NULL;
    c->vm.item = NULL;
    c->vm.item_count = c->item_capacity = 0;
}
