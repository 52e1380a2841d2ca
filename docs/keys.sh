#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Write the table of the browser's keys in docs/xsdump.1 from the rows of xsdump/browse/keys.def.
# With --check only compare, and fail when the page is out of date.
set -eu
cd "$(dirname "$0")/.."
page=docs/xsdump.1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/table.c" <<'C'
#include <stdio.h>
#include <string.h>

#define ANYWHERE ""
#define IN(view) view
#define VIEW_READER "(in this view) "
#define VIEW_PAGES VIEW_READER
#define VIEW_COMPARE VIEW_READER

static const char *heading = "";

/* What roff would take for its own. */
static void put(char c)
{
    static const char special[] = "-'\\^~`";
    static const char *const name[] = { "\\-", "\\(aq", "\\e", "\\(ha", "\\(ti", "\\(ga" };
    const char *at = c ? strchr(special, c) : NULL;

    if (at)
        fputs(name[at - special], stdout);
    else
        putchar(c);
}

/* A new line at 76 columns and behind a part of a sentence; none begins with a dot. */
static void text(const char *s)
{
    int column = 0;

    for (; *s; s++) {
        if (*s == ' ' && (column + (int)strcspn(s + 1, " ") > 76 || s[-1] == ';')) {
            putchar('\n');
            column = 0;
            continue;
        }
        put(*s);
        column++;
    }
    putchar('\n');
}

/* "k Up" are two keys; \& keeps a single punctuation mark, or a word, from being a macro's. */
static void row(const char *group, const char *shown, const char *view, const char *help)
{
    if (strcmp(heading, group) != 0)
        printf("%s.Ss %s\n.Bl -tag -width \"PgUp, ^B\" -compact\n", *heading ? ".El\n" : "", group);
    heading = group;
    printf(".It Cm \\&");
    for (; *shown; shown++) {
        if (*shown == ' ')
            printf(" , Cm \\&");
        else
            put(*shown);
    }
    putchar('\n');
    fputs(view, stdout);
    text(help);
}

#define MOVE(keys, shown, act, help) row("Move", shown, ANYWHERE, help);
#define KEY(keys, shown, group, views, label, exec, help) row(group, shown, views, help);
int main(void)
{
#include "xsdump/browse/keys.def"
    puts(".El");
    return 0;
}
C
${CC:-cc} -I. -o "$tmp/table" "$tmp/table.c"
"$tmp/table" >"$tmp/rows"
sed -e '/^\.\\" keys: begin/r '"$tmp/rows" \
    -e '/^\.\\" keys: begin/,/^\.\\" keys: end/{/^\.\\" keys: /!d}' "$page" >"$tmp/page"
if [ "${1:-}" = --check ]; then
    cmp -s "$tmp/page" "$page" || { echo "$page is out of date: run docs/keys.sh" >&2; exit 1; }
else
    cmp -s "$tmp/page" "$page" || cat "$tmp/page" >"$page"
fi
