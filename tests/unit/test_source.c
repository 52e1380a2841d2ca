/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files, devices, pipes: the bytes that they must give, and the words for every fault. */
#include "source.h"

/* ---- files ---- */

static void test_file(void **state)
{
    struct fixture *f = *state;
    const char *path = in_dir(f, "file");
    struct xsi_error err;
    struct xsi_source *src;
    uint64_t size;
    size_t n;

    save(path, f->bytes, SIZE);
    src = xsi_source_open(path, NULL, &err);
    assert_non_null(src);
    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_FILE);
    assert_true(xsi_source_seekable(src));
    assert_true(xsi_source_file_size(src, &size));
    assert_int_equal(size, SIZE);
    (void)xsi_source_filters(src, &n);
    assert_int_equal(n, 0);
    expect_bytes(src, f->bytes, SIZE);
    assert_true(xsi_source_bytes_read(src) >= SIZE);
    assert_int_equal(xsi_source_read(src, &size, 8, SIZE), 0);
    assert_int_equal(xsi_source_read(src, &size, 8, UINT64_MAX - 3), 0);
    assert_int_equal(xsi_source_read(src, &size, 8, SIZE - 3), 3);
    xsi_source_free(src);
    xsi_source_free(NULL);
}

/* The descriptor by which the file is held. */
static int find_descriptor(const char *path)
{
    int fd;

    for (fd = 3; fd < 256; fd++) {
        char link[32], target[PATH_MAX];
        ssize_t n;

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, target, sizeof(target) - 1);
        if (n > 0 && (size_t)n == strlen(path) && !memcmp(target, path, (size_t)n))
            return fd;
    }
    return -1;
}

static void test_never_writes(void **state)
{
    struct fixture *f = *state;
    const char *path = in_dir(f, "read-only");
    struct stat before, after;
    struct xsi_source *src;
    int fd, flags;

    save(path, f->bytes, SIZE);
    assert_int_equal(stat(path, &before), 0);
    src = xsi_source_open(path, NULL, NULL);
    fd = find_descriptor(path);
    assert_true(fd >= 0);
    flags = fcntl(fd, F_GETFL);
    assert_int_equal(flags & O_ACCMODE, O_RDONLY);
    assert_int_equal(flags & O_NONBLOCK, 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    expect_bytes(src, f->bytes, SIZE);
    xsi_source_free(src);
    assert_int_equal(find_descriptor(path), -1);
    assert_int_equal(stat(path, &after), 0);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
}

static void test_window(void **state)
{
    static const uint64_t ends[] = { 0, 1, 4095, 4096, 65537, SIZE - 1, SIZE, SIZE + 9 };
    static const size_t count = sizeof(ends) / sizeof(ends[0]);
    struct fixture *f = *state;
    const char *path = in_dir(f, "window");
    size_t i;

    save(path, f->bytes, SIZE);
    for (i = 0; i < count * count; i++) {
        struct xsi_source_options o = { .offset = ends[i / count], .length = ends[i % count] };
        size_t first = o.offset < SIZE ? (size_t)o.offset : SIZE, n = SIZE - first;
        struct xsi_source *src = xsi_source_open(path, &o, NULL);
        int fd;

        if (o.length && o.length < n)
            n = (size_t)o.length;
        expect_bytes(src, f->bytes + first, n);
        xsi_source_free(src);
        fd = feed(f->bytes, SIZE);
        src = xsi_source_fd(fd, &o, NULL);
        expect_bytes(src, f->bytes + first, n);
        xsi_source_free(src);
        close(fd);
        wait(NULL);
    }
}

static void test_descriptor_position(void **state)
{
    struct fixture *f = *state;
    const char *path = in_dir(f, "position");
    struct xsi_source_options o = { .offset = 7, .length = 50 };
    int fd, old_stdin = dup(0), pass;
    uint8_t buf[64];

    save(path, f->bytes, SIZE);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 100, SEEK_SET), 100);
    assert_int_equal(dup2(fd, 0), 0);
    for (pass = 0; pass < 2; pass++) {
        struct xsi_source *src =
            pass ? xsi_source_open("-", NULL, NULL) : xsi_source_fd(fd, NULL, NULL);

        assert_int_equal(xsi_source_kind(src), XSI_SOURCE_FILE);
        expect_bytes(src, f->bytes + 100, SIZE - 100);
        assert_int_equal(xsi_source_next_data(src, 5000), 5000);
        xsi_source_free(src);
        src = pass ? xsi_source_open("-", &o, NULL) : xsi_source_fd(fd, &o, NULL);
        expect_bytes(src, f->bytes + 107, 50);
        xsi_source_free(src);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 100);
        assert_int_equal(read(fd, buf, 1), 1); /* still open, still there */
        assert_int_equal(buf[0], f->bytes[100]);
        assert_int_equal(lseek(fd, 100, SEEK_SET), 100);
    }
    close(fd);
    if (old_stdin >= 0)
        dup2(old_stdin, 0);
    close(old_stdin);
}

