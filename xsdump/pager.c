/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listing goes through the pager as a whole. */
#include <unistd.h>

#include "xsdump.h"

void pager_start(const struct settings *set)
{
    int input;
    pid_t pid = set->no_pager ? 0 : cli_pager(&input);

    if (!pid)
        return;
    dup2(input, STDOUT_FILENO);
    close(input);
    cli_on_exit_pager(pid);
}
