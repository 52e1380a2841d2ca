/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing in place: what it needs, what it refuses, what it leaves; locks. */
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "lib/edit/write.h"
#include "write_image.h"

static const struct xsi_splice grow[] = { { 200000, 0, INSERTED, 4 } };
static const struct xsi_splice slack[] = { { 200000, 0, INSERTED, 4 }, { 250000, 4, NULL, 0 } };
static const struct xsi_splice shrink[] = { { 100, 5000, NULL, 0 } };
static const struct xsi_splice many[] = {
    { 10, 4, INSERTED, 4 },         { 5000, 0, INSERTED, 8 },   { 6000, 8, NULL, 0 },
    { 6100, 20, &INSERTED[5], 20 }, { 299000, 0, INSERTED, 9 },
};
#define COUNT(a) (sizeof(a) / sizeof(a[0]))

static int write_plan(struct folder *f, const struct xsi_splice *s, size_t count,
                      struct xsi_written *w, struct xsi_error *err)
{
    struct xsi_plan *plan = plan_for(f->image, s, count);
    int rc = xsi_write_in_place(plan, f->image, &f->options, w, err);

    xsi_plan_free(plan);
    return rc;
}

/* ---- what is written ---- */

static void needs_of(struct folder *f, const struct xsi_splice *s, size_t count, uint64_t rewritten,
                     int64_t grows)
{
    struct xsi_write_needs needs;
    struct xsi_error err = { 0 };
    struct xsi_plan *plan = plan_for(f->image, s, count);
    char wanted[300];

    assert_int_equal(xsi_write_needs(plan, f->image, &f->options, &needs, &err), 0);
    assert_int_equal(needs.rewritten, rewritten);
    assert_int_equal(needs.grows, grows);
    assert_true(needs.journal >= rewritten && needs.journal <= rewritten + 5000 + 16384);
    assert_true(needs.free > 0);
    (void)snprintf(wanted, sizeof(wanted), "%s/web.save-1.undo", f->state);
    assert_string_equal(needs.undo, wanted);
    assert_int_equal(access(f->state, F_OK), -1);
    xsi_plan_free(plan);
}

/* Only what moves is written: the cost is the tail, not the image. */
static void test_needs(void **state)
{
    struct folder *f = *state;

    needs_of(f, grow, COUNT(grow), f->size - 200000 + 4, 4);
    needs_of(f, slack, COUNT(slack), 50004, 0);
    needs_of(f, shrink, COUNT(shrink), f->size - 5100, -5000);
    needs_of(f, many, COUNT(many), 4 + 1008 + 20 + f->size - 299000 + 9, 9);
}

static void round_trip(struct folder *f, const struct xsi_splice *s, size_t count)
{
    struct xsi_error err = { 0 };
    struct xsi_written w;
    struct stat before, after;
    size_t n;
    uint8_t *wanted = spliced(f, s, count, &n);
    char undo[512];

    assert_int_equal(stat(f->image, &before), 0);
    if (write_plan(f, s, count, &w, &err))
        fail_msg("%s", err.text);
    expect_file(f->image, wanted, n);
    assert_true(w.bytes && w.journal && w.seconds > 0);
    assert_int_equal(stat(w.undo, &after), 0);
    assert_int_equal(after.st_mode & 07777, 0600);
    assert_int_equal(after.st_size, w.journal);
    assert_int_equal(stat(f->state, &after), 0);
    assert_int_equal(after.st_mode & 07777, 0700);
    memcpy(undo, w.undo, sizeof(undo));
    assert_int_equal(xsi_undo(undo, NULL, &f->options, true, &w, &err), 0);
    expect_file(f->image, wanted, n);
    assert_int_equal(xsi_undo(undo, NULL, &f->options, false, &w, &err), 0);
    expect_file(f->image, f->bytes, f->size);
    assert_int_equal(stat(f->image, &after), 0);
    assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    expect_error(xsi_undo(undo, NULL, &f->options, false, &w, &err), -EALREADY, &err, "before");
    expect_file(f->image, f->bytes, f->size);
    free(wanted);
}

static void test_round_trips(void **state)
{
    struct folder *f = *state;

    round_trip(f, grow, COUNT(grow));
    round_trip(f, slack, COUNT(slack));
    round_trip(f, shrink, COUNT(shrink));
    round_trip(f, many, COUNT(many));
    assert_int_equal(names_in(f->state), 4);
}

static void test_nothing_to_do(void **state)
{
    struct folder *f = *state;
    struct xsi_error err = { 0 };
    struct xsi_written w;

    assert_int_equal(write_plan(f, NULL, 0, &w, &err), 0);
    assert_string_equal(w.undo, "");
    assert_int_equal(w.bytes, 0);
    assert_int_equal(access(f->state, F_OK), -1);
}

/* ---- what is refused: the image stays, and nothing is left behind ---- */

static void untouched(struct folder *f)
{
    expect_file(f->image, f->bytes, f->size);
    assert_int_equal(names_in(f->state), 0);
}