static void test_sparse(void **state)
{
    const uint64_t tib = 1ULL << 40, middle = tib / 2;
    const char *path = in_dir(*state, "sparse");
    struct xsi_source_options o = { .offset = 4096, .length = middle };
    struct xsi_source *src;
    char buf[8];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (ftruncate(fd, (off_t)tib) || pwrite(fd, "head", 4, 0) != 4 ||
        pwrite(fd, "middle", 6, (off_t)middle) != 6) {
        close(fd);
        print_message("skipped: the file system holds no sparse file of 1 TiB\n");
        skip();
    }
    src = xsi_source_open(path, NULL, NULL);
    assert_int_equal(xsi_source_read(src, buf, 6, middle), 6);
    assert_memory_equal(buf, "middle", 6);
    assert_int_equal(xsi_source_read(src, buf, 8, tib - 1), 1);
    if (lseek(fd, 1 << 20, SEEK_DATA) == (off_t)middle) {
        assert_int_equal(xsi_source_next_data(src, 0), 0);
        assert_int_equal(xsi_source_next_data(src, 1 << 20), middle);
        assert_int_equal(xsi_source_next_data(src, middle + 4), middle + 4);
        assert_int_equal(xsi_source_next_data(src, middle + (1 << 20)), tib);
        xsi_source_free(src);
        src = xsi_source_open(path, &o, NULL);
        assert_int_equal(xsi_source_next_data(src, 1 << 20), middle - 4096);
        assert_int_equal(xsi_source_next_data(src, middle - 4095), middle - 4095);
        xsi_source_free(src);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        src = xsi_source_fd(fd, NULL, NULL);
        assert_int_equal(xsi_source_next_data(src, 1 << 20), middle);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    }
    xsi_source_free(src);
    close(fd);
    (void)unlink(path);
}

/* ---- pipes ---- */

static void test_pipe(void **state)
{
    struct fixture *f = *state;
    struct xsi_error err;
    int fd = feed(f->bytes, SIZE);
    struct xsi_source *src = xsi_source_fd(fd, NULL, &err);
    uint8_t buf[100];
    uint64_t size;

    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_PIPE);
    assert_false(xsi_source_seekable(src));
    assert_false(xsi_source_size(src, &size));
    assert_false(xsi_source_file_size(src, &size));
    assert_int_equal(xsi_source_next_data(src, 77), 77);
    assert_int_equal(xsi_source_read(src, buf, 100, 0), 100);
    assert_memory_equal(buf, f->bytes, 100);
    assert_int_equal(xsi_source_read(src, buf, 100, 300000), 100); /* skips */
    assert_memory_equal(buf, f->bytes + 300000, 100);
    assert_int_equal(xsi_source_read(src, buf, 1, 300099), -ESPIPE);
    assert_non_null(strstr(xsi_source_error(src)->text, "only be read forward"));
    assert_int_equal(xsi_source_read(src, buf, 100, SIZE - 40), 40);
    assert_int_equal(xsi_source_read(src, buf, 100, SIZE + 5), 0);
    assert_true(xsi_source_size(src, &size));
    assert_int_equal(size, SIZE);
    assert_int_equal(xsi_source_bytes_read(src), SIZE);
    xsi_source_free(src);
    assert_true(fcntl(fd, F_GETFD) >= 0); /* the descriptor stays the caller's */
    close(fd);
    wait(NULL);
}

