/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine of conversion: what it refuses and how, its output as a source. */
#include "images.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/xsi_convert.h"

static struct image image;
static bool forced = true;

static struct xsi_convert *begin(struct xsi_source *src, const char *to, struct xsi_error *err)
{
    /* the HVM context of these images holds no CPU, which counts as damage */
    struct xsi_convert_options options = { .to = to, .force = forced };

    return xsi_convert_new(src, &options, err);
}

static void refused(const struct image *i, const char *to, int code, const char *words)
{
    struct xsi_source *src = xsi_source_memory(i->bytes, i->n);
    struct xsi_error err;

    assert_null(begin(src, to, &err));
    if (err.code != code || !strstr(err.text, words))
        fail_msg("%s: %d %s; expected %d … %s", to, err.code, err.text, code, words);
    xsi_source_free(src);
}

/* ---- targets ---- */

static void test_targets(void **state)
{
    static const struct {
        const char *to, *words;
    } rows[] = {
        { "", "no target" },
        { "nonsense", "'nonsense' is no layer" },
        { "xl>nonsense", "'nonsense' is no layer" },
        { "libxc-v3>xl", "'xl' cannot stand" },
        { "xl>xend", "'xend' cannot stand" },
        { "libxc-v3>libxc-v3", "cannot stand" },
        { "qemu-xen", "cannot stand" },
        { "libxc-v3>qemu-xen>qemu-xen>libxl-v2", "cannot stand" },
        { "a-name-that-is-much-longer-than-any-layer-can-ever-have", "is no layer" },
    };

    (void)state;
    image.n = 0;
    legacy_hvm(&image);
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        refused(&image, rows[k].to, EINVAL, rows[k].words);
}

static void test_names(void **state)
{
    const char *name, *help;
    size_t n = 0;

    (void)state;
    for (; (name = xsi_writer_name(n, &help)); n++) {
        assert_true(help[0]);
        for (size_t k = 0; k < n; k++)
            assert_string_not_equal(name, xsi_writer_name(k, NULL));
    }
    assert_true(n >= 15);
}

/* ---- inputs that cannot be converted ---- */

static void test_damage(void **state)
{
    (void)state;
    image.n = 0;
    text(&image, "this is no save image at all, but it is long enough to be looked at");
    refused(&image, "libxc-v3", EBADMSG, "no memory stream");
    image.n = 0;
    legacy_hvm(&image);
    image.n -= 20; /* in the HVM context */
    refused(&image, "libxc-v3", EBADMSG, "before the state of the CPUs");
    image.n = 0;
    legacy_hvm(&image);
    forced = false;
    refused(&image, "libxc-v3", EBADMSG, "xsrecover fix");
    forced = true;
}

/* ---- the output as a source ---- */

static size_t all_of(struct xsi_source *out, uint8_t *bytes, size_t step)
{
    size_t n = 0;
    ssize_t got;

    while ((got = xsi_source_read(out, bytes + n, step, n)) > 0)
        n += (size_t)got;
    assert_int_equal(got, 0);
    return n;
}

static void test_output(void **state)
{
    struct xsi_source *src, *out;
    static uint8_t whole[IMAGE_MAX], parts[IMAGE_MAX];
    struct xsi_convert *c;
    struct xsi_origin origin;
    struct xsi_error err;
    uint64_t size = 0;
    size_t n;

    (void)state;
    image.n = 0;
    legacy_hvm(&image);
    src = xsi_source_memory(image.bytes, image.n);
    c = begin(src, "libxc-v3", &err);
    assert_non_null(c);
    out = xsi_convert_source(c);
    assert_false(xsi_source_seekable(out));
    assert_true(xsi_source_ahead(out));
    assert_false(xsi_source_size(out, &size));
    n = all_of(out, whole, sizeof(whole));
    assert_true(xsi_source_size(out, &size));
    assert_int_equal(size, n);
    /* pages come from the first batch, the end from the tail */
    assert_true(xsi_convert_origin(c, 200, &origin));
    assert_string_equal(origin.type, "PAGES");
    assert_int_equal(origin.offset, 32);
    xsi_convert_free(c);

    c = begin(src, "libxc-v3", &err);
    assert_int_equal(all_of(xsi_convert_source(c), parts, 7), n);
    assert_memory_equal(whole, parts, n);
    /* what lies ahead first, then what lies between */
    xsi_convert_free(c);
    c = begin(src, "libxc-v3", &err);
    assert_int_equal(xsi_source_read(xsi_convert_source(c), parts, 100, n - 100), 100);
    assert_memory_equal(whole + n - 100, parts, 100);
    assert_int_equal(xsi_source_read(xsi_convert_source(c), parts, 100, 0), 100);
    assert_memory_equal(whole, parts, 100);
    xsi_convert_free(c);
    xsi_source_free(src);
}

static void test_check_then_write(void **state)
{
    struct xsi_source *src = xsi_source_memory(image.bytes, image.n);
    struct xsi_converted result;
    struct xsi_written written;
    char name[] = "/tmp/convert.XXXXXX";
    struct xsi_error err;
    struct xsi_convert *c = begin(src, "libxc-v3", &err);
    int fd = mkstemp(name);

    (void)state;
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(xsi_convert_check(c, NULL, &result, &err), 0);
    assert_true(result.judged);
    assert_int_equal(xsi_convert_write(c, fd, NULL, NULL, &written, &err), 0);
    assert_int_equal(written.bytes, result.size);
    assert_int_equal(lseek(fd, 0, SEEK_END), result.size);
    /* and once more: it begins from the beginning */
    assert_int_equal(xsi_convert_write(c, fd, NULL, NULL, &written, &err), 0);
    assert_int_equal(written.bytes, result.size);
    close(fd);
    xsi_convert_free(c);
    xsi_source_free(src);
}

/* An output that is the input would feed on itself. */
static void test_itself(void **state)
{
    char name[] = "/tmp/convert.XXXXXX";
    int fd = mkstemp(name), again;
    struct xsi_written written;
    struct xsi_source *src;
    struct xsi_convert *c;
    struct xsi_error err;

    (void)state;
    assert_int_equal(write(fd, image.bytes, image.n), (ssize_t)image.n);
    src = xsi_source_open(name, NULL, &err);
    c = begin(src, "libxc-v3", &err);
    again = open(name, O_WRONLY | O_APPEND);
    assert_int_equal(xsi_convert_write(c, again, NULL, NULL, &written, &err), -EEXIST);
    assert_int_equal(xsi_convert_file(c, name, NULL, NULL, &written, &err), -EEXIST);
    assert_int_equal(lseek(again, 0, SEEK_END), (off_t)image.n);
    close(again);
    close(fd);
    unlink(name);
    xsi_convert_free(c);
    xsi_source_free(src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),          cmocka_unit_test(test_names),
        cmocka_unit_test(test_damage),           cmocka_unit_test(test_output),
        cmocka_unit_test(test_check_then_write), cmocka_unit_test(test_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
