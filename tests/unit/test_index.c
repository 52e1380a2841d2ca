/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An index of a walk: each chunk again from the nearest mark, rows, sums, parts, and its limits. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "images.h"

#include "index.h"

#include "../../lib/dissect/internal.h"

enum { BATCHES = 2500, ENTRIES = 32, STRAY = 900, ROWS_MOST = 256 << 10 };

/* ---- small images of every kind, whole, cut and damaged ---- */

static void legacy_in_xapi(struct image *i)
{
    text(i, "XenSavedDomain\n");
    legacy_hvm(i);
    text(i, "QemuDeviceModelRecord");
    be(i, 64, 4);
    fill(i, 0x33, 64);
}

static void libxl_in_xl(struct image *i)
{
    const char config[] = JSON("hvm");

    *i = *xl_head(6, config, sizeof(config) - 1, 3);
    libxl_v2(i, 2);
}

static void emulator(struct image *i)
{
    qevm3(i, 40);
}

static void nothing_known(struct image *i)
{
    fill(i, 0x7e, 3000);
    fill(i, 0, 5000);
}

static void stray_behind(struct image *i)
{
    legacy_hvm(i);
    fill(i, 0, 700);
    text(i, "domain received, ready to unpause, and so on");
}

static void plain_v3(struct image *i)
{
    libxc_v3(i, 1);
}

static void (*const kinds[])(struct image *) = { legacy_hvm,    legacy_pv,   legacy_in_xapi,
                                                 plain_v3,      libxl_in_xl, emulator,
                                                 nothing_known, stray_behind };

static void check(const void *bytes, size_t n, bool scan, bool unfolded)
{
    const struct xsi_walk_options options = { .scan = scan };
    struct xsi_source *src = xsi_source_memory(bytes, n);

    check_index(src, &options, unfolded, 1000);
    xsi_source_free(src);
}

static void every_kind(void **state)
{
    static struct image whole;

    (void)state;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        whole.n = 0;
        kinds[k](&whole);
        check(whole.bytes, whole.n, false, false);
        check(whole.bytes, whole.n, true, true);
        for (size_t cut = 1; cut < whole.n; cut += 1 + whole.n / 23)
            check(whole.bytes, cut, false, false);
        for (size_t at = 3; at < whole.n; at += 1 + whole.n / 19) {
            whole.bytes[at] ^= 0x55;
            check(whole.bytes, whole.n, at % 2, false);
            whole.bytes[at] ^= 0x55;
        }
    }
}

/* ---- an image of more chunks than there are marks ---- */

static void number(FILE *f, uint64_t v, size_t n)
{
    v = htole64(v);
    fwrite(&v, n, 1, f);
}

/* A batch: two pages, and frames that are only allocated. */
static void batch(FILE *f, uint32_t first, bool table)
{
    static const uint8_t page[XSI_PAGE_SIZE];
    uint64_t entry;

    number(f, ENTRIES, 4);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        entry = first + i;
        entry |= i == 1 && table ? 0x90000000U : i > 1 ? 0xe0000000U : 0;
        number(f, entry, 8);
    }
    fwrite(page, sizeof(page), 1, f);
    fwrite(page, sizeof(page), 1, f);
}

/* A PV guest's; with damage in the middle. */
static void many_batches(FILE *f, bool damage)
{
    static const uint8_t noise[5000] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

    number(f, ENTRIES * BATCHES, 8);
    number(f, UINT64_MAX, 8);
    number(f, 5184, 4);
    fwrite("vcpu", 4, 1, f);
    number(f, 5168, 4);
    for (int i = 0; i < 5168; i++)
        fputc(0, f);
    fwrite("extv", 4, 1, f);
    number(f, 0, 4);
    for (int i = 0; i < (ENTRIES * BATCHES + 511) / 512; i++)
        number(f, 1, 8); /* p2m frame list */
    for (uint32_t i = 0; i < BATCHES; i++) {
        batch(f, ENTRIES * i, i % 5 == 0);
        if (damage && i % STRAY == STRAY / 2)
            fwrite(noise, sizeof(noise), 1, f);
    }
    number(f, 0xfffffffe, 4);
    number(f, 0, 4);
    number(f, 1, 8);
    number(f, 0xfffffff7, 4);
    number(f, 0, 4);
    number(f, 0, 4);
    for (int i = 0; i < 5168 + 128 + 4096; i++)
        fputc(0, f);
}

static char *made(bool damage, size_t *n)
{
    char *bytes = NULL;
    FILE *f = open_memstream(&bytes, n);

    assert_non_null(f);
    many_batches(f, damage);
    assert_int_equal(fclose(f), 0);
    return bytes;
}

