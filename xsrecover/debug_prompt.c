/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt: GNU readline, with a history per user. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "debug_internal.h"

#define HISTORY_LINES 1000

/* Readline's callbacks get no context. */
static struct debug *session;

/* ---------------------------------------------------------------- history ---- */

/* Make the folders of a path, for this user only. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

/*
 * The history's file, there and this user's own; false: none is kept. With another's HOME (su,
 * sudo) nothing is left in it.
 */
static bool history_file(char *path, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct stat st;
    bool own;
    int fd;

    if (!home || *home != '/' || stat(home, &st) != 0 || st.st_uid != geteuid())
        return false;
    if (state && *state == '/')
        snprintf(path, size, "%s/xsrecover/history", state);
    else
        snprintf(path, size, "%s/.local/state/xsrecover/history", home);
    if (strlen(path) + 1 >= size || !make_folders(path))
        return false;
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0)
        return false;
    own = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
          fchmod(fd, 0600) == 0;
    close(fd);
    return own;
}

const char *debug_history(size_t index)
{
    HIST_ENTRY *entry = index < HISTORY_LINES ? history_get(history_base + (int)index) : NULL;

    return entry ? entry->line : NULL;
}

/* ---------------------------------------------------------------- readline ---- */

/* Ctrl-C at the prompt: an empty line. Another signal, as after `fg`: the line again. */
static int after_signal(void)
{
    if (!debug_interrupted(true)) {
        rl_forced_update_display();
        return 0;
    }
    rl_crlf();
    rl_on_new_line();
    rl_replace_line("", 1);
    rl_redisplay();
    return 0;
}

static char **complete(const char *word, int start, int end)
{
    unsigned kinds = 0;
    char **list;

    (void)end;
    rl_attempted_completion_over = 1;
    list = debug_complete(session, rl_line_buffer, word, start, &kinds);
    if (!list && kinds & DEBUG_ARG_FILE)
        list = rl_completion_matches(word, rl_filename_completion_function);
    else /* a path goes on: no blank behind it */
        rl_completion_suppress_append = (kinds & DEBUG_ARG_FIELD) != 0;
    return list;
}

static void setup(struct debug *d)
{
    session = d;
    rl_readline_name = "xsrecover";
    rl_attempted_completion_function = complete;
    rl_basic_word_break_characters = " \t";
    rl_completer_quote_characters = "";
    rl_signal_event_hook = after_signal;
    rl_outstream = stderr; /* a prompt is no output */
    using_history();
    stifle_history(HISTORY_LINES);
}

/* An empty line repeats some commands (list, step). */
static char *repeated(const char *last)
{
    char first[64], second[64] = "";
    const struct debug_command *c;
    int takes;

    if (!last || sscanf(last, " %63s %63s", first, second) < 1)
        return NULL;
    first[strcspn(first, "/")] = '\0';
    c = debug_lookup(first, *second ? second : NULL, &takes);
    return c && c->flags & DEBUG_REPEAT ? strdup(last) : NULL;
}

/* Keep a line in the history; not twice in a row. */
static void remember(const char *line, char **last, int *added)
{
    if (!*last || strcmp(*last, line) != 0) {
        add_history(line);
        ++*added;
    }
    free(*last);
    *last = strdup(line);
}

void debug_prompt(struct debug *d)
{
    char path[4096], *last = NULL, *line;
    bool kept = history_file(path, sizeof(path));
    int added = 0;

    setup(d);
    if (kept)
        read_history(path);
    while (!d->quit) {
        debug_interrupted(true);
        line = readline(DEBUG_PROMPT);
        if (!line) {
            fputs("quit\n", stderr);
            d->quit = debug_may_leave(d);
            continue;
        }
        if (line[strspn(line, " \t")]) {
            remember(line, &last, &added);
        } else {
            free(line);
            line = repeated(last);
        }
        if (line)
            debug_input_line(d, line);
        free(line);
    }
    if (kept && added && append_history(added, path) == 0)
        history_truncate_file(path, HISTORY_LINES);
    free(last);
    clear_history();
    session = NULL;
}
