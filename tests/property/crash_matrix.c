/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 3, crash-matrix: a write in place, and an undo, meet each fault at each of their steps:
 * EIO, ENOSPC, EINTR, a short write, a disk that dies, SIGKILL, and SIGKILL with the loss of all or
 * some of what was not synced. Afterwards the image is the old one or the new one, byte for byte,
 * as the undo file says, and undo and a second run work. The disk is tests/shim/writes.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shim/writes.h"
#include "lib/xsi_edit.h"

enum { CUTS = 6, SEEDS = 2, LOST = 100 };

struct cut {
    uint64_t offset, removed;
    size_t inserted;
};

/* An image and what a plan does to it. */
struct matrix_case {
    const char *name;
    size_t size;
    bool device, elsewhere; /* elsewhere: the undo file is named, a note stands in the registry */
    struct cut cut[CUTS];   /* ascending; ends with one that does nothing */
};

static const struct matrix_case cases[] = {
    { "grow", 24576, false, false, { { 20000, 0, 4 } } },
    { "shrink", 24576, false, false, { { 9000, 5000, 0 } } },
    { "same-size", 24577, false, false, { { 700, 100, 100 } } },
    { "slack", 24576, false, true, { { 12000, 0, 4 }, { 20000, 4, 0 } } },
    { "several",
      30000,
      false,
      false,
      { { 100, 8, 8 }, { 5000, 0, 300 }, { 7000, 300, 0 }, { 16000, 0, 600 }, { 29000, 9, 1 } } },
    { "long", 200000, false, false, { { 1000, 0, 4 } } },
    { "device-slack", 65536, true, false, { { 30000, 0, 4 }, { 60000, 4, 0 } } },
    { "device-several",
      65536,
      true,
      true,
      { { 512, 512, 512 }, { 9000, 90, 0 }, { 9900, 0, 90 } } },
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

/* What the sanitizer keeps of freed memory makes each fork slow. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1";
}

static struct fixture {
    char folder[256], image[300], state[300], undo[400];
    char device[64]; /* of the loop device; "" none */
    uint8_t *old, *new;
    size_t old_size, new_size;
} f;

static const struct matrix_case *now; /* for messages */
static char here[120];

static void wrong(const char *what, const char *why)
{
    fail_msg("%s, %s: %s: %s", now->name, here, what, why);
}

/* ---- images ---- */

static const uint8_t *noise(void)
{
    static uint8_t bytes[8192];
    uint32_t x = 4711;

    for (size_t i = 0; !bytes[1] && i < sizeof(bytes); i++) {
        x = x * 1664525U + 1013904223U;
        bytes[i] = (uint8_t)(x >> 24);
    }
    return bytes;
}

static void make_images(const struct matrix_case *c)
{
    size_t from = 0, n = 0;

    f.old = malloc(c->size);
    f.new = malloc(c->size + 4096);
    f.old_size = c->size;
    for (size_t i = 0; i < c->size; i++)
        f.old[i] = (uint8_t)(i * 2654435761U >> 23);
    for (const struct cut *cut = c->cut; cut->removed || cut->inserted; cut++) {
        memcpy(f.new + n, f.old + from, cut->offset - from);
        n += cut->offset - from;
        memcpy(f.new + n, noise() + cut->offset % 1000, cut->inserted);
        n += cut->inserted;
        from = cut->offset + cut->removed;
    }
    memcpy(f.new + n, f.old + from, c->size - from);
    f.new_size = n + c->size - from;
}

static const char *image_path(void)
{
    return now->device ? f.device : f.image;
}

static void put_old(void)
{
    int fd = open(image_path(), O_RDWR | (now->device ? 0 : O_CREAT | O_TRUNC), 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, f.old, f.old_size, 0), (ssize_t)f.old_size);
    close(fd);
}