static void thinned(void **state)
{
    (void)state;
    for (int damage = 0; damage < 2; damage++) {
        const struct xsi_walk_options options = { 0 };
        struct xsi_index_sum sum, part;
        struct straight s;
        size_t n, rows;
        char *bytes = made(damage, &n);
        struct xsi_source *src = xsi_source_memory(bytes, n);
        struct xsi_index *index;

        check_index(src, &options, false, 100);
        index = straight_walk(src, &options, true, &s);
        assert_true(s.count > BATCHES);
        xsi_index_rows(index, &rows);
        assert_int_equal(rows, s.count);
        for (size_t i = 0; i < s.count; i += 97)
            check_list(index, &s, i, 40);
        xsi_index_sum(index, 0, UINT64_MAX, &sum);
        assert_int_equal(sum.chunks, BATCHES);
        assert_int_equal(sum.entries, ENTRIES * BATCHES);
        assert_int_equal(sum.pages, 2 * BATCHES);
        assert_int_equal(sum.tables, BATCHES / 5);
        assert_int_equal(sum.first_pfn, 0);
        assert_int_equal(sum.last_pfn, ENTRIES * BATCHES - 1);
        xsi_index_sum(index, n / 2, n / 2 + 1, &part); /* no more than the marks around it */
        assert_true(part.chunks && part.chunks <= BATCHES / 128);
        assert_int_equal(part.entries, ENTRIES * part.chunks);
        assert_true(part.first_pfn > ENTRIES * BATCHES / 3 &&
                    part.last_pfn < ENTRIES * BATCHES * 2 / 3);
        xsi_index_free(index);
        straight_free(&s);
        xsi_source_free(src);
        free(bytes);
    }
}

/* ---- parts ---- */

static void is_part(const struct xsi_index *index, const char *type, enum xsi_part part)
{
    size_t count;
    const struct xsi_map_row *row = xsi_index_rows(index, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(row[i].type, type) != 0)
            continue;
        assert_int_equal(xsi_index_part(index, i), part);
        return;
    }
    fail_msg("no chunk %s", type);
}

static struct xsi_index *index_of(void (*make)(struct image *), struct image *i,
                                  struct xsi_source **src)
{
    const struct xsi_walk_options options = { 0 };
    struct xsi_index *index;
    struct straight s;

    i->n = 0;
    make(i);
    *src = xsi_source_memory(i->bytes, i->n);
    index = straight_walk(*src, &options, false, &s);
    straight_free(&s);
    return index;
}

static void parts(void **state)
{
    static const struct {
        void (*make)(struct image *);
        const char *type;
        enum xsi_part part;
    } wanted[] = {
        { legacy_in_xapi, "SIGNATURE", XSI_PART_CONTAINER },
        { legacy_in_xapi, "P2M_SIZE", XSI_PART_HEAD },
        { legacy_in_xapi, "PAGES", XSI_PART_PAGES },
        { legacy_in_xapi, "LAST_CHECKPOINT", XSI_PART_TAIL },
        { legacy_in_xapi, "HVM_CONTEXT", XSI_PART_TAIL },
        { legacy_in_xapi, "QEMU_RECORD", XSI_PART_EMULATOR },
        { libxl_in_xl, "LIBXC_CONTEXT", XSI_PART_CONTAINER },
        { libxl_in_xl, "STATIC_DATA_END", XSI_PART_HEAD },
        { stray_behind, "GAP", XSI_PART_GAP },
    };
    static struct image i;

    (void)state;
    for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++) {
        struct xsi_source *src;
        struct xsi_index *index = index_of(wanted[k].make, &i, &src);

        is_part(index, wanted[k].type, wanted[k].part);
        xsi_index_free(index);
        xsi_source_free(src);
    }
}

/* ---- limits ---- */

/* What was not added is not there, however far the image goes. */
static void half_walked(void **state)
{
    static struct image i;
    struct xsi_source *src;
    const struct xsi_chunk *chunk;
    struct xsi_map_row row[4];
    struct xsi_error err = { 0 };
    struct xsi_index *index;
    struct xsi_walk *w;
    struct xsi_event ev;

    (void)state;
    legacy_hvm(&i);
    src = xsi_source_memory(i.bytes, i.n);
    index = xsi_index_new(src, NULL, false, &err);
    w = xsi_walk_new(src, NULL, &err);
    assert_true(index && w);
    assert_null(xsi_index_open(index, 0, &chunk, &err));
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(xsi_index_list(index, 0, 4, row), 0);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(xsi_walk_next(w, &ev), 1);
        assert_int_equal(xsi_index_add(index, w, ev.chunk), 0);
    }
    assert_int_equal(xsi_index_list(index, 0, 4, row), 2);
    assert_int_equal(xsi_index_end(index), row[1].offset + row[1].length);
    assert_null(xsi_index_open(index, xsi_index_end(index), &chunk, &err));
    assert_null(xsi_index_open_number(index, 2, &chunk, &err));
    assert_int_equal(err.code, ENOENT);
    xsi_walk_free(w);
    xsi_index_free(index);
    xsi_source_free(src);
}

