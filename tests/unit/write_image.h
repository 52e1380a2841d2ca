/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of writing share: a folder on a disk, an image in it, plans over it. */
#ifndef XSI_TESTS_WRITE_IMAGE_H
#define XSI_TESTS_WRITE_IMAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/xsi_edit.h"

#define INSERTED "\xf7\xff\xff\xff and more bytes that a plan puts in"

struct folder {
    char path[200], image[256], state[256], out[256];
    uint8_t *bytes; /* of the image */
    size_t size;
    struct xsi_write_options options;
};

static inline void put_image(struct folder *f, const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    (void)f;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

static inline uint8_t *get_file(const char *path, size_t *n)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *bytes;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    bytes = malloc((size_t)st.st_size + 1);
    assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
    close(fd);
    *n = (size_t)st.st_size;
    return bytes;
}

static inline void expect_file(const char *path, const void *bytes, size_t n)
{
    size_t size;
    uint8_t *got = get_file(path, &size);

    assert_int_equal(size, n);
    assert_memory_equal(got, bytes, n);
    free(got);
}

/* Number of names in the folder. */
static inline int names_in(const char *path)
{
    char command[400], line[32] = "";
    FILE *p;

    (void)snprintf(command, sizeof(command), "ls -A '%s' 2>/dev/null | wc -l", path);
    p = popen(command, "r");
    assert_non_null(p);
    assert_non_null(fgets(line, sizeof(line), p));
    pclose(p);
    return atoi(line);
}

static inline int folder_setup(void **state)
{
    struct folder *f = calloc(1, sizeof(*f));
    const char *scratch = getenv("XSI_SCRATCH");
    char made[128], *real;

    (void)snprintf(made, sizeof(made), "%s/write-XXXXXX", scratch ? scratch : "build");
    if (!mkdtemp(made) || !(real = realpath(made, NULL)))
        return -1;
    (void)snprintf(f->path, sizeof(f->path), "%s", real);
    free(real);
    (void)snprintf(f->image, sizeof(f->image), "%s/web.save", f->path);
    (void)snprintf(f->state, sizeof(f->state), "%s/state", f->path);
    (void)snprintf(f->out, sizeof(f->out), "%s/out", f->path);
    f->options.state = f->state;
    f->size = 300001;
    f->bytes = malloc(f->size);
    for (size_t i = 0; i < f->size; i++)
        f->bytes[i] = (uint8_t)(i * 2654435761U >> 21);
    put_image(f, f->image, f->bytes, f->size);
    *state = f;
    return 0;
}

static inline int folder_teardown(void **state)
{
    struct folder *f = *state;
    char command[300];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
    free(f->bytes);
    free(f);
    return system(command);
}

/* The image with splices, made by hand. */
static inline uint8_t *spliced(const struct folder *f, const struct xsi_splice *s, size_t count,
                               size_t *n)
{
    uint8_t *out = malloc(f->size + 4096);
    size_t from = 0;

    *n = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(out + *n, f->bytes + from, s[i].offset - from);
        *n += s[i].offset - from;
        if (s[i].inserted_length)
            memcpy(out + *n, s[i].inserted, s[i].inserted_length);
        *n += s[i].inserted_length;
        from = s[i].offset + s[i].removed;
    }
    memcpy(out + *n, f->bytes + from, f->size - from);
    *n += f->size - from;
    return out;
}

/* A plan over an open source. */
static inline struct xsi_plan *plan_over(struct xsi_source *src, const struct xsi_splice *s,
                                         size_t count)
{
    const struct xsi_planned step = { .recipe = "test", .why = "because" };
    struct xsi_error err = { 0 };
    struct xsi_plan *plan = xsi_plan_new(src, &err);

    assert_non_null(plan);
    if (count && xsi_plan_stage(plan, s, count, &step, &err))
        fail_msg("%s", err.text);
    return plan;
}

/* A plan over a path that was let go. */
static inline struct xsi_plan *plan_for(const char *path, const struct xsi_splice *s, size_t count)
{
    struct xsi_error err = { 0 };
    struct xsi_source *src = xsi_source_open(path, NULL, &err);
    struct xsi_plan *plan;

    if (!src)
        fail_msg("%s", err.text);
    plan = plan_over(src, s, count);
    if (xsi_plan_detach(plan, &err))
        fail_msg("%s", err.text);
    xsi_source_free(src);
    return plan;
}

static inline void expect_error(int rc, int wanted, const struct xsi_error *err, const char *words)
{
    if (rc != wanted || err->code != -wanted || !strstr(err->text, words))
        fail_msg("%d (%s) instead of %d with '%s'", rc, err->text, wanted, words);
}

#endif
