/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 8, agreement: memory, file and pipe give the same listing: chunks, notes, findings,
 * fields. (That text and JSON agree is tested where both are made, in tests/cli.)
 */
#include "common.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void walk_fd(int fd, uint64_t length, struct listing *l, uint64_t *hash)
{
    struct xsi_error err = { 0 };
    struct xsi_source *src = xsi_source_fd(fd, NULL, &err);

    if (!src)
        fail_msg("%s", err.text);
    listing_of(src, length, NULL, LISTING_ALL, hash, l);
    xsi_source_free(src);
}

static void same(const struct listing *a, const struct listing *b, const char *what)
{
    char why[400];

    if (a->broken[0] || b->broken[0])
        fail_msg("%s: %s%s", what, a->broken, b->broken);
    assert_string_equal(a->stack, b->stack);
    if (!listing_same_until(a, b, UINT64_MAX, why, sizeof(why)))
        fail_msg("%s: %s", what, why);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        bool note = a->leaves[i].note != b->leaves[i].note;

        /* the hash runs on from chunk to chunk: the first difference is the one */
        if (note || a->leaves[i].fields != b->leaves[i].fields)
            fail_msg("%s: other %s of %s %s at 0x%" PRIx64, what, note ? "note" : "fields",
                     a->leaves[i].layer, a->leaves[i].type, a->leaves[i].offset);
    }
    for (size_t i = 0; i < a->finding_count; i++)
        if (!listing_has(b, &a->findings[i]))
            fail_msg("%s: lacks %s at 0x%" PRIx64, what, a->findings[i].row->code,
                     a->findings[i].offset);
    assert_int_equal(a->finding_count, b->finding_count);
    assert_int_equal(a->exit, b->exit);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->stream_end, b->stream_end);
}

/* A child writes the image into a pipe in pieces of odd sizes. */
static pid_t feed(const struct image *image, int *fd)
{
    int ends[2];
    uint64_t state = image->length;
    pid_t child;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        for (size_t at = 0; at < image->length;) {
            size_t n = 1 + (size_t)(chance(&state) % 9000), left = image->length - at;
            ssize_t done = write(ends[1], image->bytes + at, n < left ? n : left);

            if (done < 0)
                break;
            at += (size_t)done;
        }
        _exit(0);
    }
    assert_true(child > 0);
    close(ends[1]);
    *fd = ends[0];
    return child;
}

static void agreement(void **state)
{
    const struct image *image = *state;
    uint64_t hash_memory = 0, hash_file = 0, hash_pipe = 0;
    struct xsi_source *src = xsi_source_memory(image->bytes, image->length);
    struct listing memory, file, piped;
    int fd = memfd_create("image", MFD_CLOEXEC);
    pid_t child;

    listing_of(src, image->length, NULL, LISTING_ALL, &hash_memory, &memory);
    xsi_source_free(src);

    assert_int_equal(write(fd, image->bytes, image->length), image->length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    walk_fd(fd, image->length, &file, &hash_file);
    close(fd);

    child = feed(image, &fd);
    walk_fd(fd, image->length, &piped, &hash_pipe);
    close(fd);
    waitpid(child, NULL, 0);

    same(&memory, &file, "file against memory");
    same(&file, &piped, "pipe against file");
    listing_free(&memory);
    listing_free(&file);
    listing_free(&piped);
}

int main(int argc, char **argv)
{
    return property_main("agreement", argc, argv, agreement);
}
