/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML of libvirt: names of nested elements, their text, and the type of the outermost one.
 * No entities but the five of XML, no namespaces. Elements: libvirt, docs/formatdomain.rst.
 */
#include "tree.h"

struct xml {
    const uint8_t *text;
    size_t n, at;
    bool whole;
    unsigned depth;
    struct {
        size_t at, length;
    } tag[CONFIG_DEPTH + 1];      /* [depth]: name of the open element */
    bool inner[CONFIG_DEPTH + 2]; /* [depth]: it has elements inside */
    struct config_facts *f;
    struct config_tree *tree; /* filled on the way; NULL: none */
};

static bool fail(struct xml *x, size_t at, const char *what)
{
    if (x->at < x->n || x->whole)
        config_problem(x->f, at, what);
    x->at = x->n;
    return false;
}

static bool is_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == ':' || c == '.';
}

static bool tag_is(const struct xml *x, unsigned depth, const char *word)
{
    return config_is(x->text + x->tag[depth].at, x->tag[depth].length, word);
}

/* Copy text with the five entities resolved; returns its length. */
static size_t unescape(char *out, size_t size, const uint8_t *text, size_t n)
{
    static const struct {
        const char *name;
        char c;
    } rows[] = {
        { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' }, { "&apos;", '\'' }
    };
    size_t used = 0, i = 0;

    while (i < n && used + 1 < size) {
        size_t step = 1;
        char c = (char)text[i];

        for (size_t r = 0; text[i] == '&' && r < sizeof(rows) / sizeof(rows[0]); r++) {
            size_t length = strlen(rows[r].name);

            if (length <= n - i && !memcmp(text + i, rows[r].name, length)) {
                step = length;
                c = rows[r].c;
                break;
            }
        }
        out[used++] = c;
        i += step;
    }
    out[used] = '\0';
    return used;
}

/* A value goes into the tree: of the attribute whose name ends in front of `=`, or of the open
 * element. */
static void tree_value(struct xml *x, size_t equals, size_t from, size_t to)
{
    char text[CONFIG_VALUE_MAX + 2], name[64] = "@";
    size_t n, begin = equals;

    if (!x->tree)
        return;
    n = unescape(text, sizeof(text), x->text + from, to - from);
    if (!equals) {
        config_tree_value(x->tree, text, n, from, to);
        return;
    }
    while (begin && is_name(x->text[begin - 1]))
        begin--;
    config_copy(name + 1, sizeof(name) - 1, x->text + begin, equals - begin);
    config_tree_leaf(x->tree, name, strlen(name), text, n, from, to);
}

/* Text of an element without children. */
static void take(struct xml *x, const uint8_t *p, size_t n)
{
    struct config_facts *f = x->f;

    if (!x->inner[x->depth])
        tree_value(x, 0, (size_t)(p - x->text), (size_t)(p - x->text) + n);
    if (x->depth == 2 && tag_is(x, 2, "name"))
        unescape(f->name, sizeof(f->name), p, n);
    else if (x->depth == 2 && tag_is(x, 2, "uuid"))
        config_copy(f->uuid, sizeof(f->uuid), p, n);
    else if (x->depth == 2 && tag_is(x, 2, "vcpu"))
        f->vcpus = config_number(p, n);
    else if (x->depth == 3 && tag_is(x, 2, "os") && tag_is(x, 3, "type"))
        f->guest = config_is(p, n, "hvm")                               ? XSI_GUEST_HVM
                   : config_is(p, n, "xenpvh")                          ? XSI_GUEST_PVH
                   : config_is(p, n, "linux") || config_is(p, n, "xen") ? XSI_GUEST_PV
                                                                        : f->guest;
}

/* Attributes up to the end of a tag; *closed: the element has no content. */
static bool attributes(struct xml *x, bool *closed)
{
    uint8_t quote = 0;
    size_t value = 0;
    bool type = false;

    *closed = false;
    for (; x->at < x->n; x->at++) {
        uint8_t c = x->text[x->at];

        if (quote && c == quote) {
            if (type && x->depth == 1)
                config_copy(x->f->driver, sizeof(x->f->driver), x->text + value, x->at - value);
            if (x->text[value - 2] == '=')
                tree_value(x, value - 2, value, x->at);
            quote = 0;
        } else if (!quote && (c == '"' || c == '\'')) {
            quote = c;
            value = x->at + 1;
            type = x->at > 5 && !memcmp(x->text + x->at - 5, "type=", 5);
        } else if (!quote && c == '>') {
            *closed = x->text[x->at++ - 1] == '/';
            return true;
        } else if (!quote && c == '<') {
            return fail(x, x->at, "a tag is not closed");
        }
    }
    return fail(x, x->n, "the text ends inside a tag");
}

