/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A planned image into a new file, a pipe and whatever else standard output can be. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "write_image.h"

static const struct xsi_splice edits[] = {
    { 0, 10, INSERTED, 3 },
    { 100001, 0, INSERTED, 4 },
    { 200000, 70000, NULL, 0 },
    { 300000, 1, INSERTED, 30 },
};
enum { EDITS = sizeof(edits) / sizeof(edits[0]) };

struct opened {
    struct xsi_source *src;
    struct xsi_plan *plan;
    uint8_t *wanted;
    size_t n;
};

static struct opened open_plan(struct folder *f, const struct xsi_splice *s, size_t count)
{
    struct opened o = { .src = xsi_source_open(f->image, NULL, NULL) };

    assert_non_null(o.src);
    o.plan = plan_over(o.src, s, count);
    o.wanted = spliced(f, s, count, &o.n);
    return o;
}

static void close_plan(struct opened *o)
{
    xsi_plan_free(o->plan);
    xsi_source_free(o->src);
    free(o->wanted);
}

/* ---- files ---- */

static void test_file(void **state)
{
    struct folder *f = *state;
    struct opened o = open_plan(f, edits, EDITS);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    struct stat st;

    if (xsi_write_file(o.plan, f->image, f->out, &w, &err))
        fail_msg("%s", err.text);
    expect_file(f->out, o.wanted, o.n);
    expect_file(f->image, f->bytes, f->size);
    assert_int_equal(stat(f->out, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(w.seconds > 0 && w.bytes > 0);
    assert_int_equal(names_in(f->path), 2);
    /* the plan still stands on its source, and can be let go and written too */
    assert_ptr_equal(xsi_plan_base(o.plan), o.src);
    assert_int_equal(xsi_plan_detach(o.plan, &err), 0);
    assert_int_equal(unlink(f->out), 0);
    assert_int_equal(xsi_write_file(o.plan, f->image, f->out, &w, &err), 0);
    expect_file(f->out, o.wanted, o.n);
    assert_null(xsi_plan_base(o.plan));
    close_plan(&o);
}

static void test_no_clobber(void **state)
{
    struct folder *f = *state;
    struct opened o = open_plan(f, edits, EDITS);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char link_to[300], missing[300];

    put_image(f, f->out, "precious", 8);
    expect_error(xsi_write_file(o.plan, f->image, f->out, &w, &err), -EEXIST, &err, "not replaced");
    expect_file(f->out, "precious", 8);
    expect_error(xsi_write_file(o.plan, f->image, f->image, &w, &err), -EEXIST, &err, "itself");
    (void)snprintf(link_to, sizeof(link_to), "%s/link", f->path);
    assert_int_equal(symlink(f->image, link_to), 0);
    expect_error(xsi_write_file(o.plan, f->image, link_to, &w, &err), -EEXIST, &err, "itself");
    assert_int_equal(unlink(link_to), 0);
    assert_int_equal(link(f->image, link_to), 0);
    expect_error(xsi_write_file(o.plan, f->image, link_to, &w, &err), -EEXIST, &err, "itself");
    assert_int_equal(unlink(link_to), 0);
    assert_int_equal(symlink("/nonexistent/file", link_to), 0);
    expect_error(xsi_write_file(o.plan, f->image, link_to, &w, &err), -EEXIST, &err, "exists");
    (void)snprintf(missing, sizeof(missing), "%s/no/such", f->path);
    expect_error(xsi_write_file(o.plan, f->image, missing, &w, &err), -ENOENT, &err, "folder");
    expect_file(f->image, f->bytes, f->size);
    assert_int_equal(names_in(f->path), 3);
    close_plan(&o);
}

/* 256 MiB of hole around some data: a copy has the hole as well. */
static void test_holes(void **state)
{
    const struct xsi_splice insert = { 1000, 0, INSERTED, 4 };
    struct folder *f = *state;
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_error err = { 0 };
    struct xsi_written w;
    struct stat st;
    uint8_t got[20];
    int fd = open(f->image, O_RDWR | O_CLOEXEC);

    assert_int_equal(pwrite(fd, "the end", 7, 256 << 20), 7);
    assert_int_equal(pwrite(fd, "middle", 6, 100000000), 6);
    assert_int_equal(ftruncate(fd, 300 << 20), 0);
    close(fd);
    src = xsi_source_open(f->image, NULL, &err);
    plan = plan_over(src, &insert, 1);
    if (xsi_write_file(plan, f->image, f->out, &w, &err))
        fail_msg("%s", err.text);
    assert_int_equal(stat(f->out, &st), 0);
    assert_int_equal(st.st_size, (300 << 20) + 4);
    assert_true(st.st_blocks < 4096);
    fd = open(f->out, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, got, 9, (256 << 20) + 3), 9);
    assert_memory_equal(got, "\0the end\0", 9);
    assert_int_equal(pread(fd, got, 6, 100000004), 6);
    assert_memory_equal(got, "middle", 6);
    close(fd);
    xsi_plan_free(plan);
    xsi_source_free(src);
}

/* The image shrinks, or another file takes its name, after it was looked at. */
static void test_moving_image(void **state)
{
    const struct xsi_splice insert = { 1000, 0, INSERTED, 4 };
    struct folder *f = *state;
    struct opened o = open_plan(f, &insert, 1);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    char other[300];

    (void)snprintf(other, sizeof(other), "%s/other", f->path);
    f->bytes[150000] ^= 1; /* the same size and the same ends */
    put_image(f, other, f->bytes, f->size);
    assert_int_equal(rename(f->image, f->out), 0);
    assert_int_equal(rename(other, f->image), 0);
    assert_int_equal(xsi_write_file(o.plan, f->image, other, &w, &err), 0);
    expect_file(other, o.wanted, o.n);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(truncate(f->out, 200000), 0);
    expect_error(xsi_write_file(o.plan, f->image, other, &w, &err), -ESTALE, &err, "earlier");
    expect_error(xsi_write_range(o.src, 200000, 5000, other, &err), -ESTALE, &err, "earlier");
    assert_int_equal(access(other, F_OK), -1);
    close_plan(&o);
}

/* A window of a file: the kernel cannot copy from the path as it is. */
static void test_window(void **state)
{
    const struct xsi_source_options window = { .offset = 1000, .length = 50000 };
    const struct xsi_splice insert = { 7, 0, INSERTED, 4 };
    struct folder *f = *state;
    struct xsi_source *src = xsi_source_open(f->image, &window, NULL);
    struct xsi_plan *plan = plan_over(src, &insert, 1);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    size_t n;
    uint8_t *got;

    assert_int_equal(xsi_write_file(plan, f->image, f->out, &w, &err), 0);
    got = get_file(f->out, &n);
    assert_int_equal(n, 50004);
    assert_memory_equal(got, f->bytes + 1000, 7);
    assert_memory_equal(got + 7, INSERTED, 4);
    assert_memory_equal(got + 11, f->bytes + 1007, 50000 - 7);
    free(got);
    xsi_plan_free(plan);
    xsi_source_free(src);
}

static void test_range(void **state)
{
    struct folder *f = *state;
    struct xsi_source *src = xsi_source_open(f->image, NULL, NULL);
    struct xsi_error err = { 0 };
    char named[300];

    (void)snprintf(named, sizeof(named), "%s/too-long", f->path);
    assert_int_equal(xsi_write_range(src, 12345, 200000, f->out, &err), 0);
    expect_file(f->out, f->bytes + 12345, 200000);
    expect_error(xsi_write_range(src, 0, 1, f->out, &err), -EEXIST, &err, "not replaced");
    assert_true(xsi_write_range(src, 300000, 2, named, &err) < 0);
    assert_int_equal(names_in(f->path), 2);
    xsi_source_free(src);
}

/* ---- streams ---- */

/* A process that reads all of fd into a file. */
static pid_t drain(int fd, int close_this, const char *path)
{
    pid_t child = fork();

    if (!child) {
        int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        char buf[70000];
        ssize_t n;

        close(close_this);
        while ((n = read(fd, buf, sizeof(buf))) > 0)
            if (write(out, buf, (size_t)n) != n)
                _exit(1);
        _exit(n < 0);
    }
    close(fd);
    return child;
}

static void stream_into(struct folder *f, int read_end, int write_end)
{
    struct opened o = open_plan(f, edits, EDITS);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    pid_t child = drain(read_end, write_end, f->out);
    int status;

    if (xsi_write_stream(o.plan, f->image, write_end, &w, &err))
        fail_msg("%s", err.text);
    assert_int_equal(w.bytes, o.n);
    close(write_end);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect_file(f->out, o.wanted, o.n);
    close_plan(&o);
}

static void test_pipe(void **state)
{
    int fd[2];

    assert_int_equal(pipe(fd), 0);
    stream_into(*state, fd[0], fd[1]);
}

static void test_pipe_that_does_not_wait(void **state)
{
    int fd[2];

    assert_int_equal(pipe(fd), 0);
    assert_int_equal(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
    stream_into(*state, fd[0], fd[1]);
}

static void test_socket(void **state)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    stream_into(*state, fd[0], fd[1]);
}

static void into_file(struct folder *f, int flags)
{
    struct opened o = open_plan(f, edits, EDITS);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    size_t n;
    uint8_t *got;
    int fd;

    put_image(f, f->out, "head ", 5);
    fd = open(f->out, O_WRONLY | O_CLOEXEC | flags);
    assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
    if (xsi_write_stream(o.plan, f->image, fd, &w, &err))
        fail_msg("%s", err.text);
    close(fd);
    got = get_file(f->out, &n);
    assert_int_equal(n, o.n + 5);
    assert_memory_equal(got, "head ", 5);
    assert_memory_equal(got + 5, o.wanted, o.n);
    free(got);
    close_plan(&o);
}

static void test_redirected(void **state)
{
    into_file(*state, 0);
    into_file(*state, O_APPEND);
}

static void test_into_itself(void **state)
{
    struct folder *f = *state;
    struct opened o = open_plan(f, edits, EDITS);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    int fd = open(f->image, O_WRONLY | O_APPEND | O_CLOEXEC);

    expect_error(xsi_write_stream(o.plan, f->image, fd, &w, &err), -EEXIST, &err, "itself");
    close(fd);
    expect_file(f->image, f->bytes, f->size);
    close_plan(&o);
}

/* The default action of SIGPIPE would end the test. */
static void test_reader_gone(void **state)
{
    struct folder *f = *state;
    struct opened o = open_plan(f, edits, EDITS);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    sigset_t pending;
    int fd[2];

    (void)signal(SIGPIPE, SIG_DFL);
    assert_int_equal(pipe(fd), 0);
    close(fd[0]);
    expect_error(xsi_write_stream(o.plan, f->image, fd[1], &w, &err), -EPIPE, &err, "went away");
    close(fd[1]);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    expect_error(xsi_write_stream(o.plan, f->image, -1, &w, &err), -EBADF, &err, "cannot write");
    close_plan(&o);
}

static void test_disk_full(void **state)
{
    struct folder *f = *state;
    struct opened o = open_plan(f, edits, EDITS);
    struct xsi_error err = { 0 };
    struct xsi_written w;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    expect_error(xsi_write_stream(o.plan, f->image, fd, &w, &err), -ENOSPC, &err, "space");
    close(fd);
    close_plan(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_file),        TEST(test_no_clobber),
        TEST(test_holes),       TEST(test_moving_image),
        TEST(test_window),      TEST(test_range),
        TEST(test_pipe),        TEST(test_pipe_that_does_not_wait),
        TEST(test_socket),      TEST(test_redirected),
        TEST(test_into_itself), TEST(test_reader_gone),
        TEST(test_disk_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