static void test_exact(void **state)
{
    static const size_t wants[] = { 1, 21, 4096, 100000 };
    struct fixture *f = *state;
    struct xsi_source_options o = { .exact = true };
    uint8_t *buf = malloc(SIZE);
    int fd = feed(f->bytes, SIZE);
    struct xsi_source *src = xsi_source_fd(fd, &o, NULL);
    size_t at = 0, i;

    for (i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
        assert_int_equal(xsi_source_read(src, buf, wants[i], at), wants[i]);
        assert_memory_equal(buf, f->bytes + at, wants[i]);
        at += wants[i];
    }
    at += 5000; /* what is skipped is taken exactly too */
    assert_int_equal(xsi_source_read(src, buf, 3, at), 3);
    at += 3;
    xsi_source_free(src);
    /* Somebody else goes on at the very next byte. */
    assert_int_equal(read(fd, buf, 10), 10);
    assert_memory_equal(buf, f->bytes + at, 10);
    close(fd);
    wait(NULL);
    free(buf);
}

static void test_nonblocking_and_socket(void **state)
{
    struct fixture *f = *state;
    struct xsi_source *src;
    int fd = feed(f->bytes, SIZE), ends[2];

    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    src = xsi_source_fd(fd, NULL, NULL);
    expect_bytes(src, f->bytes, SIZE);
    xsi_source_free(src);
    close(fd);
    wait(NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[1], f->bytes, 5000), 5000);
    close(ends[1]);
    src = xsi_source_fd(ends[0], NULL, NULL);
    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_PIPE);
    expect_bytes(src, f->bytes, 5000);
    xsi_source_free(src);
    close(ends[0]);
}

static void test_fifo(void **state)
{
    struct fixture *f = *state;
    const char *path = in_dir(f, "fifo");
    struct xsi_source *src;

    assert_int_equal(mkfifo(path, 0600), 0);
    if (fork() == 0) {
        int fd;

        usleep(100000); /* the reader opens long before there is a writer */
        fd = open(path, O_WRONLY | O_CLOEXEC);
        usleep(50000);
        _exit(write(fd, f->bytes, 30000) != 30000);
    }
    src = xsi_source_open(path, NULL, NULL);
    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_PIPE);
    expect_bytes(src, f->bytes, 30000);
    xsi_source_free(src);
    wait(NULL);
}

/* ---- faults of opening ---- */

