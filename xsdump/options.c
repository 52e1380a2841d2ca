/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line as settings. */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "xsdump.h"

enum option_id {
#define OPTION(id, letter, name, argument, group, help) OPT_##id,
#include "options.def"
#undef OPTION
    OPT_COUNT
};

static const struct cli_option option_rows[OPT_COUNT] = {
#define OPTION(id, letter, name, argument, group, help) { letter, name, argument, group, help },
#include "options.def"
#undef OPTION
};

static bool number_option(const char *option, const char *text, uint64_t *value)
{
    if (cli_number(text, value))
        return true;
    cli_error(NULL, "--%s %s: not a number; write 4096, 0x1000, 4k, 4M, 4G or 4T", option, text);
    return false;
}

static bool take_verbose(struct settings *s, const char *text)
{
    (void)text;
    s->verbose++;
    return true;
}

static bool take_range(struct settings *s, const char *text)
{
    s->has_range = true;
    if (cli_range(text, &s->first, &s->last))
        return true;
    cli_error(NULL, "--range %s: not a range of chunk numbers; write 7, 7-9, 7- or -9", text);
    return false;
}

static bool take_as(struct settings *s, const char *text)
{
    s->list_bids = strcmp(text, "list") == 0;
    s->as = s->list_bids ? NULL : text;
    return s->list_bids || settings_check_stack(text);
}

static bool take_offset(struct settings *s, const char *text)
{
    return number_option("offset", text, &s->window.offset);
}

static bool take_length(struct settings *s, const char *text)
{
    if (!number_option("length", text, &s->window.length))
        return false;
    if (s->window.length)
        return true;
    cli_error(NULL, "--length 0: there is nothing in no bytes; leave it out to read to the end");
    return false;
}

static bool take_target(struct settings *s, const char *text)
{
    struct xsi_reader reader;

    if (s->target_count == TARGETS_MAX) {
        cli_error(NULL, "--target %s: more than %d targets; use --target all", text, TARGETS_MAX);
        return false;
    }
    s->targets[s->target_count++] = text;
    if (strcasecmp(text, "all") == 0) {
        s->all_targets = true;
        return true;
    }
    return xsi_reader_lookup(text, &reader) || readers_unknown(text);
}

static bool take_explain(struct settings *s, const char *text)
{
    s->explain = text;
    return true;
}

static bool take_core(struct settings *s, const char *text)
{
    s->core = text;
    return true;
}

static bool take_core_raw(struct settings *s, const char *text)
{
    s->core_raw = text;
    return true;
}

static bool take_color(struct settings *s, const char *text)
{
    s->color = text;
    if (strcmp(text, "auto") == 0 || strcmp(text, "always") == 0 || strcmp(text, "never") == 0)
        return true;
    cli_error(NULL, "--color %s: write auto, always or never", text);
    return false;
}

static bool take_progress_fd(struct settings *s, const char *text)
{
    uint64_t fd;

    if (!number_option("progress-fd", text, &fd))
        return false;
    if (fd > INT32_MAX || fcntl((int)fd, F_GETFD) < 0) {
        cli_error(NULL, "--progress-fd %s: no such descriptor is open; try 2", text);
        return false;
    }
    s->progress_fd = (int)fd;
    return true;
}

/* What an option does: it sets a flag, or hands its argument to a function. */
static const struct effect {
    size_t flag; /* offset in struct settings */
    bool (*take)(struct settings *s, const char *text);
} effects[OPT_COUNT] = {
    [OPT_ALL] = { offsetof(struct settings, all), NULL },
    [OPT_VERBOSE] = { 0, take_verbose },
    [OPT_HEX] = { offsetof(struct settings, hex), NULL },
    [OPT_RANGE] = { 0, take_range },
    [OPT_BROWSE] = { offsetof(struct settings, browse), NULL },
    [OPT_QUIET] = { offsetof(struct settings, quiet), NULL },
    [OPT_JSON] = { offsetof(struct settings, json), NULL },
    [OPT_JSONL] = { offsetof(struct settings, jsonl), NULL },
    [OPT_AS] = { 0, take_as },
    [OPT_OFFSET] = { 0, take_offset },
    [OPT_LENGTH] = { 0, take_length },
    [OPT_SCAN] = { offsetof(struct settings, scan), NULL },
    [OPT_PAGES] = { offsetof(struct settings, pages), NULL },
    [OPT_CORE] = { 0, take_core },
    [OPT_CORE_RAW] = { 0, take_core_raw },
    [OPT_TARGET] = { 0, take_target },
    [OPT_LIST_READERS] = { offsetof(struct settings, list_readers), NULL },
    [OPT_EXPLAIN] = { 0, take_explain },
    [OPT_LIST_FINDINGS] = { offsetof(struct settings, list_findings), NULL },
    [OPT_COLOR] = { 0, take_color },
    [OPT_NO_PAGER] = { offsetof(struct settings, no_pager), NULL },
    [OPT_PROGRESS_FD] = { 0, take_progress_fd },
    [OPT_VERSION] = { offsetof(struct settings, version), NULL },
    [OPT_HELP] = { offsetof(struct settings, help), NULL },
};

