/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes in memory, and splices over a source against the image made by hand. */
#include "source.h"

/* ---- memory and overlays ---- */

static void test_memory(void **state)
{
    struct fixture *f = *state;
    struct xsi_source *src = xsi_source_memory(f->bytes, 1000);
    uint8_t buf[16];

    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_MEMORY);
    expect_bytes(src, f->bytes, 1000);
    assert_int_equal(xsi_source_read(src, buf, 16, 990), 10);
    xsi_source_free(src);
    src = xsi_source_memory(NULL, 0);
    assert_int_equal(xsi_source_read(src, buf, 16, 0), 0);
    xsi_source_free(src);
}

#define SPLICES 12

/* Random splices, and the image that they make when done by hand. */
static size_t make_splices(struct fixture *f, uint32_t *seed, struct xsi_splice *s, size_t base,
                           uint8_t *model)
{
    size_t i, from = 0, n = 0;

    for (i = 0; i < SPLICES; i++) {
        size_t room = base - from, gap = noise(seed) % (room / 4 + 1);

        memcpy(model + n, f->bytes + from, gap);
        n += gap;
        from += gap;
        s[i].offset = from;
        s[i].removed = noise(seed) % 3 ? noise(seed) % (room / 4 + 1) : 0;
        if (s[i].removed > base - from)
            s[i].removed = base - from;
        s[i].inserted_length = noise(seed) % 3 ? noise(seed) % 300 : 0;
        s[i].inserted = s[i].inserted_length ? f->bytes + 65536 + noise(seed) % 60000 : NULL;
        if (s[i].inserted)
            memcpy(model + n, s[i].inserted, s[i].inserted_length);
        n += s[i].inserted_length;
        from += s[i].removed;
    }
    memcpy(model + n, f->bytes + from, base - from);
    return n + base - from;
}

static void test_overlay_model(void **state)
{
    struct fixture *f = *state;
    uint8_t *model = malloc(20000), buf[5000];
    uint32_t seed = 77, round, i;

    for (round = 0; round < 300; round++) {
        size_t base_size = noise(&seed) % 4000;
        struct xsi_source *base = xsi_source_memory(f->bytes, base_size), *over;
        struct xsi_splice s[SPLICES];
        size_t n = make_splices(f, &seed, s, base_size, model);

        over = xsi_source_overlay(base, s, SPLICES, NULL);
        assert_non_null(over);
        memset(s, 0xa5, sizeof(s)); /* the rows were copied */
        expect_bytes(over, model, n);
        for (i = 0; i < 50; i++) {
            size_t at = noise(&seed) % (n + 2), len = noise(&seed) % sizeof(buf);
            size_t want = at >= n ? 0 : len < n - at ? len : n - at;

            assert_int_equal(xsi_source_read(over, buf, len, at), want);
            assert_memory_equal(buf, model + (want ? at : 0), want);
            assert_int_equal(xsi_source_next_data(over, at), at);
        }
        xsi_source_free(over);
        xsi_source_free(base);
    }
    free(model);
}

static void test_overlay_rows(void **state)
{
    static const struct {
        struct xsi_splice s[2];
        const char *words;
    } rows[] = {
        { { { 5, 6, NULL, 0 }, { 10, 1, NULL, 0 } }, "edit 2 of the plan begins before" },
        { { { 5, 0, NULL, 0 }, { 4, 0, NULL, 0 } }, "begins before" },
        { { { 5, 0, NULL, 0 }, { 101, 0, NULL, 0 } }, "behind the end" },
        { { { 5, 96, NULL, 0 }, { 101, 0, NULL, 0 } }, "edit 1 of the plan lies behind the end" },
        { { { 5, UINT64_MAX, NULL, 0 }, { 9, 0, NULL, 0 } }, "behind the end" },
        { { { 5, 0, NULL, 3 }, { 9, 0, NULL, 0 } }, "no bytes" },
        { { { 5, 0, "x", (size_t)INT64_MAX }, { 9, 0, NULL, 0 } }, "too large" },
    };
    struct fixture *f = *state;
    struct xsi_source *base = xsi_source_memory(f->bytes, 100), *over, *top;
    struct xsi_splice same[] = { { 100, 0, "a", 1 }, { 100, 0, "b", 1 } };
    struct xsi_error err;
    uint8_t buf[8];
    int fd = feed("bytes", 5);
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_null(xsi_source_overlay(base, rows[i].s, 2, &err));
        assert_int_equal(err.code, EINVAL);
        assert_non_null(strstr(err.text, rows[i].words));
    }
    over = xsi_source_overlay(base, same, 2, &err); /* at the end, in their order */
    assert_non_null(over);
    assert_int_equal(xsi_source_kind(over), XSI_SOURCE_OVERLAY);
    top = xsi_source_overlay(over, NULL, 0, &err);
    assert_int_equal(xsi_source_read(top, buf, 8, 99), 3);
    assert_memory_equal(buf + 1, "ab", 2);
    xsi_source_free(top);
    xsi_source_free(over);
    xsi_source_free(base);
    base = xsi_source_fd(fd, NULL, &err);
    assert_null(xsi_source_overlay(base, same, 2, &err));
    assert_int_equal(err.code, ESPIPE);
    xsi_source_free(base);
    close(fd);
    wait(NULL);
}

/* A source of zeros with one bad byte, put in by its operations. */
#define FAULT_SIZE 10000U
#define FAULT_AT   6000U

static ssize_t fault_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    if (offset == FAULT_AT)
        return -EIO;
    if (offset < FAULT_AT && len > FAULT_AT - offset)
        len = (size_t)(FAULT_AT - offset);
    if (len > FAULT_SIZE - offset)
        len = (size_t)(FAULT_SIZE - offset);
    memset(buf, 0, len);
    src->bytes_read += len;
    return (ssize_t)len;
}

static bool fault_size(const struct xsi_source *src, uint64_t *size)
{
    (void)src;
    *size = FAULT_SIZE;
    return true;
}

static void test_overlay_unreadable(void **state)
{
    static const struct xsi_source_ops ops = { .read = fault_read, .size = fault_size };
    struct xsi_source base, *over;
    struct xsi_splice s = { 100, 0, "12345678", 8 };
    uint8_t buf[FAULT_SIZE + 8];

    (void)state;
    memset(&base, 0, sizeof(base));
    xsi_source_init(&base, &ops, XSI_SOURCE_FILE, "faulty");
    base.seekable = true;
    over = xsi_source_overlay(&base, &s, 1, NULL);
    assert_int_equal(xsi_source_read(over, buf, sizeof(buf), 0), FAULT_AT + 8);
    assert_int_equal(xsi_source_read(over, buf, sizeof(buf), FAULT_AT + 8), -EIO);
    assert_non_null(strstr(xsi_source_error(over)->text, "cannot read 'faulty' at 0x1770"));
    assert_int_equal(xsi_source_read(over, buf, sizeof(buf), FAULT_AT + 9), 10000 - 6001);
    xsi_source_free(over);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_overlay_model),
        cmocka_unit_test(test_overlay_rows),
        cmocka_unit_test(test_overlay_unreadable),
    };

    return cmocka_run_group_tests_name("source-overlay", tests, setup, teardown);
}
