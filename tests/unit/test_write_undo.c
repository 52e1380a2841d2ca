/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Undo files: what they tell, what undo refuses, what the registry makes of rubbish. */
#include "lib/edit/write.h"
#include "write_image.h"

static const struct xsi_splice tail[] = { { 290000, 0, INSERTED, 4 } };
static const struct xsi_splice inner[] = { { 100000, 4, INSERTED, 4 }, { 200000, 9, INSERTED, 9 } };

/* The image with a plan written to it; undo: its undo file. */
static void written(struct folder *f, const struct xsi_splice *s, size_t count, char undo[512])
{
    struct xsi_plan *plan = plan_for(f->image, s, count);
    struct xsi_error err = { 0 };
    struct xsi_written w;

    xsi_plan_set_reader(plan, "xen-4.1/32/xapi");
    if (xsi_write_in_place(plan, f->image, &f->options, &w, &err))
        fail_msg("%s", err.text);
    memcpy(undo, w.undo, 512);
    xsi_plan_free(plan);
}

static void poke(const char *path, uint64_t at, uint8_t with)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;

    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= with;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static void test_tells(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info, found;
    struct xsi_error err = { 0 };
    char undo[512], wanted[700];
    size_t n;
    uint8_t *bytes;

    written(f, inner, 2, undo);
    assert_int_equal(xsi_journal_read(undo, &info, &err), 0);
    assert_int_equal(info.state, XSI_JOURNAL_APPLIED);
    assert_string_equal(info.image, f->image);
    assert_string_equal(info.reader, "xen-4.1/32/xapi");
    assert_string_equal(info.file, undo);
    assert_int_equal(info.old_size, f->size);
    assert_int_equal(info.new_size, f->size);
    assert_int_equal(info.saved, 13);
    assert_int_equal(info.extents, 2);
    assert_true(info.when > 1500000000);
    assert_int_equal(xsi_registry_find(f->image, f->state, &found), 1);
    assert_string_equal(found.file, undo);
    assert_int_equal(found.state, info.state);
    assert_int_equal(found.saved, 13);
    assert_int_equal(xsi_registry_find(undo, f->state, &found), 0);
    /* its first line tells a person what to do */
    bytes = get_file(undo, &n);
    *strchr((char *)bytes, '\n') = '\0';
    (void)snprintf(wanted, sizeof(wanted), "xsrecover undo %s", undo);
    assert_non_null(strstr((char *)bytes, wanted));
    free(bytes);
}

static void refused(struct folder *f, const char *undo, const char *words)
{
    struct xsi_error err = { 0 };
    struct xsi_written w;
    size_t n, m;
    uint8_t *before = get_file(f->image, &n), *after;

    expect_error(xsi_undo(undo, NULL, &f->options, false, &w, &err), -ESTALE, &err, words);
    expect_error(xsi_undo(undo, NULL, &f->options, true, &w, &err), -ESTALE, &err, words);
    after = get_file(f->image, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
}

static void test_changed_since(void **state)
{
    struct folder *f = *state;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char undo[512];

    written(f, tail, 1, undo);
    poke(f->image, 295000, 1);
    refused(f, undo, "from 0x46cd0 on");
    poke(f->image, 295000, 1);
    poke(f->image, 77, 1);
    refused(f, undo, "not the image");
    poke(f->image, 77, 1);
    assert_int_equal(truncate(f->image, (off_t)f->size), 0);
    refused(f, undo, "300001 bytes");
    put_image(f, f->image, f->bytes, f->size);
    refused(f, undo, "300001 bytes");
    expect_error(xsi_undo(undo, "/dev/null", NULL, false, &w, &err), -EINVAL, &err, "");
}

static void test_old_already(void **state)
{
    struct folder *f = *state;
    char undo[512];

    written(f, inner, 2, undo);
    put_image(f, f->image, f->bytes, f->size);
    refused(f, undo, "the old ones already");
}

/* A copy elsewhere can be given its old bytes as well, when it holds what was written. */
static void test_moved(void **state)
{
    struct folder *f = *state;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char undo[512];

    written(f, tail, 1, undo);
    assert_int_equal(rename(f->image, f->out), 0);
    expect_error(xsi_undo(undo, NULL, NULL, false, &w, &err), -ENOENT, &err, "web.save");
    assert_int_equal(xsi_undo(undo, f->out, NULL, false, &w, &err), 0);
    expect_file(f->out, f->bytes, f->size);
}

static void mark(const char *undo, enum xsi_journal_state state)
{
    struct xsi_journal j;
    struct xsi_error err = { 0 };

    assert_int_equal(xsi_journal_open(&j, undo, true, true, &err), 0);
    assert_int_equal(xsi_journal_mark(&j, state, &err), 0);
    xsi_journal_close(&j);
}

/* Old bytes, where the new ones stand. */
static void put_sectors(struct folder *f, const char *path, uint64_t at, size_t n)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_int_equal(pwrite(fd, f->bytes + at, n, (off_t)at), (ssize_t)n);
    close(fd);
}

