/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of a command as settings. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "xsrecover.h"

static const struct cli_option option_rows[OPT_COUNT] = {
#define OPTION(id, letter, name, argument, group, help) { letter, name, argument, group, help },
#include "options.def"
#undef OPTION
};

size_t settings_rows(const struct command *c, struct cli_option *rows, enum option_id *id)
{
    size_t count = 0;

    for (size_t i = 0; i < OPT_COUNT; i++) {
        if (!((c->options | OPTION_BIT(HELP)) >> i & 1))
            continue;
        if (id)
            id[count] = (enum option_id)i;
        rows[count++] = option_rows[i];
    }
    return count;
}

/* ---------------------------------------------------------------- arguments ---- */

static bool number_option(const char *option, const char *text, uint64_t *value)
{
    if (cli_number(text, value))
        return true;
    cli_error(NULL, "--%s %s: not a number; write 4096, 0x1000, 4k, 4M, 4G or 4T", option, text);
    return false;
}

static bool take_target(struct settings *s, const char *text)
{
    struct xsi_reader reader;

    if (s->target_count == TARGETS_MAX) {
        cli_error(NULL, "--target %s: more than %d readers", text, TARGETS_MAX);
        return false;
    }
    s->targets[s->target_count++] = text;
    if (xsi_reader_lookup(text, &reader))
        return true;
    cli_error(NULL, "--target %s: no reader is called so; xsdump --list-readers lists them%s", text,
              strcasecmp(text, "all") == 0 ? ", and xsdump -t all IMAGE judges for all" : "");
    return false;
}

static bool take_recipe(struct settings *s, const char *text)
{
    s->recipe = text;
    if (xsi_recipe_lookup(text))
        return true;
    cli_error(NULL, "--recipe %s: no recipe is called so; xsrecover help recipes lists them", text);
    return false;
}

static bool take_code(struct settings *s, const char *text)
{
    s->code = text;
    if (xsi_finding_lookup(text))
        return true;
    cli_error(NULL, "--code %s: no finding is called so; xsdump --list-findings lists them", text);
    return false;
}

static bool take_at(struct settings *s, const char *text)
{
    s->has_at = true;
    return number_option("at", text, &s->at);
}

static bool take_checkpoint(struct settings *s, const char *text)
{
    s->has_checkpoint = true;
    return number_option("checkpoint", text, &s->checkpoint);
}

/* ---------------------------------------------------------------- edits ---- */

/* "f7 ff" or "f7ff", whole bytes, perhaps with 0x in front. NULL when it is anything else. */
static uint8_t *hex_bytes(const char *text, size_t *length)
{
    size_t room = strlen(text) / 2 + 1;
    uint8_t *bytes = malloc(room);

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    *length = bytes ? cli_bytes(text + strspn(text, " "), bytes, room) : 0;
    return bytes;
}

/* Room for one more edit at the place of the last --at. NULL after a message. */
static struct patch *new_patch(struct settings *s, const char *option)
{
    if (!s->has_at) {
        cli_error(NULL, "--%s needs a place: write --at OFFSET in front of it", option);
        return NULL;
    }
    if (s->patch_count == PATCHES_MAX) {
        cli_error(NULL, "--%s: more than %d edits; use a script of the debugger", option,
                  PATCHES_MAX);
        return NULL;
    }
    s->patch[s->patch_count] = (struct patch){ .at = s->at };
    return &s->patch[s->patch_count];
}

static struct patch *hex_patch(struct settings *s, const char *option, const char *text)
{
    struct patch *p = new_patch(s, option);

    if (!p)
        return NULL;
    p->bytes = hex_bytes(text, &p->length);
    if (p->length) {
        s->patch_count++;
        return p;
    }
    free(p->bytes);
    cli_error(NULL, "--%s %s: not bytes in hex; write pairs of digits: f7ffffff, or 'f7 ff ff ff'",
              option, text);
    return NULL;
}

static bool take_set(struct settings *s, const char *text)
{
    struct patch *p = hex_patch(s, "set", text);

    if (p) {
        p->overwrites = true;
        p->removed = p->length;
        s->at += p->length; /* the next --set of the same place goes on behind it */
    }
    return p != NULL;
}

