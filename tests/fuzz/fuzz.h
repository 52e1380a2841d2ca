/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fuzz target is a list of layers that its inputs are read as; common.c does the rest. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Forced stacks, NULL = detect; which one an input meets follows from its length. */
struct fuzz_target {
    const char *const *as;
    size_t count;
};
extern const struct fuzz_target fuzz_target;

#define FUZZ_TARGET(...)                                 \
    static const char *const stacks[] = { __VA_ARGS__ }; \
    const struct fuzz_target fuzz_target = { stacks, sizeof(stacks) / sizeof(stacks[0]) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
