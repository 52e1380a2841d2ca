/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes in memory as a source. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct memory_source {
    struct xsi_source src;
    const uint8_t *bytes;
    size_t length;
};

static ssize_t memory_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    const struct memory_source *m = (const struct memory_source *)src;

    if (offset >= m->length)
        return 0;
    if (len > m->length - offset)
        len = m->length - offset;
    memcpy(buf, m->bytes + offset, len);
    src->bytes_read += len;
    return (ssize_t)len;
}

static bool memory_size(const struct xsi_source *src, uint64_t *size)
{
    *size = ((const struct memory_source *)src)->length;
    return true;
}

static void memory_free(struct xsi_source *src)
{
    free(src);
}

static const struct xsi_source_ops memory_ops = {
    .read = memory_read,
    .size = memory_size,
    .free = memory_free,
};

struct xsi_source *xsi_source_memory(const void *bytes, size_t length)
{
    struct memory_source *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    xsi_source_init(&m->src, &memory_ops, XSI_SOURCE_MEMORY, "memory");
    m->src.seekable = true;
    m->src.has_file_size = true;
    m->src.file_size = length;
    m->bytes = bytes;
    m->length = length;
    return &m->src;
}