/* What is done to a copy is no news of the image. */
static void test_copies(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char undo[512], command[1100];

    written(f, tail, 1, undo);
    (void)snprintf(command, sizeof(command), "cp '%s' '%s'", f->image, f->out);
    assert_int_equal(system(command), 0);
    put_sectors(f, f->out, 292864, 4096); /* an undo of it was killed */
    assert_int_equal(xsi_undo(undo, f->out, NULL, false, &w, &err), 0);
    expect_file(f->out, f->bytes, f->size);
    expect_error(xsi_undo(undo, f->out, NULL, false, &w, &err), -EALREADY, &err, "already");
    assert_int_equal(xsi_journal_read(undo, &info, &err), 0);
    assert_int_equal(info.state, XSI_JOURNAL_APPLIED);
    poke(f->out, 293000, 1);
    expect_error(xsi_undo(undo, f->out, NULL, false, &w, &err), -ESTALE, &err, "neither");
    assert_int_equal(xsi_undo(undo, NULL, NULL, false, &w, &err), 0);
    expect_file(f->image, f->bytes, f->size);
}

/* The whole image is one extent: there are no surroundings, and each sector is looked at. */
static void test_no_surroundings(void **state)
{
    static const struct xsi_splice front[] = { { 0, 0, INSERTED, 600 } };
    struct folder *f = *state;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char undo[512];
    uint8_t inserted[600];
    struct xsi_splice s = front[0];

    memset(inserted, 7, sizeof(inserted));
    s.inserted = inserted;
    written(f, &s, 1, undo);
    mark(undo, XSI_JOURNAL_UNDOING);
    poke(f->image, 0, 1);
    refused(f, undo, "0 to 0x1ff");
    poke(f->image, 0, 1);
    /* as far as it grew, with a sector that never came */
    assert_int_equal(truncate(f->image, 300032), 0);
    assert_int_equal(truncate(f->image, 300500), 0);
    put_sectors(f, f->image, 512, 131072 - 512);
    assert_int_equal(xsi_undo(undo, NULL, NULL, false, &w, &err), 0);
    expect_file(f->image, f->bytes, f->size);
}