static void expect_refusal(const char *path, int code, const char *words)
{
    struct xsi_error err;

    assert_null(xsi_source_open(path, NULL, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.text, words))
        fail_msg("'%s' lacks '%s'", err.text, words);
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct xsi_error err;
    char path[300];
    int fd;

    expect_refusal(f->dir, EISDIR, "is a directory; name the image file in it");
    expect_refusal(in_dir(f, "nothing"), ENOENT, "check the path");
    expect_refusal("", ENOENT, "check the path");
    expect_refusal("/dev/null", ENOTBLK, "is a character device");
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_dir(f, "socket"));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    expect_refusal(address.sun_path, ENXIO, "socket");
    close(fd);
    memset(path, '/', sizeof(path)); /* a long path does not push the advice out */
    (void)snprintf(path + 200, 100, "%s", f->dir + 1);
    expect_refusal(path, EISDIR, "name the image file in it");
    assert_null(xsi_source_fd(-1, NULL, &err));
    assert_int_equal(err.code, EBADF);
    fd = open(in_dir(f, "written"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_null(xsi_source_fd(fd, NULL, &err));
    assert_int_equal(err.code, EBADF);
    close(fd);
    assert_null(xsi_source_open("/nowhere/at/all", NULL, NULL));
}

/* ---- a disk with faults ---- */

static void test_unreadable(void **state)
{
    const size_t bad = 200 * 1024, bad_end = bad + 8192;
    struct fixture *f = *state;
    const char *path = in_dir(f, "unreadable");
    uint8_t *buf = malloc(SIZE);
    struct xsi_source *src;
    int pass;

    save(path, f->bytes, SIZE);
    src = xsi_source_open(path, NULL, NULL);
    for (pass = 0; pass < 2; pass++) {
        disk.active = true;
        disk.refuse_whole = pass;
        disk.most = SIZE;
        disk.bad = (off_t)bad;
        disk.bad_end = (off_t)bad_end;
        assert_int_equal(xsi_source_read(src, buf, SIZE, 0), bad);
        assert_memory_equal(buf, f->bytes, bad);
        assert_int_equal(xsi_source_read(src, buf, SIZE, 777), bad - 777);
        assert_memory_equal(buf, f->bytes + 777, bad - 777);
        assert_int_equal(xsi_source_read(src, buf, SIZE, bad), -EIO);
        assert_non_null(strstr(xsi_source_error(src)->text, "0x32000"));
        assert_int_equal(xsi_source_read(src, buf, 10, bad_end - 1), -EIO);
        assert_int_equal(xsi_source_read(src, buf, SIZE, bad_end), SIZE - bad_end);
        assert_memory_equal(buf, f->bytes + bad_end, SIZE - bad_end);
        disk.active = false;
    }
    disk.active = true;
    disk.bad = disk.bad_end = 0;
    disk.most = 1000;
    disk.interrupt = 3;
    assert_int_equal(xsi_source_read(src, buf, SIZE, 0), SIZE);
    assert_memory_equal(buf, f->bytes, SIZE);
    disk.active = false;
    assert_int_equal(truncate(path, 1000), 0); /* it shrinks while it is read */
    assert_int_equal(xsi_source_read(src, buf, SIZE, 0), 1000);
    xsi_source_free(src);
    free(buf);
}

static void test_block_device(void **state)
{
    struct fixture *f = *state;
    char command[256], device[64] = "";
    struct xsi_source *src;
    uint64_t size;
    FILE *out;
    int rc;

    save(in_dir(f, "disk"), f->bytes, SIZE);
    (void)snprintf(command, sizeof(command), "losetup -r -f --show '%s' 2>/dev/null",
                   in_dir(f, "disk"));
    out = popen(command, "re");
    if (out && fgets(device, sizeof(device), out))
        device[strcspn(device, "\n")] = '\0';
    if (out)
        (void)pclose(out);
    if (!device[0]) {
        print_message("skipped: no loop device can be had here\n");
        skip();
    }
    src = xsi_source_open(device, NULL, NULL);
    (void)snprintf(command, sizeof(command), "losetup -d %s", device);
    rc = system(command); /* takes effect when the source is gone */
    assert_int_equal(rc, 0);
    assert_non_null(src);
    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_BLOCK);
    assert_true(xsi_source_size(src, &size));
    assert_int_equal(size, SIZE);
    assert_int_equal(xsi_source_next_data(src, 5), 5);
    expect_bytes(src, f->bytes, SIZE);
    xsi_source_free(src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),       cmocka_unit_test(test_never_writes),
        cmocka_unit_test(test_window),     cmocka_unit_test(test_descriptor_position),
        cmocka_unit_test(test_sparse),     cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_exact),      cmocka_unit_test(test_nonblocking_and_socket),
        cmocka_unit_test(test_fifo),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unreadable), cmocka_unit_test(test_block_device),
    };

    return cmocka_run_group_tests_name("source", tests, setup, teardown);
}
