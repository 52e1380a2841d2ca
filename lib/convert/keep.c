/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages as the receiver of a Remus stream has them: compressed pages are differences against them.
 * A table from frame to place: in the input, or in a file of our own for those that were expanded.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

#define FRAMES_MAX \
    (16U << 20) /* 64 GiB of a guest; the table takes 16 bytes a frame and as much free */

struct slot {
    uint64_t pfn_1; /* PFN + 1; 0: free */
    uint64_t at;    /* offset in the input; with SPOOLED in the file */
};
#define SPOOLED (1ULL << 63)

struct xsi_keep {
    struct slot *slot;
    size_t count, capacity; /* capacity: a power of two */
    const char *folder;
    int fd;
    uint64_t end; /* of the file */
};

struct xsi_keep *xsi_keep_new(const char *spool)
{
    struct xsi_keep *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    k->folder = spool ? spool : getenv("TMPDIR");
    k->folder = k->folder && k->folder[0] ? k->folder : "/var/tmp";
    k->fd = -1;
    return k;
}

void xsi_keep_free(struct xsi_keep *k)
{
    if (!k)
        return;
    if (k->fd >= 0)
        close(k->fd);
    free(k->slot);
    free(k);
}

static struct slot *find(struct slot *slot, size_t capacity, uint64_t pfn)
{
    size_t i = (size_t)(pfn * 0x9e3779b97f4a7c15ULL >> 20) & (capacity - 1);

    while (slot[i].pfn_1 && slot[i].pfn_1 != pfn + 1)
        i = (i + 1) & (capacity - 1);
    return &slot[i];
}

static int grow(struct xsi_keep *k)
{
    size_t capacity = k->capacity ? 2 * k->capacity : 4096;
    struct slot *larger;

    if (k->count > FRAMES_MAX)
        return -EFBIG;
    larger = calloc(capacity, sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    for (size_t i = 0; i < k->capacity; i++)
        if (k->slot[i].pfn_1)
            *find(larger, capacity, k->slot[i].pfn_1 - 1) = k->slot[i];
    free(k->slot);
    k->slot = larger;
    k->capacity = capacity;
    return 0;
}

static int put(struct xsi_keep *k, uint64_t pfn, uint64_t at)
{
    struct slot *s;
    int rc = 2 * k->count >= k->capacity ? grow(k) : 0;

    if (rc)
        return rc;
    s = find(k->slot, k->capacity, pfn);
    k->count += !s->pfn_1;
    s->pfn_1 = pfn + 1;
    s->at = at;
    return 0;
}

int xsi_keep_input(struct xsi_keep *k, uint64_t pfn, uint64_t count, uint64_t offset)
{
    int rc = 0;

    for (uint64_t i = 0; !rc && i < count; i++)
        rc = put(k, pfn + i, offset + i * XSI_PAGE_SIZE);
    return rc;
}

int xsi_keep_page(struct xsi_keep *k, uint64_t pfn, const uint8_t *page)
{
    struct slot *s = k->capacity ? find(k->slot, k->capacity, pfn) : NULL;
    uint64_t at = s && s->pfn_1 && (s->at & SPOOLED) ? s->at & ~SPOOLED : k->end;
    ssize_t n;

    if (k->fd < 0)
        k->fd = open(k->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (k->fd < 0)
        return -errno;
    do
        n = pwrite(k->fd, page, XSI_PAGE_SIZE, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n != XSI_PAGE_SIZE)
        return n < 0 ? -errno : -ENOSPC;
    if (at == k->end)
        k->end += XSI_PAGE_SIZE;
    return put(k, pfn, at | SPOOLED);
}

bool xsi_keep_get(struct xsi_keep *k, struct xsi_source *src, uint64_t pfn, uint8_t *page)
{
    struct slot *s = k->capacity ? find(k->slot, k->capacity, pfn) : NULL;

    if (!s || !s->pfn_1)
        return false;
    if (s->at & SPOOLED)
        return pread(k->fd, page, XSI_PAGE_SIZE, (off_t)(s->at & ~SPOOLED)) == XSI_PAGE_SIZE;
    return xsi_source_read(src, page, XSI_PAGE_SIZE, s->at) == XSI_PAGE_SIZE;
}