/* An interrupted write: the surroundings and the sectors say whether it is the image. */
static void test_interrupted(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char undo[512], command[1100];

    written(f, tail, 1, undo);
    mark(undo, XSI_JOURNAL_READY);
    put_sectors(f, f->image, 295424, 2048); /* half written */
    poke(f->image, 289000, 1);              /* not by us */
    refused(f, undo, "around the repair");
    poke(f->image, 289000, 1);
    poke(f->image, 295430, 1);
    refused(f, undo, "0x48200 to 0x483ff");
    poke(f->image, 295430, 1);
    poke(f->image, 299999, 1);
    refused(f, undo, "remove ");
    poke(f->image, 299999, 1);
    poke(undo, 12288 + 48 + 5, 1);
    expect_error(xsi_undo(undo, NULL, NULL, false, &w, &err), -EIO, &err, "in its hashes");
    poke(undo, 12288 + 48 + 5, 1);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 1);
    assert_int_equal(info.state, XSI_JOURNAL_READY);
    /* another file, until somebody says that it is the same */
    (void)snprintf(command, sizeof(command), "cp '%s' '%s' && mv '%s' '%s'", f->image, f->out,
                   f->out, f->image);
    assert_int_equal(system(command), 0);
    expect_error(xsi_undo(undo, NULL, NULL, false, &w, &err), -ESTALE, &err, "name it");
    assert_int_equal(xsi_undo(undo, f->image, NULL, true, &w, &err), 0);
    assert_int_equal(xsi_undo(undo, f->image, NULL, false, &w, &err), 0);
    expect_file(f->image, f->bytes, f->size);
    mark(undo, XSI_JOURNAL_BEGUN);
    expect_error(xsi_undo(undo, f->image, NULL, false, &w, &err), -EALREADY, &err, "never began");
}

/* Nothing is written over a half-written image; an image that is saved anew is another one. */
static void test_half_written(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    struct xsi_plan *plan;
    char one[512], two[512];

    written(f, inner, 2, one);
    written(f, tail, 1, two);
    mark(one, XSI_JOURNAL_READY); /* the clock says that the other is newer */
    assert_int_equal(truncate(f->image, (off_t)f->size), 0);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 1);
    assert_string_equal(info.file, one);
    plan = plan_for(f->image, tail, 1);
    expect_error(xsi_write_in_place(plan, f->image, &f->options, &w, &err), -EBUSY, &err, one);
    xsi_plan_free(plan);
    assert_int_equal(truncate(f->image, 12345), 0);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 1);
    assert_string_equal(info.file, two);
    assert_int_equal(unlink(two), 0);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 0);
}

static void test_two_in_a_row(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char one[512], two[512];

    written(f, inner, 2, one);
    written(f, tail, 1, two);
    assert_string_not_equal(one, two);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 1);
    assert_string_equal(info.file, two);
    refused(f, one, "bytes");
    assert_int_equal(xsi_undo(two, NULL, NULL, false, &w, &err), 0);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 1);
    assert_string_equal(info.file, one);
    assert_int_equal(xsi_undo(one, NULL, NULL, false, &w, &err), 0);
    expect_file(f->image, f->bytes, f->size);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 0);
}

/* ---- damage ---- */

static void test_any_byte(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info;
    struct xsi_error err = { 0 };
    char undo[512];
    size_t n;
    uint8_t *bytes;

    written(f, inner, 2, undo);
    bytes = get_file(undo, &n);
    for (size_t at = 0; at < 12288 + 96; at += at >= 4608 && at < 8192 ? 31 : 1) {
        bool mark = at >= 4096 && (at & 4095) < 512 && at < 12288;
        bool blank = at >= 4096 && at < 12288 && !mark;
        int rc;

        poke(undo, at, 0x10);
        rc = xsi_journal_read(undo, &info, &err);
        /* of the two marks one is enough; it tells what held before, or still holds */
        if (mark && (rc || (info.state != XSI_JOURNAL_READY && info.state != XSI_JOURNAL_APPLIED)))
            fail_msg("byte %zu of a mark: %d", at, rc);
        if (!mark && !blank && rc != -EINVAL)
            fail_msg("byte %zu: %d", at, rc);
        poke(undo, at, 0x10);
    }
    for (size_t size = 0; size < n; size += size < 12500 ? 97 : 4099) {
        put_image(f, f->out, bytes, size);
        assert_int_equal(chmod(f->out, 0600), 0);
        assert_int_equal(xsi_journal_read(f->out, &info, &err), -EINVAL);
    }
    free(bytes);
}