static bool set_option(void *context, size_t option, const char *argument)
{
    struct settings *s = context;

    if (effects[option].take)
        return effects[option].take(s, argument);
    *(bool *)((char *)s + effects[option].flag) = true;
    return true;
}

/* Names of layers that exist; the list is what helps when one does not. */
static bool known_layer(const char *name, size_t length)
{
    const char *layer;

    for (size_t i = 0; (layer = xsi_layer_name(i)); i++)
        if (strlen(layer) == length && memcmp(layer, name, length) == 0)
            return true;
    return false;
}

static void complain_layer(const char *stack, const char *name, size_t length)
{
    char names[1024] = "";
    const char *layer;
    size_t at = 0;

    for (size_t i = 0; (layer = xsi_layer_name(i)) && at < sizeof(names); i++)
        at += (size_t)snprintf(names + at, sizeof(names) - at, " %s", layer);
    cli_error(NULL, "--as %s: no layer is called '%.*s'; there are:%s", stack, (int)length, name,
              names);
}

bool settings_check_stack(const char *stack)
{
    for (const char *p = stack + strspn(stack, " ,>"); *p; p += strspn(p, " ,>")) {
        size_t length = strcspn(p, " ,>:");

        if (!known_layer(p, length)) {
            complain_layer(stack, p, length);
            return false;
        }
        p += strcspn(p, " ,>"); /* the library knows what may stand behind a colon */
    }
    return true;
}

static bool complete(const struct settings *s)
{
    if (s->json && s->jsonl) {
        cli_error(NULL, "--json and --jsonl exclude each other; give one of them");
        return false;
    }
    if ((s->core || s->core_raw) && (s->image_count > 1 || (s->core && s->core_raw))) {
        cli_error(NULL, "--core takes one IMAGE and makes one file; run it for each");
        return false;
    }
    if (s->browse && (s->json || s->jsonl || s->core || s->core_raw || s->explain)) {
        cli_error(NULL,
                  "--browse is for a person at a terminal; leave out what makes other output");
        return false;
    }
    if (s->browse && s->image_count > 2) {
        cli_error(NULL, "--browse takes one IMAGE, or two to compare");
        return false;
    }
    if (s->image_count || s->help || s->version || s->explain || s->list_findings ||
        s->list_readers)
        return true;
    cli_error(NULL, "no IMAGE given; xsdump FILE lists one, - reads a pipe, --help explains");
    return false;
}

bool settings_parse(struct settings *s, int argc, char **argv)
{
    static char raw[] = "--core-raw";
    int rest;

    memset(s, 0, sizeof(*s));
    s->progress_fd = -1;
    s->color = "auto";
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--core=raw") == 0)
            argv[i] = raw;
    rest = cli_options(argc, argv, option_rows, OPT_COUNT, set_option, s);
    if (rest < 0)
        return false;
    s->images = argv + rest;
    s->image_count = (size_t)(argc - rest);
    return complete(s);
}

bool settings_stream(const struct settings *s)
{
    return s->all || s->verbose || s->hex || s->has_range;
}

unsigned settings_detail(const struct settings *s)
{
    bool json = s->json || s->jsonl;

    if (s->verbose > 1)
        return 2;
    return s->verbose || s->hex || json ? 1 : 0;
}

bool settings_wants(const struct settings *s, const struct xsi_chunk *chunk)
{
    if (s->quiet)
        return false;
    return !s->has_range || (chunk->index >= s->first && chunk->index <= s->last);
}

void usage_print(const struct cli_term *term)
{
    const struct cli_term prose = cli_prose(term), *t = &prose;

    fprintf(t->out, "Usage: xsdump [options] IMAGE...\n\n");
    cli_wrap(t, 0, 0,
             "Lists what is in a saved Xen VM. IMAGE is a file, a block device or - (a pipe), "
             "compressed or not; it is never written to.");
    cli_help(t, option_rows, OPT_COUNT);
    fprintf(t->out, "\n%sExit status%s, OR-ed over all images\n", cli_colour(t, CLI_BOLD),
            cli_colour(t, CLI_PLAIN));
    fputs("  0  nothing to say\n"
          "  1  there are warnings\n"
          "  2  a target refuses it, loses something, or behaves in an undefined way\n"
          "  4  damaged or truncated\n"
          "  8  operational: input, output, memory, permission\n"
          "  16 usage, or nothing recognisable\n",
          t->out);
}