/* 1 the old image, 2 the new one, 0 neither. */
static int which(void)
{
    int fd = open(image_path(), O_RDONLY);
    size_t room = f.old_size + f.new_size + 1;
    uint8_t *bytes = malloc(room);
    ssize_t n = pread(fd, bytes, room, 0);
    int is = 0;

    close(fd);
    if ((size_t)n == f.old_size && !memcmp(bytes, f.old, f.old_size))
        is = 1;
    else if ((size_t)n == f.new_size && !memcmp(bytes, f.new, f.new_size))
        is = 2;
    free(bytes);
    return is;
}

static void expect(int wanted, const char *when)
{
    static const char *const names[] = { "neither image", "the old image", "the new image" };
    int is = which();

    if (is != wanted)
        wrong(when, names[is]);
}

/* Undo files and notes go; there are never many. */
static void clear(void)
{
    char name[700];
    DIR *dir = opendir(f.state);
    struct dirent *d;

    while (dir && (d = readdir(dir))) {
        (void)snprintf(name, sizeof(name), "%s/%s", f.state, d->d_name);
        (void)unlink(name);
    }
    if (dir)
        closedir(dir);
    (void)rmdir(f.state);
    (void)snprintf(name, sizeof(name), "%s/else.undo", f.folder);
    (void)unlink(name);
}

/* ---- what is tried ---- */

static struct xsi_write_options options(void)
{
    static char elsewhere[300];

    (void)snprintf(elsewhere, sizeof(elsewhere), "%s/else.undo", f.folder);
    return (struct xsi_write_options){ .state = f.state,
                                       .undo = now->elsewhere ? elsewhere : NULL };
}

static void undo_name(void)
{
    const char *base = strrchr(image_path(), '/') + 1;

    if (now->elsewhere)
        (void)snprintf(f.undo, sizeof(f.undo), "%s/else.undo", f.folder);
    else
        (void)snprintf(f.undo, sizeof(f.undo), "%.290s/%.60s-1.undo", f.state, base);
}

static struct xsi_plan *make_plan(void)
{
    struct xsi_splice splice[CUTS];
    struct xsi_planned step = { .recipe = "test" };
    struct xsi_error err = { 0 };
    struct xsi_source *src = xsi_source_open(image_path(), NULL, &err);
    struct xsi_plan *plan = src ? xsi_plan_new(src, &err) : NULL;
    size_t n = 0;

    for (const struct cut *c = now->cut; c->removed || c->inserted; c++)
        splice[n++] =
            (struct xsi_splice){ c->offset, c->removed, noise() + c->offset % 1000, c->inserted };
    if (!plan || xsi_plan_stage(plan, splice, n, &step, &err) || xsi_plan_detach(plan, &err))
        wrong("plan", err.text);
    xsi_source_free(src);
    return plan;
}

static int write_it(struct xsi_error *err)
{
    struct xsi_write_options o = options();
    struct xsi_plan *plan = make_plan();
    struct xsi_written written;
    int rc = xsi_write_in_place(plan, image_path(), &o, &written, err);

    xsi_plan_free(plan);
    return rc;
}

static int undo_it(struct xsi_error *err)
{
    struct xsi_write_options o = options();
    struct xsi_written written;

    return xsi_undo(f.undo, NULL, &o, false, &written, err);
}

/* Without a fault, and without the time that syncs take. */
static int soundly(int (*call)(struct xsi_error *), struct xsi_error *err)
{
    int rc;

    writes_arm(WRITES_NONE, 0, 0);
    rc = call(err);
    (void)writes_disarm();
    return rc;
}

