/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The floor that P1 measures against: nothing but the reads. preads FILE LIST does the preads that
 * LIST names, pairs of 64-bit numbers (offset, length), as they were seen in a run of xsdump.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LARGEST = 64 << 20 };

static int replay(int fd, FILE *list, char *buf)
{
    uint64_t row[2];

    while (fread(row, sizeof(row), 1, list) == 1)
        if (row[1] > LARGEST || pread(fd, buf, row[1], (off_t)row[0]) < 0)
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    char *buf = malloc(LARGEST);
    FILE *list = argc == 3 ? fopen(argv[2], "rb") : NULL;
    int fd = list ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0 || !buf) {
        fprintf(stderr, "usage: preads FILE LIST\n");
        return 8;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    if (replay(fd, list, buf)) {
        perror(argv[1]);
        return 8;
    }
    return 0;
}
