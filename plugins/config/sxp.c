/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * S-expressions: xend's domain configuration (xen-4.4, tools/python/xen/xend/sxp.py) and the
 * Xenops part of a xapi image (xen-api, ocaml/xenopsd/lib/suspend_image.ml). Both are lists of
 * atoms, bare or quoted with backslash escapes.
 */
#include <ctype.h>

#include "tree.h"

enum sxp_token { SXP_OPEN, SXP_CLOSE, SXP_ATOM, SXP_END };

/* Words at the head of the lists around the current atom. */
#define SXP_HEADS 4

struct sxp {
    const uint8_t *text;
    size_t n, at;
    bool whole;
    unsigned depth;
    unsigned index[CONFIG_DEPTH + 1]; /* items so far in the list of that depth */
    struct {
        size_t at, length;
    } head[SXP_HEADS];   /* [depth]: its first atom */
    size_t atom, length; /* the current atom, without quotes */
    struct config_facts *f;
    struct config_tree *tree; /* filled on the way; NULL: none */
};

static enum sxp_token quoted(struct sxp *s, uint8_t quote)
{
    s->atom = ++s->at;
    while (s->at < s->n && s->text[s->at] != quote)
        s->at += s->text[s->at] == '\\' && s->n - s->at > 1 ? 2 : 1;
    if (s->at >= s->n) {
        s->at = s->n;
        if (s->whole)
            config_problem(s->f, s->atom, "a quoted word is not closed");
        return SXP_END;
    }
    s->length = s->at++ - s->atom;
    return SXP_ATOM;
}

static enum sxp_token bare(struct sxp *s)
{
    s->atom = s->at;
    while (s->at < s->n && s->text[s->at] > ' ' && s->text[s->at] != '(' && s->text[s->at] != ')')
        s->at++;
    s->length = s->at - s->atom;
    if (!s->length) { /* a control character: not part of any atom */
        config_problem(s->f, s->at, "a control character");
        return SXP_END;
    }
    return SXP_ATOM;
}

static enum sxp_token bracket(struct sxp *s, bool open)
{
    s->at++;
    if (open) {
        if (s->depth == CONFIG_DEPTH) {
            config_problem(s->f, s->at, "lists nested too deeply");
            return SXP_END;
        }
        s->index[s->depth]++;
        s->index[++s->depth] = 0;
        if (s->depth < SXP_HEADS)
            s->head[s->depth].length = 0;
        if (s->depth > 1)
            config_tree_open(s->tree, "", 0);
        return SXP_OPEN;
    }
    if (s->depth-- > 1)
        config_tree_close(s->tree);
    return SXP_CLOSE;
}

static enum sxp_token next(struct sxp *s)
{
    enum sxp_token t;
    uint8_t c;

    while (s->at < s->n &&
           (s->text[s->at] == ' ' || (s->text[s->at] >= '\t' && s->text[s->at] <= '\r')))
        s->at++;
    if (s->at >= s->n) {
        if (s->whole)
            config_problem(s->f, s->at, "the text ends before its brackets are closed");
        return SXP_END;
    }
    c = s->text[s->at];
    if (c == '(' || c == ')')
        return bracket(s, c == '(');
    t = c == '"' || c == '\'' ? quoted(s, c) : bare(s);
    if (t == SXP_ATOM) {
        if (!s->index[s->depth] && s->depth < SXP_HEADS) {
            s->head[s->depth].at = s->atom;
            s->head[s->depth].length = s->length;
        }
        s->index[s->depth]++;
    }
    return t;
}

/* The current atom without its backslashes. Letters behind one stand for control characters, which
 * no member can have: they become one. */
static size_t unescape(const struct sxp *s, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < s->length && used < size; i++) {
        bool escaped = s->text[s->atom + i] == '\\' && i + 1 < s->length;

        i += escaped;
        out[used++] = escaped && isalnum(s->text[s->atom + i]) ? '\1' : (char)s->text[s->atom + i];
    }
    return used;
}

/* The current atom as name, value or item of the open node. */
static void tree_atom(struct sxp *s)
{
    bool quoted = s->atom && s->at > s->atom + s->length;
    size_t from = s->atom - quoted, to = s->atom + s->length + quoted, n;
    char text[CONFIG_VALUE_MAX + 1];

    if (!s->tree)
        return;
    n = unescape(s, text, sizeof(text));
    if (s->index[s->depth] == 2)
        config_tree_value(s->tree, text, n, from, to);
    else if (s->index[s->depth] > 2)
        config_tree_leaf(s->tree, "", 0, text, n, from, to);
    else if (s->depth > 1)
        config_tree_name(s->tree, text, n < CONFIG_NAME_MAX ? n : CONFIG_NAME_MAX);
}