static void leave(struct xml *x)
{
    if (x->depth-- > 1)
        config_tree_close(x->tree);
}

static bool open_tag(struct xml *x)
{
    size_t from = ++x->at;
    bool closed;

    while (x->at < x->n && is_name(x->text[x->at]))
        x->at++;
    if (x->at == from)
        return fail(x, from, "a tag without a name");
    if (x->depth == CONFIG_DEPTH)
        return fail(x, from, "elements nested too deeply");
    x->depth++;
    x->tag[x->depth].at = from;
    x->tag[x->depth].length = x->at - from;
    x->inner[x->depth - 1] = true;
    x->inner[x->depth] = false;
    if (x->depth > 1)
        config_tree_open(x->tree, x->text + from, x->at - from);
    if (!attributes(x, &closed))
        return false;
    if (closed)
        leave(x);
    return true;
}

static bool close_tag(struct xml *x)
{
    size_t from = x->at + 2, length = x->tag[x->depth].length;

    if (from + length < x->n &&
        (memcmp(x->text + from, x->text + x->tag[x->depth].at, length) != 0 ||
         x->text[from + length] != '>'))
        return fail(x, from, "a closing tag does not fit the open one");
    if (from + length >= x->n) {
        x->at = x->n;
        return fail(x, x->n, "the text ends inside a tag");
    }
    x->at = from + length + 1;
    leave(x);
    return true;
}

/* Declarations and comments are passed over. */
static bool other_tag(struct xml *x)
{
    bool comment = x->n - x->at >= 4 && !memcmp(x->text + x->at, "<!--", 4);
    const uint8_t *end;

    end = comment ? memmem(x->text + x->at + 4, x->n - x->at - 4, "-->", 3)
                  : memchr(x->text + x->at, '>', x->n - x->at);
    if (!end) {
        size_t at = x->at;

        x->at = x->n;
        return fail(x, at, "the text ends inside a comment");
    }
    x->at = (size_t)(end - x->text) + (comment ? 3 : 1);
    return true;
}

/* Text up to the next tag, then the tag. */
static bool step(struct xml *x)
{
    size_t from = x->at;
    const uint8_t *lt = memchr(x->text + x->at, '<', x->n - x->at);
    uint8_t c;

    x->at = lt ? (size_t)(lt - x->text) : x->n;
    if (!lt)
        return fail(x, x->n, "the text ends before its elements are closed");
    c = x->n - x->at > 1 ? x->text[x->at + 1] : 0;
    if (c == '/') {
        if (!x->depth)
            return fail(x, x->at, "a closing tag without an open one");
        take(x, x->text + from, x->at - from);
        return close_tag(x);
    }
    return c == '!' || c == '?' ? other_tag(x) : open_tag(x);
}

static void scan(const uint8_t *text, size_t n, bool whole, struct config_facts *f,
                 struct config_tree *tree)
{
    struct xml x = { .text = text, .n = strnlen((const char *)text, n), .f = f, .tree = tree };
    bool opened = false;

    x.whole = whole || x.n < n;
    memset(f, 0, sizeof(*f));
    while (!(opened && !x.depth) && step(&x))
        opened |= x.depth > 0;
    f->complete = opened && !x.depth && !f->problem;
    f->end = x.at;
    if (!f->problem && (!x.n || !tag_is(&x, 1, "domain")))
        config_problem(f, 0, "the outermost element is not <domain>");
}

void config_xml(const uint8_t *text, size_t n, bool whole, struct config_facts *f)
{
    scan(text, n, whole, f, NULL);
}

void config_xml_tree(const uint8_t *text, size_t n, struct config_facts *f, struct config_tree *t)
{
    scan(text, n, true, f, t);
}