static void test_stale(void **state)
{
    struct folder *f = *state;
    struct xsi_plan *plan = plan_for(f->image, grow, COUNT(grow));
    struct xsi_error err = { 0 };
    struct xsi_written w;

    f->bytes[200001] ^= 1;
    put_image(f, f->image, f->bytes, f->size);
    assert_int_equal(xsi_write_in_place(plan, f->image, &f->options, &w, &err), -ESTALE);
    assert_true(err.text[0] != '\0');
    untouched(f);
    xsi_plan_free(plan);
}

static void test_busy(void **state)
{
    struct folder *f = *state;
    struct xsi_plan *plan = plan_for(f->image, grow, COUNT(grow));
    struct xsi_error err = { 0 };
    struct xsi_written w;
    int fd = open(f->image, O_RDONLY | O_CLOEXEC);

    expect_error(xsi_write_in_place(plan, f->image, &f->options, &w, &err), -EBUSY, &err, "lsof");
    untouched(f);
    assert_int_equal(flock(fd, LOCK_SH), 0);
    expect_error(xsi_write_in_place(plan, f->image, &f->options, &w, &err), -EBUSY, &err, "open");
    close(fd);
    /* the plan is as good as before */
    assert_int_equal(xsi_write_in_place(plan, f->image, &f->options, &w, &err), 0);
    xsi_plan_free(plan);
}

static void test_no_image(void **state)
{
    struct folder *f = *state;
    struct xsi_plan *plan = plan_for(f->image, grow, COUNT(grow));
    struct xsi_error err = { 0 };
    struct xsi_written w;

    expect_error(xsi_write_in_place(plan, f->out, &f->options, &w, &err), -ENOENT, &err, "path");
    expect_error(xsi_write_in_place(plan, "/dev/null", &f->options, &w, &err), -EINVAL, &err, "-o");
    assert_int_equal(mkfifo(f->out, 0600), 0);
    expect_error(xsi_write_in_place(plan, f->out, &f->options, &w, &err), -EINVAL, &err, "-o");
    xsi_plan_free(plan);
}

static void test_undo_file_places(void **state)
{
    struct folder *f = *state;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    struct xsi_journal_info info;
    struct statfs fs;
    char named[300];

    (void)snprintf(named, sizeof(named), "%s/named", f->path);
    put_image(f, named, "x", 1);
    f->options.undo = named;
    expect_error(write_plan(f, grow, 1, &w, &err), -EEXIST, &err, "exist");
    untouched(f);
    expect_file(named, "x", 1);
    assert_int_equal(unlink(named), 0);
    assert_int_equal(symlink("/nonexistent/a", named), 0);
    expect_error(write_plan(f, grow, 1, &w, &err), -EEXIST, &err, "exist");
    assert_int_equal(unlink(named), 0);
    if (!statfs("/dev/shm", &fs) && fs.f_type == 0x01021994 && !access("/dev/shm", W_OK)) {
        f->options.undo = "/dev/shm/xsi-test.undo";
        expect_error(write_plan(f, grow, 1, &w, &err), -EINVAL, &err, "tmpfs");
        assert_int_equal(access("/dev/shm/xsi-test.undo", F_OK), -1);
        untouched(f);
    }
    f->options.undo = named;
    assert_int_equal(write_plan(f, grow, 1, &w, &err), 0);
    assert_string_equal(w.undo, named);
    /* the registry has a note of it */
    assert_int_equal(names_in(f->state), 1);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 1);
    assert_string_equal(info.file, named);
    assert_int_equal(info.state, XSI_JOURNAL_APPLIED);
    assert_int_equal(xsi_undo(named, NULL, NULL, false, &w, &err), 0);
    assert_int_equal(xsi_registry_find(f->image, f->state, &info), 0);
}

static void test_folder_of_others(void **state)
{
    struct folder *f = *state;
    struct xsi_error err = { 0 };
    struct xsi_written w;

    assert_int_equal(mkdir(f->state, 0700), 0);
    assert_int_equal(chmod(f->state, 0777), 0);
    expect_error(write_plan(f, grow, 1, &w, &err), -EPERM, &err, "chmod 700");
    untouched(f);
    (void)snprintf(f->state, sizeof(f->state), "%s/no/such", f->path);
    expect_error(write_plan(f, grow, 1, &w, &err), -ENOENT, &err, "--undo");
    expect_file(f->image, f->bytes, f->size);
}

/* ---- locks ---- */