/* The call with a fault at a step: its result, LOST when it was killed. *steps: its steps. */
static int with_fault(int (*call)(struct xsi_error *), enum writes_fault fault, unsigned long at,
                      unsigned seed, unsigned long *steps)
{
    struct xsi_error err = { 0 };
    int rc, status;
    pid_t child;

    if (fault != WRITES_KILL) {
        writes_arm(fault, at, seed);
        rc = call(&err);
        *steps = writes_disarm();
        if (rc && !err.text[0])
            wrong("an error", "no words");
        if (rc && fault > WRITES_KILL && at >= *steps)
            wrong("no fault", err.text);
        return rc && fault > WRITES_KILL ? LOST : rc;
    }
    child = fork();
    if (!child) {
        writes_arm(fault, at, seed);
        _exit(call(&err) ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        return LOST;
    return WEXITSTATUS(status) ? -EIO : 0;
}

/* ---- what must hold ---- */

static int known_state(void)
{
    struct xsi_journal_info info;
    struct xsi_error err;
    int found;

    if (xsi_journal_read(f.undo, &info, &err))
        return -1;
    found = xsi_registry_find(image_path(), f.state, &info);
    if (found < 0)
        wrong("registry", strerror(-found));
    if (!found)
        return info.state == XSI_JOURNAL_BEGUN ? XSI_JOURNAL_BEGUN : XSI_JOURNAL_UNDONE;
    return info.state;
}

/* The note of an undo file that lies elsewhere may be lost; the undo file tells as well. */
static int journal_state(void)
{
    struct xsi_journal_info info;
    struct xsi_error err;
    int rc = xsi_journal_read(f.undo, &info, &err);

    if (rc && rc != -ENOENT && rc != -EINVAL)
        wrong("journal", err.text);
    if (!rc && !now->elsewhere &&
        (info.state == XSI_JOURNAL_READY || info.state == XSI_JOURNAL_UNDOING) &&
        known_state() != (int)info.state)
        wrong("registry", "does not know of an interrupted write");
    return rc ? -1 : (int)info.state;
}

static void back_to_old(void)
{
    struct xsi_error err = { 0 };

    if (soundly(undo_it, &err))
        wrong("undo", err.text);
    expect(1, "undone");
    if (soundly(undo_it, &err) != -EALREADY)
        wrong("undone twice", err.text);
}

static void recover(void)
{
    switch (journal_state()) {
    case XSI_JOURNAL_READY:
    case XSI_JOURNAL_UNDOING:
        back_to_old();
        break;
    case XSI_JOURNAL_APPLIED:
        expect(2, "marked as applied");
        back_to_old();
        break;
    default:
        expect(1, "no mark");
    }
}

static void second_run(void)
{
    struct xsi_error err = { 0 };

    clear();
    if (soundly(write_it, &err))
        wrong("second run", err.text);
    expect(2, "second run");
}

static const char *const fault_names[WRITES_FAULTS] = {
    "no fault",  "EIO",     "ENOSPC",   "EINTR",     "short write",
    "dead disk", "SIGKILL", "all lost", "some lost",
};

/* One call, one fault, at each step until the call gets through. Returns the steps. */
static unsigned long row(int (*call)(struct xsi_error *), enum writes_fault fault, unsigned seed)
{
    bool undo = call == undo_it;
    unsigned long steps = 0, at;
    int rc = LOST;

    for (at = 0; fault == WRITES_KILL ? rc == LOST : at <= steps; at++) {
        struct xsi_error err;

        (void)snprintf(here, sizeof(here), "%s: %s at step %lu", undo ? "undo" : "write",
                       fault_names[fault], at);
        clear();
        put_old();
        if (undo && soundly(write_it, &err))
            wrong("write", err.text);
        rc = with_fault(call, fault, at, seed + (unsigned)at, &steps);
        if (!rc)
            expect(undo ? 1 : 2, "it said that all is well");
        else if (!undo && rc != LOST && fault < WRITES_DEAD)
            expect(1, "it failed and said so");
        if (rc && (fault == WRITES_EINTR || fault == WRITES_SHORT))
            wrong("result", "gave up");
        recover();
        if (at % 4 == seed)
            second_run();
        if (at > 500)
            wrong("steps", "too many");
    }
    return at;
}

/* ---- a disk that cannot be read; new files ---- */

static void start(const struct matrix_case *c)
{
    now = c;
    (void)snprintf(here, sizeof(here), "%s", c->name);
    undo_name();
    make_images(c);
    clear();
    put_old();
}

static void bad_bytes(uint64_t from, uint64_t to)
{
    char range[64];

    (void)snprintf(range, sizeof(range), "%llu-%llu", (unsigned long long)from,
                   (unsigned long long)to);
    setenv("XSI_EIO_FILE", f.image, 1);
    setenv("XSI_EIO", range, 1);
}

static struct xsi_plan *same_plan; /* made while the disk was sound */

static int write_same(struct xsi_error *err)
{
    struct xsi_write_options o = options();
    struct xsi_written written;

    return xsi_write_in_place(same_plan, f.image, &o, &written, err);
}

/* Bytes that cannot be saved stop the write in front of its first step on the image. */
static void unreadable(void **state)
{
    struct xsi_error err = { 0 };

    (void)state;
    start(&cases[0]);
    same_plan = make_plan();
    bad_bytes(22000, 22512);
    assert_int_equal(write_same(&err), -EIO);
    assert_non_null(strstr(err.text, "ddrescue"));
    assert_non_null(strstr(err.text, "0x55f0")); /* 22000 */
    unsetenv("XSI_EIO");
    expect(1, "unreadable");
    assert_int_equal(access(f.undo, F_OK), -1);
    /* pages in front of what moves are never looked at */
    same_plan = (xsi_plan_free(same_plan), make_plan());
    bad_bytes(4000, 4001);
    (void)write_same(&err);
    unsetenv("XSI_EIO");
    xsi_plan_free(same_plan);
}

static char out[300];

static int write_out(struct xsi_error *err)
{
    struct xsi_source *src = xsi_source_open(f.image, NULL, err);
    struct xsi_planned step = { .recipe = "test" };
    struct xsi_splice splice = { 20000, 0, noise(), 4 };
    struct xsi_plan *plan = xsi_plan_new(src, err);
    struct xsi_written written;
    int rc = xsi_plan_stage(plan, &splice, 1, &step, err);

    rc = rc ? rc : xsi_write_file(plan, f.image, out, &written, err);
    xsi_plan_free(plan);
    xsi_source_free(src);
    return rc;
}

static int names(void)
{
    DIR *dir = opendir(f.folder);
    int n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* Whole under its name, or not there at all and nothing left behind. */
static void whole_or_nothing(int rc, int before, bool hidden)
{
    FILE *p = fopen(out, "r");
    uint8_t bytes[32768];
    size_t n;

    if (!p && !rc)
        wrong("new file", "is missing");
    if (!p) {
        if (names() != before && !(rc == LOST && hidden))
            wrong("new file", "something is left behind");
        return;
    }
    n = fread(bytes, 1, sizeof(bytes), p);
    fclose(p);
    if (n != f.new_size || memcmp(bytes, f.new, n))
        wrong("new file", "is not whole");
    if (rc && rc != LOST)
        wrong("new file", "is there although it failed");
    (void)unlink(out);
}

static void new_files(void **state)
{
    char command[400];
    unsigned long total = 0;

    (void)state;
    (void)snprintf(out, sizeof(out), "%s/out", f.folder);
    start(&cases[0]);
    for (int hidden = 0; hidden < 2; hidden++)
        for (int fault = WRITES_NONE; fault <= WRITES_KILL; fault++) {
            unsigned long steps = 0, at;
            int rc = LOST, before = names();

            writes_no_tmpfile(hidden);
            for (at = 0; fault == WRITES_KILL ? rc == LOST : at <= steps; at++) {
                (void)snprintf(here, sizeof(here), "new file%s: %s at step %lu",
                               hidden ? ", hidden" : "", fault_names[fault], at);
                rc = with_fault(write_out, (enum writes_fault)fault, at, 0, &steps);
                if (rc && (fault == WRITES_EINTR || fault == WRITES_SHORT))
                    wrong("result", "gave up");
                /* a dead disk keeps what cannot be taken back */
                whole_or_nothing(rc && fault == WRITES_DEAD ? LOST : rc, before, hidden);
                total++;
            }
            (void)snprintf(command, sizeof(command), "rm -f '%s'/.out.*", f.folder);
            assert_int_equal(system(command), 0);
        }
    writes_no_tmpfile(0);
    print_message("# new files: %lu faults\n", total);
}

static void nothing(int number)
{
    (void)number;
}

/* ^C while a new file has a hidden name already: it is removed. */
static void interrupted(void **state)
{
    struct xsi_error err = { 0 };
    sigset_t one, before;
    int entries;

    (void)state;
    (void)snprintf(out, sizeof(out), "%s/out", f.folder);
    start(&cases[0]);
    entries = names();
    (void)signal(SIGINT, nothing);
    sigemptyset(&one);
    sigaddset(&one, SIGINT);
    assert_int_equal(sigprocmask(SIG_BLOCK, &one, &before), 0);
    assert_int_equal(raise(SIGINT), 0);
    writes_no_tmpfile(1);
    assert_int_equal(write_out(&err), -EINTR);
    writes_no_tmpfile(0);
    assert_non_null(strstr(err.text, "nothing is left"));
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    (void)signal(SIGINT, SIG_DFL);
    assert_int_equal(names(), entries);
}

/* ---- cases ---- */

static bool loop_device(size_t size)
{
    char command[700];
    FILE *p;

    (void)snprintf(command, sizeof(command),
                   "truncate -s %zu '%s/disk' && losetup -f --show '%s/disk' 2>/dev/null", size,
                   f.folder, f.folder);
    p = popen(command, "r");
    f.device[0] = '\0';
    if (p && fgets(f.device, sizeof(f.device), p))
        f.device[strcspn(f.device, "\n")] = '\0';
    if (p)
        pclose(p);
    return f.device[0] == '/';
}

static void run_case(void **state)
{
    unsigned long steps[2] = { 0, 0 };

    now = *state;
    if (now->device && !loop_device(now->size)) {
        print_message("# crash matrix on a block device: no loop device can be had here (root?)\n");
        skip();
    }
    undo_name();
    make_images(now);
    for (int fault = WRITES_NONE; fault < WRITES_FAULTS; fault++)
        for (unsigned seed = 0; seed < (fault == WRITES_LOSE_SOME ? SEEDS : 1); seed++) {
            unsigned long n[2] = { row(write_it, (enum writes_fault)fault, seed),
                                   row(undo_it, (enum writes_fault)fault, seed) };

            steps[0] += n[0];
            steps[1] += n[1];
        }
    print_message("# %s: %lu faults in writes, %lu in undos\n", now->name, steps[0], steps[1]);
}

static int end_case(void **state)
{
    char command[400];

    (void)state;
    (void)writes_disarm();
    if (now->device && f.device[0]) {
        (void)snprintf(command, sizeof(command), "losetup -d %s", f.device);
        if (system(command))
            print_message("# cannot detach %s\n", f.device);
    }
    free(f.old);
    free(f.new);
    f.old = f.new = NULL;
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[CASES + 3] = {
        { "unreadable", unreadable, NULL, end_case, NULL },
        { "new-files", new_files, NULL, end_case, NULL },
        { "interrupted", interrupted, NULL, end_case, NULL },
    };
    char command[400];
    int failed;

    (void)snprintf(f.folder, sizeof(f.folder), "%s/crash-XXXXXX",
                   getenv("XSI_SCRATCH") ? getenv("XSI_SCRATCH") : "build");
    if (!mkdtemp(f.folder) || !realpath(f.folder, f.image)) {
        perror(f.folder);
        return 1;
    }
    (void)snprintf(f.folder, sizeof(f.folder), "%.255s", f.image);
    (void)snprintf(f.image, sizeof(f.image), "%s/web.save", f.folder);
    (void)snprintf(f.state, sizeof(f.state), "%s/state", f.folder);
    for (size_t i = 0; i < CASES; i++)
        tests[i + 3] = (struct CMUnitTest){ cases[i].name, run_case, NULL, end_case,
                                            (void *)(uintptr_t)&cases[i] };
    failed = _cmocka_run_group_tests("crash-matrix", tests, CASES + 3, NULL, NULL);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f.folder);
    if (system(command))
        return 1;
    return failed;
}
