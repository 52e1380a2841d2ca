/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover config set: members by their names. */
#include <stdlib.h>
#include <string.h>

#include "config.h"

static void list(const struct cli_term *t, const struct xsi_config_held *held)
{
    struct xsi_config_list *members = xsi_config_list_new(held->text, held->length, held->syntax);
    struct xsi_config_member m;
    char text[400];

    while (members && xsi_config_list_next(members, &m)) {
        xsi_escape(text, sizeof(text), m.value, strlen(m.value));
        fprintf(t->out, "%s=%s\n", m.key, m.secret ? "********" : text);
    }
    xsi_config_list_free(members);
}

/* One KEY=VALUE; *text becomes the new one. */
static unsigned set_one(const struct apply *a, const struct settings *s,
                        enum xsi_config_syntax syntax, const char *word, char **text, char *what,
                        size_t size)
{
    const char *equals = strchr(word, '=');
    char key[80], old[120], new[120];
    struct xsi_config_member before = { .value = "" },
                             after; /* what stands there may be no value */
    struct xsi_config_out out;
    size_t n = strlen(what);

    if (!equals || equals == word || equals - word >= (int)sizeof(key))
        return fail(s->transcript, CLI_USAGE, NULL, "'%s': write KEY=VALUE", word);
    snprintf(key, sizeof(key), "%.*s", (int)(equals - word), word);
    if (xsi_config_member(*text, strlen(*text), syntax, key, &before) && before.secret)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "%s is secret, and everybody sees a command line: use xsrecover config edit",
                    key);
    if (xsi_config_set(*text, strlen(*text), syntax, key, equals + 1, &out) < 0 || !out.text)
        return fail(s->transcript, CLI_USAGE, a->file, "%s: %s", word, out.problem);
    if (!xsi_config_member(out.text, out.length, syntax, key, &after)) {
        xsi_config_out_free(&out);
        return fail(s->transcript, CLI_USAGE, a->file, "%s: the result cannot be read", word);
    }
    snprintf(what + n, size - n, "%s%s: %s to %s", n ? "; " : "", key,
             xsi_escape(old, sizeof(old), before.value, strlen(before.value)),
             xsi_escape(new, sizeof(new), after.value, strlen(after.value)));
    free(*text);
    *text = out.text;
    return 0;
}

static unsigned set_stage(struct apply *a, const struct settings *s)
{
    struct xsi_config_held held;
    unsigned status = config_to_change(*a->src, s, a->file, &held);
    char what[240] = "", *text;

    if (status) {
        xsi_config_let_go(&held);
        return status;
    }
    text = strdup(held.text);
    if (!text) {
        xsi_config_let_go(&held);
        return fail(s->transcript, CLI_OPERATIONAL, a->file,
                    "out of memory; free some and try again");
    }
    for (size_t i = 0; !status && i < s->word_count; i++)
        status = set_one(a, s, held.syntax, s->words[i], &text, what, sizeof(what));
    if (!status && s->word_count)
        status = config_stage(a, s, &held, text, strlen(text), what);
    else if (!status)
        list(a->term, &held);
    free(text);
    xsi_config_let_go(&held);
    return status;
}

unsigned config_set(const struct cli_term *t, struct settings *s, const char *file)
{
    return change_image(t, s, "config set", file, set_stage);
}
