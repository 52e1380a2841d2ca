/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --list-readers, and the names that are near one that does not exist. */
#include <string.h>

#include "json.h"
#include "xsdump.h"

#define NEAREST 4

static const struct {
    unsigned variant;
    const char *suffix, *about;
} suffixes[] = {
    { XSI_READER_32, "/32", "a 32-bit toolstack; without it a reader is 64-bit" },
    { XSI_READER_XAPI, "/xapi", "XenServer's libxc, which leaves the QEMU record to xapi" },
    { XSI_READER_REMUS, "/remus", "a checkpointed restore; what xend asks for, too (/xend)" },
    { XSI_READER_LIBXC, "/libxc", "the bare library, without its toolstack" },
};
#define SUFFIXES (sizeof(suffixes) / sizeof(suffixes[0]))

bool readers_unknown(const char *name)
{
    struct xsi_reader reader;
    char best[NEAREST][sizeof(reader.name)] = { "" }, text[256] = "";
    size_t far[NEAREST] = { 0 }, count = 0;

    for (size_t i = 0; xsi_reader_get(i, &reader); i++) {
        size_t d = cli_edits(name, reader.name), at = count;

        while (at > 0 && d < far[at - 1])
            at--;
        if (at == NEAREST)
            continue;
        count += count < NEAREST;
        for (size_t k = count - 1; k > at; k--) {
            far[k] = far[k - 1];
            memcpy(best[k], best[k - 1], sizeof(best[k]));
        }
        far[at] = d;
        memcpy(best[at], reader.name, sizeof(best[at]));
    }
    for (size_t i = 0; i < count; i++)
        text_add(text, sizeof(text), "%s%s", i ? ", " : "", best[i]);
    cli_error(NULL, "--target %s: no reader is called that; near: %s; all of them: --list-readers",
              name, text);
    return false;
}

/* A release with all its variants: they follow each other. Returns the index behind them. */
static size_t release_get(size_t index, struct xsi_reader *out, unsigned *variants)
{
    struct xsi_reader next;

    if (!xsi_reader_get(index, out))
        return index;
    for (*variants = 0; xsi_reader_get(index, &next) && next.row == out->row; index++)
        *variants |= next.variant;
    return index;
}

static void variant_list(unsigned variants, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < SUFFIXES; i++)
        if (variants & suffixes[i].variant)
            text_add(out, size, "%s%s", *out ? " " : "", suffixes[i].suffix);
}

/* Its name without suffixes. */
static void bare_name(const struct xsi_reader *reader, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)strcspn(reader->name, "/"), reader->name);
}

static void list_json(void)
{
    struct xsi_reader reader;
    const char *comma = "[\n";
    char text[64];
    unsigned variants;

    for (size_t i = 0, next; (next = release_get(i, &reader, &variants)) != i; i = next) {
        struct json_object *o = json_object_new_object(), *names = json_object_new_array();
        struct xsi_reader each;

        bare_name(&reader, text, sizeof(text));
        json_object_object_add(o, "name", json_object_new_string(text));
        for (size_t k = i; k < next && xsi_reader_get(k, &each); k++)
            json_object_array_add(names, json_object_new_string(each.name));
        json_object_object_add(o, "readers", names);
        json_object_object_add(o, "aliases", json_words(reader.alias));
        variant_list(variants, text, sizeof(text));
        json_object_object_add(o, "variants", json_words(text));
        json_object_object_add(o, "reads", json_name(reader.stream));
        json_object_object_add(o, "covers", json_name(reader.covers));
        json_object_object_add(o, "about", json_name(reader.about));
        fputs(comma, stdout);
        json_put(o);
        comma = ",\n";
    }
    fputs(*comma == '[' ? "[]\n" : "\n]\n", stdout);
}

static void list_text(const struct cli_term *t)
{
    struct xsi_reader reader;
    const char *stream = "";
    char name[48], text[64], line[400];
    unsigned variants;

    fprintf(t->out, "%s%-11s%-18s%-17sWHAT SETS IT APART%s\n", cli_colour(t, CLI_BOLD), "NAME",
            "VARIANTS", "COVERS", cli_colour(t, CLI_PLAIN));
    for (size_t i = 0, next; (next = release_get(i, &reader, &variants)) != i; i = next) {
        if (strcmp(stream, reader.stream) != 0)
            fprintf(t->out, "reads %s\n", reader.stream);
        stream = reader.stream;
        bare_name(&reader, name, sizeof(name));
        variant_list(variants, text, sizeof(text));
        fprintf(t->out, "%-10s %-17s %-16s ", name, text, reader.covers);
        snprintf(line, sizeof(line), "%s%s%s%s", reader.about,
                 *reader.alias ? " (also called " : "", reader.alias, *reader.alias ? ")" : "");
        cli_wrap(t, 46, 46, line);
    }
    fprintf(t->out, "\nVariants combine, in this order:\n");
    for (size_t i = 0; i < SUFFIXES; i++)
        fprintf(t->out, "  %-7s %s\n", suffixes[i].suffix, suffixes[i].about);
}

unsigned readers_list(const struct cli_term *t, bool json)
{
    if (json)
        list_json();
    else
        list_text(t);
    return 0;
}