static bool take_insert(struct settings *s, const char *text)
{
    return hex_patch(s, "insert", text) != NULL;
}

static bool take_delete(struct settings *s, const char *text)
{
    struct patch *p = new_patch(s, "delete");

    if (!p || !number_option("delete", text, &p->removed))
        return false;
    if (!p->removed) {
        cli_error(NULL, "--delete 0 removes nothing; name a number of bytes");
        return false;
    }
    s->patch_count++;
    return true;
}

/* ---------------------------------------------------------------- the debugger's ---- */

static bool keep(const char *option, const char **list, size_t *count, const char *text)
{
    if (*count == SCRIPTS_MAX) {
        cli_error(NULL, "more than %d %s; put them into one script", SCRIPTS_MAX, option);
        return false;
    }
    list[(*count)++] = text;
    return true;
}

static bool take_command(struct settings *s, const char *text)
{
    return keep("-c", s->commands, &s->command_count, text);
}

static bool take_script(struct settings *s, const char *text)
{
    return keep("-f", s->scripts, &s->script_count, text);
}

static bool take_unreadable(struct settings *s, const char *text)
{
    s->zero_unreadable = strcmp(text, "zero") == 0;
    if (!s->zero_unreadable)
        cli_error(NULL, "--unreadable takes only zero: pages that cannot be read become zeros");
    return s->zero_unreadable;
}

static bool take_via(struct settings *s, const char *text)
{
    if (strcmp(text, "libxc") != 0 && strcmp(text, "xl") != 0) {
        cli_error(NULL, "--via %s: the ways are libxc and xl", text);
        return false;
    }
    s->via = text;
    return true;
}

static bool take_into(struct settings *s, const char *text)
{
    /* numbers above are Xen's own: 4.17, public/xen.h, DOMID_FIRST_RESERVED */
    s->has_into = cli_number(text, &s->into) && s->into && s->into < 0x7ff0;
    if (!s->has_into)
        cli_error(NULL, "--into %s: this is no domain's number; xl list names them", text);
    return s->has_into;
}

static bool take_guest(struct settings *s, const char *text)
{
    static const char *const kinds[] = {
        [XSI_GUEST_PV] = "pv", [XSI_GUEST_HVM] = "hvm", [XSI_GUEST_PVH] = "pvh"
    };

    for (int i = XSI_GUEST_PV; i <= XSI_GUEST_PVH; i++)
        if (strcmp(text, kinds[i]) == 0)
            s->guest = (enum xsi_guest)i;
    if (s->guest == XSI_GUEST_UNKNOWN)
        cli_error(NULL, "--guest %s: the kinds are pv, pvh and hvm", text);
    return s->guest != XSI_GUEST_UNKNOWN;
}

/* ---------------------------------------------------------------- all of them ---- */