/* Bytes that are not those that were walked: said, and not looked for to the image's end. */
static void changed(void **state)
{
    const struct xsi_walk_options options = { 0 };
    const struct xsi_chunk *chunk;
    struct xsi_error err = { 0 };
    struct xsi_index *index;
    struct xsi_source *src;
    struct straight s;
    struct xsi_walk *w;
    size_t n;
    char *bytes = made(false, &n);

    (void)state;
    src = xsi_source_memory(bytes, n);
    index = straight_walk(src, &options, false, &s);
    memset(bytes, 0x11, n);
    for (size_t i = 0; i < s.count; i += 50) {
        w = xsi_index_open(index, s.chunk[i].offset, &chunk, &err);
        if (!w)
            assert_int_equal(err.code, ESTALE);
        xsi_walk_free(w);
    }
    xsi_index_free(index);
    straight_free(&s);
    xsi_source_free(src);
    free(bytes);
}

/* More rows than are kept: those behind have none, and can be opened. */
static void too_many_rows(void **state)
{
    const struct xsi_walk_options options = { 0 };
    const size_t total = ROWS_MOST + 1000;
    static struct image head;
    struct xsi_source *src;
    struct xsi_index *index;
    struct straight s;
    uint8_t *bytes;
    size_t rows;

    (void)state;
    libxc_v3(&head, 2);
    head.n -= 8; /* END */
    bytes = calloc(1, head.n + 8 * total);
    assert_non_null(bytes);
    memcpy(bytes, head.bytes, head.n);
    for (size_t i = 0; i < total; i++)
        bytes[head.n + 8 * i] = 0xd; /* VERIFY */
    src = xsi_source_memory(bytes, head.n + 8 * total);
    index = straight_walk(src, &options, false, &s);
    assert_true(s.count > ROWS_MOST);
    xsi_index_rows(index, &rows);
    assert_int_equal(rows, ROWS_MOST);
    assert_true(xsi_index_full(index));
    assert_null(xsi_index_at(index, s.chunk[s.count - 1].offset));
    for (size_t i = 0; i < s.count; i += 50000)
        check_open(index, &s, i);
    check_open(index, &s, s.count - 1);
    check_list(index, &s, s.count - 20, 40);
    xsi_index_free(index);
    straight_free(&s);
    xsi_source_free(src);
    free(bytes);
}

/* A pipe has no way back, but rows and sums. */
static void forward_only(void **state)
{
    const struct xsi_walk_options options = { 0 };
    static struct image i;
    struct xsi_index *index;
    struct xsi_source *src;
    struct xsi_error err;
    struct straight s;
    int fd[2];

    (void)state;
    legacy_in_xapi(&i);
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], i.bytes, i.n), i.n);
    close(fd[1]);
    src = xsi_source_fd(fd[0], NULL, &err);
    assert_non_null(src);
    index = straight_walk(src, &options, false, &s);
    check_rows(index, &s, false);
    check_sums(index, &s);
    xsi_index_free(index);
    straight_free(&s);
    xsi_source_free(src);
    close(fd[0]);
}

/* A mark is small whatever has been seen before it. */
static void small(void **state)
{
    struct xsi_bookmark *mark;
    struct xsi_source *src;
    struct xsi_error err;
    struct xsi_walk *w;
    struct xsi_event ev;
    size_t n;
    char *bytes = made(false, &n);

    (void)state;
    src = xsi_source_memory(bytes, n);
    w = xsi_walk_new(src, NULL, &err);
    for (int i = 0; i < BATCHES / 2; i++)
        assert_int_equal(xsi_walk_next(w, &ev), 1);
    mark = xsi_bookmark_new(w);
    assert_in_range(xsi_bookmark_size(mark), 200, 4096);
    free(mark);
    xsi_walk_free(w);
    xsi_source_free(src);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),   cmocka_unit_test(thinned), cmocka_unit_test(parts),
        cmocka_unit_test(half_walked),  cmocka_unit_test(changed), cmocka_unit_test(too_many_rows),
        cmocka_unit_test(forward_only), cmocka_unit_test(small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
