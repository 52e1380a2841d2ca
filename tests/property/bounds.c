/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 9, bounds: memory and reads stay bounded on hostile counts, lengths, nesting, 1-page
 * batches, zero-length records, a p2m_size of 2^63 and optional data of 4 GiB. (The compression
 * bomb stands in tests/cli.) The images are sparse files, made here.
 */
#include "common.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of the address sanitizer; Debian's gcc comes without its header. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *p);

enum { MEBI = 1 << 20, HEAP_LIMIT = 24 * MEBI, PAGE = 4096 };

/* The heap's size, kept by the sanitizer's hooks; they take no argument, hence static. */
static struct {
    atomic_size_t now, peak;
} heap;

static void on_malloc(const volatile void *p, size_t n)
{
    size_t now = atomic_fetch_add(&heap.now, n) + n;

    (void)p;
    if (now > heap.peak)
        heap.peak = now;
}

static void on_free(const volatile void *p)
{
    if (p)
        atomic_fetch_sub(&heap.now, __sanitizer_get_allocated_size(p));
}

/* A file that grows at its end. */
struct builder {
    int fd;
    uint64_t at;
};

static void put(struct builder *b, const void *bytes, size_t n)
{
    assert_int_equal(pwrite(b->fd, bytes, n, (off_t)b->at), n);
    b->at += n;
}

static void put32(struct builder *b, uint32_t v)
{
    v = htole32(v);
    put(b, &v, sizeof(v));
}

static void put64(struct builder *b, uint64_t v)
{
    v = htole64(v);
    put(b, &v, sizeof(v));
}

static void put32be(struct builder *b, uint32_t v)
{
    v = htobe32(v);
    put(b, &v, sizeof(v));
}

static void put_hole(struct builder *b, uint64_t n)
{
    b->at += n;
    assert_int_equal(ftruncate(b->fd, (off_t)b->at), 0);
}

/* libxc-v3 as far as its first record: an HVM guest. */
static void put_v3(struct builder *b)
{
    put64(b, UINT64_MAX);
    put(b, "XENF", 4);
    put32be(b, 3);
    put64(b, 0);
    put32(b, 2);
    put32(b, 12);
    put32(b, 4);
    put32(b, 17);
}

static void legacy_count(struct builder *b)
{
    static const uint32_t counts[] = { 0x7fffffff, 0x80000000, 1025, 0xffffff9d, 0xfffffff7 };

    put64(b, 1024);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        put32(b, 4);
        for (uint64_t pfn = 0; pfn < 4; pfn++)
            put64(b, 4 * i + pfn);
        put_hole(b, 4 * PAGE);
        put32(b, counts[i]);
    }
    put_hole(b, 256 * PAGE);
}

static void legacy_one_page_batches(struct builder *b)
{
    put64(b, 65536);
    for (uint64_t pfn = 0; pfn < 16384; pfn++) {
        put32(b, 1);
        put64(b, pfn);
        put_hole(b, PAGE);
    }
}

static void legacy_p2m_size(struct builder *b)
{
    put64(b, UINT64_C(1) << 63);
    put32(b, 1);
    put64(b, 0);
    put_hole(b, PAGE);
    put32(b, 0);
}

static void legacy_scattered(struct builder *b)
{
    put64(b, UINT64_C(1) << 40);
    for (uint64_t batch = 0; batch < 512; batch++) {
        put32(b, 1024);
        for (uint64_t i = 0; i < 1024; i++)
            put64(b, 2 * (batch * 1024 + i));
        put_hole(b, 1024 * PAGE);
    }
}

static void v3_empty_records(struct builder *b)
{
    uint32_t *row = malloc(MEBI);

    assert_non_null(row);
    put_v3(b);
    for (size_t i = 0; i < MEBI / sizeof(*row); i += 2) {
        row[i] = htole32(0x80000099);
        row[i + 1] = 0;
    }
    put(b, row, MEBI);
    free(row);
}

static void v3_length(struct builder *b)
{
    static const uint32_t types[] = { 0x80000099, 1, 2, 3, 4, 7, 8, 9, 10, 15, 17, 18 };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        put_v3(b);
        put32(b, types[i]);
        put32(b, 0xffffffff);
        put_hole(b, 64 * PAGE);
    }
}

