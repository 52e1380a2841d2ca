#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Write the tables of options in docs/xsdump.1 and docs/xsrecover.1 from the rows of
# xsdump/options.def and xsrecover/options.def.
# With --check only compare, and fail when a page is out of date.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/table.c" <<'C'
#include <stdio.h>
#include <string.h>

static const char *heading = "";

/* A new line at 76 columns and behind a sentence; a dash is an option's, no hyphen. */
static void text(const char *s)
{
    int column = 0;

    for (; *s; s++) {
        if (*s == ' ' && (column + (int)strcspn(s + 1, " ") > 76 || s[-1] == '.')) {
            putchar('\n');
            column = 0;
            continue;
        }
        column += printf(*s == '-' ? "\\-" : "%c", *s);
    }
    putchar('\n');
}

static void row(char letter, const char *name, const char *argument, const char *group,
                const char *help)
{
    if (strcmp(heading, group) != 0)
        printf("%s.Ss %s\n.Bl -tag -width Ds\n", *heading ? ".El\n" : "", group);
    heading = group;
    printf(".It ");
    if (letter)
        printf("Fl %c%s%s , ", letter, argument ? " Ar " : "", argument ? argument : "");
    printf("Fl \\-%s%s%s\n", name, argument ? " Ar " : "", argument ? argument : "");
    text(help);
}

#define OPTION(id, letter, name, argument, group, help) row(letter, name, argument, group, help);
int main(void)
{
#include ROWS
    puts(".El");
    return 0;
}
C

stale=0
for program in xsdump xsrecover; do
    page=docs/$program.1
    ${CC:-cc} -I. "-DROWS=\"$program/options.def\"" -o "$tmp/table" "$tmp/table.c"
    "$tmp/table" >"$tmp/rows"
    sed -e '/^\.\\" options: begin/r '"$tmp/rows" \
        -e '/^\.\\" options: begin/,/^\.\\" options: end/{/^\.\\" options: /!d}' "$page" >"$tmp/page"
    cmp -s "$tmp/page" "$page" && continue
    if [ "${1:-}" = --check ]; then
        echo "$page is out of date: run docs/options.sh" >&2
        stale=1
    else
        cat "$tmp/page" >"$page"
    fi
done
exit $stale
