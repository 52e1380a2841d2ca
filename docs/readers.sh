#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Write the tables of docs/readers.md from the rows of plugins/legacy/readers.def and
# plugins/v2/readers.def. With --check only compare, and fail when the page is out of date.
set -eu
cd "$(dirname "$0")/.."
page=docs/readers.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# What a bit of an enumeration means is the comment behind its name: { bit, "words" },
words() {
    sed -nE "/^enum $2 /,/^};/s/\"/\\\\&/g; /^enum $2 /,/^};/s|^ *[A-Z0-9_]+ = 1U? << ([0-9]+),? */\* (\.\.\. )?(.*) \*/.*|{ \1, \"\3\" },|p" \
        "$1"
}
words plugins/legacy/readers.h legacy_quirk >"$tmp/legacy_words"
words plugins/v2/readers.h v2_trait >"$tmp/v2_words"

cat >"$tmp/table.c" <<'C'
#include <stdio.h>

#include "plugins/legacy/readers.h"
#include "plugins/v2/readers.h"
#include "plugins/v2/v2.h"

struct word {
    unsigned bit;
    const char *text;
};
static const struct word legacy_words[] = {
#include "legacy_words"
    { 0, NULL }
};
static const struct word v2_words[] = {
#include "v2_words"
    { 0, NULL }
};

/* What the second mask has beyond the first. */
static void list(const struct word *word, unsigned long from, unsigned long to)
{
    const char *comma = "";

    for (; word->text; word++)
        if ((to & ~from) >> word->bit & 1) {
            printf("%s%s", comma, word->text);
            comma = "; ";
        }
}

static void differences(const struct word *word, unsigned long from, unsigned long to)
{
    list(word, from, to);
    printf(" | ");
    list(word, to, from);
    printf(" |\n");
}

static void variants(unsigned set)
{
    printf("%s%s%s%s", set & XSI_READER_32 ? "/32 " : "", set & XSI_READER_XAPI ? "/xapi " : "",
           set & XSI_READER_REMUS ? "/remus " : "", set & XSI_READER_LIBXC ? "/libxc " : "");
}

/* Page types without a page, as hex digits. */
static void nibbles(unsigned mask)
{
    for (unsigned i = 0; i < 16; i++)
        if (mask >> i & 1)
            printf("%x ", i);
}

static void legacy(void)
{
    unsigned long before = 0;

    printf("### libxc-legacy\n\n"
           "| reader | stands for | variants | what sets it apart | ids | vCPU ids below | "
           "types without a page | from here on | no longer |\n|---|---|---|---|---|---|---|---|---|\n");
#define READER(name, alias, release, covers, builds, machine, ids, vcpus, pageless, quirks, about) \
    printf("| `%s` | %s | ", name, covers);                                                        \
    variants(builds);                                                                              \
    printf("| %s | ", about);                                                                      \
    printf(ids == -1 ? "-1 | " : "%d to -1 | ", ids);                                              \
    printf(vcpus ? "%d | " : "&ndash; | ", vcpus);                                                 \
    nibbles(pageless);                                                                             \
    printf("| ");                                                                                  \
    differences(legacy_words, before, quirks);                                                     \
    before = quirks;
#include "plugins/legacy/readers.def"
#undef READER
}

static void v2(void)
{
    unsigned long before = 0;

    printf("\n### libxc-v2\n\n"
           "| reader | stands for | what sets it apart | version up to | longest record | "
           "HVM parameters | from here on | no longer |\n|---|---|---|---|---|---|---|---|\n");
#define READER(id, name, alias, release, covers, about, ...)                                       \
    {                                                                                              \
        const struct v2_reader row = { __VA_ARGS__ };                                              \
        printf("| `%s` | %s | %s | %u | %#x | %u | ", name, covers, about, row.version_max,        \
               row.record_cap, row.params);                                                        \
        differences(v2_words, before, row.traits);                                                 \
        before = row.traits;                                                                       \
    }
#include "plugins/v2/readers.def"
#undef READER
}

int main(void)
{
    legacy();
    v2();
    return 0;
}
C
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -w -I. -Ilib -Iplugins -Iplugins/v2 -I"$tmp" -o "$tmp/table" "$tmp/table.c"
{ echo; "$tmp/table" | sed '/^| /s/  *|/ |/g'; echo; } >"$tmp/rows"
sed -e '/^<!-- readers: begin/r '"$tmp/rows" \
    -e '/^<!-- readers: begin/,/^<!-- readers: end/{/^<!-- readers: /!d}' "$page" >"$tmp/page"
if [ "${1:-}" = --check ]; then
    cmp -s "$tmp/page" "$page" || { echo "$page is out of date: run docs/readers.sh" >&2; exit 1; }
else
    cmp -s "$tmp/page" "$page" || cat "$tmp/page" >"$page"
fi