/* Damaged old bytes are found out before they are taken for the image's. */
static void test_damaged_bytes(void **state)
{
    struct folder *f = *state;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char undo[512];
    size_t n, m;
    uint8_t *before, *after;

    written(f, tail, 1, undo);
    poke(undo, 16384 + 3000, 1);
    before = get_file(f->image, &n);
    expect_error(xsi_undo(undo, NULL, NULL, false, &w, &err), -EIO, &err, "damaged");
    after = get_file(f->image, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
}

static void test_of_others(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char undo[512];

    written(f, tail, 1, undo);
    assert_int_equal(chmod(undo, 0620), 0);
    expect_error(xsi_undo(undo, NULL, NULL, false, &w, &err), -EPERM, &err, "chmod 600");
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 0);
    assert_int_equal(chmod(undo, 0600), 0);
    if (!geteuid()) {
        assert_int_equal(chown(undo, 12345, 0), 0);
        expect_error(xsi_undo(undo, NULL, NULL, false, &w, &err), -EPERM, &err, "chown");
        assert_int_equal(xsi_registry_find(f->image, f->state, &info), 0);
        assert_int_equal(chown(undo, 0, 0), 0);
    }
    assert_int_equal(xsi_undo(undo, NULL, NULL, false, &w, &err), 0);
}

/* ---- the registry ---- */

static void test_no_registry(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info;

    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 0);
    assert_int_equal(xsi_registry_find(f->image, f->image, &info), 0);
    assert_int_equal(mkdir(f->state, 0700), 0);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 0);
    assert_int_equal(xsi_registry_find(f->out, f->state, &info), -ENOENT);
    assert_int_equal(setenv("XSRECOVER_STATE", f->state, 1), 0);
    assert_int_equal(xsi_registry_find(f->image, NULL, &info), 0);
    unsetenv("XSRECOVER_STATE");
}

static void test_rubbish(void **state)
{
    struct folder *f = *state;
    struct xsi_journal_info info;
    char undo[512], command[2000];

    written(f, tail, 1, undo);
    (void)snprintf(command, sizeof(command),
                   "cd '%s' && mkdir a-1.undo a-1.link && mkfifo b-1.undo b-1.link && : >c-1.undo "
                   "&& : >c-1.link && head -c 9000 /dev/urandom >d-1.undo && cp d-1.undo d-1.link "
                   "&& head -c 9000 /dev/zero >e-1.undo && echo /nonexistent >e-1.link && "
                   "echo /dev/zero >f-1.link && ln -s '%s' g-1.link && echo relative >h-1.link && "
                   "truncate -s 1T i-1.undo && head -c 4000 '%s' >j-1.undo && ln -s self self.undo",
                   f->state, undo, undo);
    assert_int_equal(system(command), 0);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 1);
    assert_string_equal(info.file, undo);
}

static void test_names(void **state)
{
    struct folder *f = *state;
    char undo[512], odd[256], wanted[400];

    (void)snprintf(odd, sizeof(odd), "%.190s/-a b\033[1m\xc3\xa4;$(x).save", f->path);
    assert_int_equal(rename(f->image, odd), 0);
    (void)snprintf(f->image, sizeof(f->image), "%s", odd);
    written(f, tail, 1, undo);
    (void)snprintf(wanted, sizeof(wanted), "%s/_a_b__1m_____x_.save-1.undo", f->state);
    assert_string_equal(undo, wanted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tells),       TEST(test_changed_since),   TEST(test_old_already),
        TEST(test_moved),       TEST(test_interrupted),     TEST(test_two_in_a_row),
        TEST(test_any_byte),    TEST(test_damaged_bytes),   TEST(test_of_others),
        TEST(test_no_registry), TEST(test_rubbish),         TEST(test_names),
        TEST(test_copies),      TEST(test_no_surroundings), TEST(test_half_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
