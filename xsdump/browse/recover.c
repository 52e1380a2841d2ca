/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mending what is looked at: the browser ends, and xsrecover opens at its place. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "actions.h"
#include "recover.h"

#define WORDS_MAX 12

void key_recover(struct browse *b)
{
    const struct xsi_source_options *window = &b->set->window;

    if (window->offset || (window->length && window->length != UINT64_MAX)) {
        browse_say(b, ROLE_WARNING,
                   "xsrecover mends whole files; this is a part (--offset): cut it out first");
        return;
    }
    b->recover = true;
    b->quit = true;
}

/* The program of this name in our own folder: $PATH is somebody else's. */
static bool beside(const char *name, char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    char *slash;

    if (n <= 0)
        return false;
    out[n] = '\0';
    slash = strrchr(out, '/');
    if (!slash || (size_t)(slash + 1 - out) + strlen(name) >= size)
        return false;
    strcpy(slash + 1, name);
    return true;
}

/* The command as a person types it. */
static void say_command(const char *const *argv)
{
    char command[8192] = "", word[4200];

    for (size_t i = 0; argv[i]; i++)
        text_add(command, sizeof(command), "%s%s", i ? " " : "",
                 cli_word(word, sizeof(word), argv[i]));
    cli_error(NULL,
              "xsrecover is not beside this program, or cannot be started (%s); where it is: %s",
              strerror(errno), command);
}

unsigned recover_exec(const struct settings *set, const char *file, uint64_t offset,
                      const char *reader)
{
    char program[PATH_MAX], at[24];
    const char *argv[WORDS_MAX] = { "xsrecover", "--at", at };
    size_t n = 3;

    snprintf(at, sizeof(at), "0x%" PRIx64, offset);
    if (!*reader && set->target_count && !set->all_targets)
        reader = set->targets[0];
    if (*reader) {
        argv[n++] = "-t";
        argv[n++] = reader;
    }
    if (set->as) {
        argv[n++] = "--as";
        argv[n++] = set->as;
    }
    argv[n++] = "--"; /* an image may be called -y */
    argv[n++] = file;
    argv[n] = NULL;
    errno = ENOENT;
    if (beside(argv[0], program, sizeof(program)))
        execv(program, (char *const *)(uintptr_t)argv);
    say_command(argv);
    return CLI_OPERATIONAL;
}