static void xl_optional_data(struct builder *b)
{
    put(b, "Xen saved domain, xl format\n \0 \r", 32);
    put32(b, 0x01020304);
    put32(b, 3);
    put32(b, 0);
    put32(b, 0xffffffff);
    put_hole(b, UINT64_C(6) << 30);
}

static void xend_config(struct builder *b)
{
    put(b, "LinuxGuestRecord", 16);
    put32be(b, 0xffffffff);
    put_hole(b, UINT64_C(6) << 30);
}

static void nested_xl(struct builder *b)
{
    for (int i = 0; i < 1000; i++) {
        put(b, "Xen saved domain, xl format\n \0 \r", 32);
        put32(b, 0x01020304);
        put32(b, 0);
        put32(b, 0);
        put32(b, 0);
    }
    put_v3(b);
    put_hole(b, PAGE);
}

static void nothing_but_zeroes(struct builder *b)
{
    put_hole(b, UINT64_C(1) << 30);
}

static const struct hostile {
    const char *name;
    void (*build)(struct builder *b);
    uint64_t reads; /* MiB that may be read of it at most */
} hostile[] = {
    { "legacy counts", legacy_count, 16 },
    { "legacy 1-page batches", legacy_one_page_batches, 256 },
    { "legacy p2m_size of 2^63", legacy_p2m_size, 1 },
    { "legacy every second page", legacy_scattered, 16 },
    { "v3 zero-length records", v3_empty_records, 64 },
    { "v3 record lengths", v3_length, 64 },
    { "xl optional data of 4 GiB", xl_optional_data, 256 },
    { "xend configuration of 4 GiB", xend_config, 256 },
    { "xl in xl, a thousand times", nested_xl, 64 },
    { "zeroes", nothing_but_zeroes, 1200 },
};

static void ignore(struct xsi_sink *sink, const struct xsi_value *value)
{
    (void)sink;
    (void)value;
}

static void walk(struct xsi_source *src, uint64_t length)
{
    struct xsi_sink sink = { ignore };
    struct xsi_error err = { 0 };
    struct xsi_walk *w = xsi_walk_new(src, NULL, &err);
    struct xsi_page_entry rows[16];
    uint64_t end = 0;
    struct xsi_event ev;
    int rc;

    assert_non_null(w);
    while ((rc = xsi_walk_next(w, &ev)) > 0) {
        if (ev.kind != XSI_EV_CHUNK)
            continue;
        assert_true(ev.chunk->offset == end && ev.chunk->length > 0);
        end += ev.chunk->length;
        /* once in a while what a listing would ask for */
        if (ev.chunk->index % 64 == 0) {
            xsi_chunk_fields(w, ev.chunk, 2, &sink);
            xsi_chunk_entries(w, ev.chunk, 0, 16, rows);
        }
    }
    assert_int_equal(rc, 0);
    assert_true(end == length);
    xsi_walk_free(w);
}

static void bounds(void **state)
{
    const struct hostile *h = *state;
    struct builder b = { memfd_create(h->name, MFD_CLOEXEC), 0 };
    struct xsi_error err = { 0 };
    struct xsi_source *src;
    size_t before;

    assert_true(b.fd >= 0);
    h->build(&b);
    alarm(120);
    before = heap.now;
    heap.peak = before;
    src = xsi_source_fd(b.fd, NULL, &err);
    assert_non_null(src);
    walk(src, b.at);
    if (heap.peak - before > HEAP_LIMIT)
        fail_msg("%zu bytes of memory at the peak", heap.peak - before);
    if (xsi_source_bytes_read(src) > h->reads * MEBI)
        fail_msg("%" PRIu64 " of %" PRIu64 " bytes read", xsi_source_bytes_read(src), b.at);
    xsi_source_free(src);
    alarm(0);
    close(b.fd);
}

int main(void)
{
    enum { N = sizeof(hostile) / sizeof(hostile[0]) };
    struct CMUnitTest tests[N];

    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){ hostile[i].name, bounds, NULL, NULL,
                                        (void *)(uintptr_t)&hostile[i] };
    return _cmocka_run_group_tests("bounds", tests, N, NULL, NULL) != 0;
}