static bool head_is(const struct sxp *s, unsigned depth, const char *word)
{
    return config_is(s->text + s->head[depth].at, s->head[depth].length, word);
}

static bool atom_is(const struct sxp *s, const char *word)
{
    return config_is(s->text + s->atom, s->length, word);
}

/* xend: (domain (name x) (uuid x) (vcpus n) (image (hvm …))) */
static void take_xend(struct sxp *s)
{
    struct config_facts *f = s->f;

    if (s->depth == 2 && s->index[2] == 2) {
        if (head_is(s, 2, "name") && !f->name[0])
            config_copy(f->name, sizeof(f->name), s->text + s->atom, s->length);
        else if (head_is(s, 2, "uuid") && !f->uuid[0])
            config_copy(f->uuid, sizeof(f->uuid), s->text + s->atom, s->length);
        else if (head_is(s, 2, "vcpus"))
            f->vcpus = config_number(s->text + s->atom, s->length);
    } else if (s->depth == 3 && s->index[3] == 1 && head_is(s, 2, "image")) {
        f->guest = atom_is(s, "hvm")     ? XSI_GUEST_HVM
                   : atom_is(s, "linux") ? XSI_GUEST_PV
                                         : f->guest;
    }
}

/* Find `"key":` in text whose quotes may be escaped any number of times; n bytes behind it. */
static const uint8_t *find_member(const uint8_t *text, size_t n, const char *key, size_t *left)
{
    size_t length = strlen(key);

    for (size_t i = 0; i + length + 2 < n; i++) {
        size_t at = i + length;

        if (memcmp(text + i, key, length) != 0 || !i || text[i - 1] != '"')
            continue;
        while (at < n && (text[at] == '\\' || text[at] == '"' || text[at] == ':' ||
                          text[at] == ' ' || text[at] == '['))
            at++;
        *left = n - at;
        return text + at;
    }
    return NULL;
}

/* Guest type of the VM state that xenopsd keeps as JSON inside an atom ("ty": ["HVM", …]). */
static void take_vm_state(struct sxp *s)
{
    static const struct {
        const char *name;
        enum xsi_guest guest;
    } rows[] = { { "HVM", XSI_GUEST_HVM },
                 { "PVinPVH", XSI_GUEST_PVH },
                 { "PVH", XSI_GUEST_PVH },
                 { "PV", XSI_GUEST_PV } };
    size_t left = 0;
    const uint8_t *p = find_member(s->text + s->atom, s->length, "ty", &left);

    for (size_t i = 0; p && i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = strlen(rows[i].name);

        if (left > n && !memcmp(p, rows[i].name, n) && (p[n] == '"' || p[n] == '\\')) {
            s->f->guest = rows[i].guest;
            return;
        }
    }
}

/* xapi: ((time …)(word_size 64)(vm_str "…")), one more list around it in some releases */
static void take_xenops(struct sxp *s)
{
    unsigned d = s->depth;

    if (d >= SXP_HEADS || s->index[d] != 2)
        return;
    if (head_is(s, d, "word_size"))
        s->f->word_size = config_number(s->text + s->atom, s->length);
    else if (head_is(s, d, "vm_str") || head_is(s, d, "vm"))
        take_vm_state(s);
}

static void scan(const uint8_t *text, size_t n, bool whole, struct config_facts *f,
                 void (*take)(struct sxp *s), struct config_tree *tree)
{
    struct sxp s = { .text = text, .n = strnlen((const char *)text, n), .f = f, .tree = tree };
    enum sxp_token t;

    s.whole = whole || s.n < n;
    memset(f, 0, sizeof(*f));
    if (next(&s) != SXP_OPEN) {
        config_problem(f, 0, "the text does not begin with a bracket");
        return;
    }
    while (s.depth && (t = next(&s)) != SXP_END)
        if (t == SXP_ATOM) {
            tree_atom(&s);
            take(&s);
        }
    f->complete = !s.depth;
    f->end = s.at;
}

static void scan_domain(const uint8_t *text, size_t n, bool whole, struct config_facts *f,
                        struct config_tree *tree)
{
    static const char start[] = "(domain";
    size_t have = n < sizeof(start) - 1 ? n : sizeof(start) - 1;

    scan(text, n, whole, f, take_xend, tree);
    if (memcmp(text, start, have) != 0)
        config_problem(f, 0, "the text does not begin with (domain");
}

void config_sxp(const uint8_t *text, size_t n, bool whole, struct config_facts *f)
{
    scan_domain(text, n, whole, f, NULL);
}

void config_sxp_tree(const uint8_t *text, size_t n, struct config_facts *f, struct config_tree *t)
{
    scan_domain(text, n, true, f, t);
}

void config_xenops(const uint8_t *text, size_t n, bool whole, struct config_facts *f)
{
    scan(text, n, whole, f, take_xenops, NULL);
}