/* What an option does: sets a flag, keeps its argument, or hands it to a function. */
static const struct effect {
    size_t flag; /* offsets in struct settings; 0 = none (no option's member stands there) */
    size_t text;
    bool (*take)(struct settings *s, const char *text);
} effects[OPT_COUNT] = {
    [OPT_TARGET] = { .take = take_target },
    [OPT_AS] = { .text = offsetof(struct settings, as) },
    [OPT_SCAN] = { .flag = offsetof(struct settings, scan) },
    [OPT_RECIPE] = { .take = take_recipe },
    [OPT_CODE] = { .take = take_code },
    [OPT_AT] = { .take = take_at },
    [OPT_PLAN] = { .text = offsetof(struct settings, plan) },
    [OPT_SET] = { .take = take_set },
    [OPT_INSERT] = { .take = take_insert },
    [OPT_DELETE] = { .take = take_delete },
    [OPT_END_OF_STREAM] = { .flag = offsetof(struct settings, end_of_stream) },
    [OPT_CHECKPOINT] = { .take = take_checkpoint },
    [OPT_TO] = { .text = offsetof(struct settings, to) },
    [OPT_LIST_TARGETS] = { .flag = offsetof(struct settings, list_targets) },
    [OPT_FIX] = { .flag = offsetof(struct settings, fix) },
    [OPT_DROP] = { .flag = offsetof(struct settings, drop) },
    [OPT_FORCE] = { .flag = offsetof(struct settings, force) },
    [OPT_UNREADABLE] = { .take = take_unreadable },
    [OPT_SPOOL] = { .text = offsetof(struct settings, spool) },
    [OPT_CONFIG] = { .text = offsetof(struct settings, config) },
    [OPT_SKIP_EMULATOR] = { .flag = offsetof(struct settings, skip_emulator) },
    [OPT_VIA] = { .take = take_via },
    [OPT_INTO] = { .take = take_into },
    [OPT_PAUSED] = { .flag = offsetof(struct settings, paused) },
    [OPT_GUEST] = { .take = take_guest },
    [OPT_OUT] = { .text = offsetof(struct settings, out) },
    [OPT_IN_PLACE] = { .flag = offsetof(struct settings, in_place) },
    [OPT_UNDO] = { .text = offsetof(struct settings, undo) },
    [OPT_ASSUME_UNUSED] = { .flag = offsetof(struct settings, assume_unused) },
    [OPT_PIECES] = { .text = offsetof(struct settings, pieces) },
    [OPT_SAVE_PLAN] = { .text = offsetof(struct settings, save_plan) },
    [OPT_YES] = { .flag = offsetof(struct settings, yes) },
    [OPT_SAFE] = { .flag = offsetof(struct settings, safe) },
    [OPT_SHOW] = { .flag = offsetof(struct settings, show_only) },
    [OPT_SECRETS] = { .flag = offsetof(struct settings, secrets) },
    [OPT_RAW] = { .flag = offsetof(struct settings, raw) },
    [OPT_COMMAND] = { .take = take_command },
    [OPT_SCRIPT] = { .take = take_script },
    [OPT_ALLOW_SHELL] = { .flag = offsetof(struct settings, allow_shell) },
    [OPT_LOG] = { .text = offsetof(struct settings, log) },
    [OPT_VERSION] = { .flag = offsetof(struct settings, version) },
    [OPT_HELP] = { .flag = offsetof(struct settings, help) },
};

/* What getopt's rows of one command stand for. */
struct parse {
    struct settings *set;
    enum option_id id[OPT_COUNT];
};

static bool set_option(void *context, size_t option, const char *argument)
{
    struct parse *p = context;
    const struct effect *e = &effects[p->id[option]];

    if (e->take)
        return e->take(p->set, argument);
    if (e->text)
        *(const char **)(void *)((char *)p->set + e->text) = argument;
    else
        *(bool *)((char *)p->set + e->flag) = true;
    return true;
}

/* Options that contradict each other. */
static bool sensible(const struct settings *s)
{
    const char *wrong = NULL;

    if (s->out && s->in_place)
        wrong = "-o and --in-place exclude each other; give one of them";
    else if (s->undo && !s->in_place)
        wrong = "--undo belongs to --in-place: a new file leaves the image as it is";
    else if (s->yes && s->safe)
        wrong = "-y and -p exclude each other: -y does what loses something too";
    else if (s->plan && (s->recipe || s->code))
        wrong = "--plan has its edits already; leave out --recipe and --code";
    else if (s->plan && s->safe)
        wrong = "a plan's file does not say what its edits lose: read it, then give -y";
    if (wrong)
        cli_error(NULL, "%s", wrong);
    return !wrong;
}

int settings_parse(struct settings *s, const struct command *c, int argc, char **argv)
{
    struct parse p = { .set = s };
    struct cli_option rows[OPT_COUNT];
    size_t count = settings_rows(c, rows, p.id);
    int rest;

    memset(s, 0, sizeof(*s));
    rest = cli_options(argc, argv, rows, count, set_option, &p);
    if (rest >= 0 && !s->help && !s->version && c->name && !sensible(s))
        rest = -1;
    return rest;
}

void settings_free(struct settings *s)
{
    for (size_t i = 0; i < s->patch_count; i++)
        free(s->patch[i].bytes);
    s->patch_count = 0;
}