/* Whoever opens the image meanwhile waits, and the signal that tells us ends nothing. */
static void test_lease(void **state)
{
    struct folder *f = *state;
    struct xsi_error err = { 0 };
    struct xsi_held held;
    int status, fd;
    pid_t child;

    assert_int_equal(xsi_held_open(&held, f->image, true, false, &err), 0);
    child = fork();
    if (!child) {
        close(held.fd);
        fd = open(f->image, O_RDONLY | O_NONBLOCK);
        if (fd >= 0 || errno != EWOULDBLOCK)
            _exit(1);
        fd = open(f->image, O_RDONLY); /* waits */
        _exit(fd >= 0 ? 0 : 2);
    }
    usleep(100000);
    assert_int_equal(waitpid(child, &status, WNOHANG), 0);
    xsi_held_close(&held);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ^C waits until the image is whole; a limit on files is an error and not the end. */
static void test_signals(void **state)
{
    struct folder *f = *state;
    struct xsi_signals signals;
    struct rlimit limit = { 300002, 300002 };
    struct xsi_written w;
    struct xsi_error err = { 0 };
    sigset_t now;
    int status;
    pid_t child;

    xsi_signals_hold(&signals, true);
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &now), 0);
    assert_int_equal(sigismember(&now, SIGINT), 1);
    assert_int_equal(raise(SIGXFSZ), 0);
    xsi_signals_release(&signals);
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &now), 0);
    assert_int_equal(sigismember(&now, SIGINT), 0);
    child = fork();
    if (!child) {
        if (setrlimit(RLIMIT_FSIZE, &limit))
            _exit(1);
        _exit(write_plan(f, grow, 1, &w, &err) == -EFBIG ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    untouched(f);
}

/* ---- block devices ---- */

static bool loop(struct folder *f, char device[64])
{
    char command[600];
    FILE *p;

    (void)snprintf(command, sizeof(command), "losetup -f --show '%s' 2>/dev/null", f->image);
    p = popen(command, "r");
    device[0] = '\0';
    if (p && fgets(device, 64, p))
        device[strcspn(device, "\n")] = '\0';
    if (p)
        pclose(p);
    return device[0] == '/';
}

static int system_of(const char *command, const char *device)
{
    char line[100];

    (void)snprintf(line, sizeof(line), "%s %s", command, device);
    return system(line);
}

/* Another process has the device open, and claims nothing. */
static int while_open(struct folder *f, struct xsi_plan *plan, const char *device,
                      struct xsi_error *err)
{
    struct xsi_written w;
    int ready[2], rc;
    pid_t child;
    char byte;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (!child) {
        int fd = open(device, O_RDWR | O_CLOEXEC);

        if (fd >= 0 && write(ready[1], "x", 1) == 1)
            pause();
        _exit(0);
    }
    close(ready[1]);
    rc = read(ready[0], &byte, 1) == 1 ? xsi_write_in_place(plan, device, &f->options, &w, err) : 0;
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    close(ready[0]);
    return rc;
}

static void test_device(void **state)
{
    struct folder *f = *state;
    struct xsi_written w;
    struct xsi_plan *plan;
    char device[64], command[100];
    int fd, rc[8];
    struct xsi_error said[8];
    struct flock qemu = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };

    f->size = 262144; /* devices consist of sectors */
    put_image(f, f->image, f->bytes, f->size);
    if (!loop(f, device)) {
        print_message("# writing to a block device: no loop device can be had here (root?)\n");
        skip();
    }
    plan = plan_for(f->image, slack, 1);
    rc[0] = xsi_write_in_place(plan, f->image, &f->options, &w, &said[0]);
    xsi_plan_free(plan);
    plan = plan_for(device, grow, 1);
    rc[1] = xsi_write_in_place(plan, device, &f->options, &w, &said[1]);
    xsi_plan_free(plan);
    plan = plan_for(device, slack, 2);
    fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);
    rc[2] = xsi_write_in_place(plan, device, &f->options, &w, &said[2]);
    close(fd);
    fd = open(device, O_RDONLY | O_CLOEXEC);
    rc[5] = fcntl(fd, F_OFD_SETLK, &qemu);
    rc[5] = rc[5] ? rc[5] : xsi_write_in_place(plan, device, &f->options, &w, &said[5]);
    close(fd);
    rc[6] = while_open(f, plan, device, &said[6]);
    rc[7] = system_of("blockdev --setro", device);
    rc[7] = rc[7] ? rc[7] : xsi_write_in_place(plan, device, &f->options, &w, &said[7]);
    (void)system_of("blockdev --setrw", device);
    rc[3] = xsi_write_in_place(plan, device, &f->options, &w, &said[3]);
    xsi_plan_free(plan);
    rc[4] = rc[3] ? 0 : xsi_undo(w.undo, NULL, &f->options, false, &w, &said[4]);
    (void)snprintf(command, sizeof(command), "losetup -d %s", device);
    assert_int_equal(system(command), 0);
    expect_error(rc[0], -EBUSY, &said[0], "losetup");
    expect_error(rc[1], -ENOSPC, &said[1], " 4 bytes larger");
    expect_error(rc[2], -EBUSY, &said[2], "lsblk");
    expect_error(rc[5], -EBUSY, &said[5], "in use");
    expect_error(rc[6], -EBUSY, &said[6], "has it open");
    expect_error(rc[7], -EROFS, &said[7], "blockdev --getro");
    if (rc[3] || rc[4])
        fail_msg("%s", rc[3] ? said[3].text : said[4].text);
    expect_file(f->image, f->bytes, f->size);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_needs),
        TEST(test_round_trips),
        TEST(test_nothing_to_do),
        TEST(test_stale),
        TEST(test_busy),
        TEST(test_no_image),
        TEST(test_undo_file_places),
        TEST(test_folder_of_others),
        TEST(test_lease),
        TEST(test_signals),
        TEST(test_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
