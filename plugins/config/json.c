/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON of libxl (xl 4.5 and later): a strict syntax check without recursion or allocation, which
 * picks up name, uuid, type and vCPUs on the way. Grammar: RFC 8259. xl does not look at the
 * result of its own parser (xen-4.22, tools/xl/xl_vmcontrol.c:create_domain), so damage here shows
 * up there as a missing name or type.
 */
#include "tree.h"

#define KEY_MAX 48

struct json {
    const uint8_t *text;
    size_t n, at;
    bool whole;
    unsigned depth;
    bool object[CONFIG_DEPTH + 1]; /* [depth]: the bracket is '{' */
    char key[3][KEY_MAX];          /* last key at depth 1 and 2 */
    char name[KEY_MAX];            /* last key of all; "" inside arrays */
    struct config_facts *f;
    struct config_tree *tree; /* filled on the way; NULL: none */
};

/* What may come next. */
enum json_next { WANT_VALUE, WANT_VALUE_OR_END, WANT_KEY, WANT_KEY_OR_END, WANT_COMMA_OR_END };

static bool fail(struct json *j, const char *what)
{
    /* a text that was cut off is not wrong where it ends */
    if (j->at < j->n || j->whole)
        config_problem(j->f, j->at, what);
    return false;
}

static void blanks(struct json *j)
{
    while (j->at < j->n && (j->text[j->at] == ' ' ||
                            (j->text[j->at] >= 9 && j->text[j->at] <= 10) || j->text[j->at] == 13))
        j->at++;
}

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Append one byte to a value of limited length. */
static void add(char *out, size_t size, size_t *used, uint8_t c)
{
    if (*used + 1 < size)
        out[(*used)++] = (char)c;
}

/* \uXXXX at j->at (behind the u). Surrogates stay apart: names with them are shown escaped. */
static bool unicode(struct json *j, char *out, size_t size, size_t *used)
{
    unsigned code = 0;

    for (int i = 0; i < 4; i++, j->at++) {
        int digit = j->at < j->n ? hex(j->text[j->at]) : -1;

        if (digit < 0)
            return fail(j, "an escape that JSON does not know");
        code = code << 4 | (unsigned)digit;
    }
    if (code < 0x80) {
        add(out, size, used, (uint8_t)code);
    } else if (code < 0x800) {
        add(out, size, used, (uint8_t)(0xc0 | code >> 6));
        add(out, size, used, (uint8_t)(0x80 | (code & 0x3f)));
    } else {
        add(out, size, used, (uint8_t)(0xe0 | code >> 12));
        add(out, size, used, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        add(out, size, used, (uint8_t)(0x80 | (code & 0x3f)));
    }
    return true;
}

static bool escape(struct json *j, char *out, size_t size, size_t *used)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *row;

    if (j->at >= j->n)
        return fail(j, "the text ends inside a string");
    row = j->text[j->at] ? strchr(from, j->text[j->at]) : NULL;
    if (j->text[j->at] == 'u') {
        j->at++;
        return unicode(j, out, size, used);
    }
    if (!row)
        return fail(j, "an escape that JSON does not know");
    add(out, size, used, (uint8_t)to[row - from]);
    j->at++;
    return true;
}

/* Length of the UTF-8 sequence at j->at, 0 when it is none. */
static size_t sequence(const struct json *j)
{
    uint8_t first = j->text[j->at];
    size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || length > j->n - j->at)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((j->text[j->at + i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* A string, its quote being at j->at. The value goes to out, cut to size; *n: bytes of it. */
static bool string(struct json *j, char *out, size_t size, size_t *n)
{
    size_t used = 0, length;

    for (j->at++; j->at < j->n;) {
        uint8_t c = j->text[j->at];

        if (c == '"') {
            j->at++;
            out[used] = '\0';
            *n = used;
            return true;
        }
        if (c == '\\') {
            j->at++;
            if (!escape(j, out, size, &used))
                return false;
            continue;
        }
        if (c < 0x20)
            return fail(j, "a control character inside a string");
        length = sequence(j);
        if (!length && !j->whole && j->n - j->at < 4)
            j->at = j->n; /* perhaps cut off inside a character */
        if (!length)
            return fail(j, "bytes that are not UTF-8 inside a string");
        while (length--)
            add(out, size, &used, j->text[j->at++]);
    }
    return fail(j, "the text ends inside a string");
}

static size_t digits(struct json *j)
{
    size_t from = j->at;

    while (j->at < j->n && j->text[j->at] >= '0' && j->text[j->at] <= '9')
        j->at++;
    return j->at - from;
}

static bool at_char(const struct json *j, uint8_t a, uint8_t b)
{
    return j->at < j->n && (j->text[j->at] == a || j->text[j->at] == b);
}

/* A number, true, false or null; anything else is damage. */
static bool word(struct json *j)
{
    static const char *const words[] = { "true", "false", "null" };
    size_t from = j->at;

    while (from < j->n && j->text[from] > ' ' && !strchr(",:{}[]\"", j->text[from]))
        from++;
    if (from == j->n && !j->whole) { /* cut off inside the word */
        j->at = j->n;
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);

        if (n <= j->n - j->at && !memcmp(j->text + j->at, words[i], n)) {
            j->at += n;
            return true;
        }
    }
    if (at_char(j, '-', '-'))
        j->at++;
    from = j->at;
    if (!digits(j) || (j->text[from] == '0' && j->at - from > 1))
        return fail(j, "something that is no JSON value");
    if (at_char(j, '.', '.')) {
        j->at++;
        if (!digits(j))
            return fail(j, "a number without digits behind its point");
    }
    if (at_char(j, 'e', 'E')) {
        j->at++;
        if (at_char(j, '+', '-'))
            j->at++;
        if (!digits(j))
            return fail(j, "a number without digits in its exponent");
    }
    return true;
}

static enum xsi_guest guest_type(const char *type)
{
    static const struct {
        const char *name;
        enum xsi_guest guest;
    } rows[] = { { "pv", XSI_GUEST_PV }, { "hvm", XSI_GUEST_HVM }, { "pvh", XSI_GUEST_PVH } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(rows[i].name, type))
            return rows[i].guest;
    return XSI_GUEST_UNKNOWN;
}

/* A value of c_info or b_info: keep it when the listing's head wants it. */
static void take(struct json *j, const char *value)
{
    struct config_facts *f = j->f;
    const char *key = j->key[2];

    if (j->depth != 2 || !j->object[2] || !j->object[1])
        return;
    if (!strcmp(j->key[1], "c_info")) {
        if (!strcmp(key, "name"))
            config_copy(f->name, sizeof(f->name), (const uint8_t *)value, strlen(value));
        else if (!strcmp(key, "uuid"))
            config_copy(f->uuid, sizeof(f->uuid), (const uint8_t *)value, strlen(value));
        else if (!strcmp(key, "type"))
            f->guest = guest_type(value);
    } else if (!strcmp(j->key[1], "b_info") && !strcmp(key, "max_vcpus")) {
        f->vcpus = config_number((const uint8_t *)value, strlen(value));
    }
}

/* A value; a bracket only opens. Returns what may come behind it in *next. */
static bool value(struct json *j, enum json_next *next)
{
    uint8_t c = j->text[j->at];
    char text[CONFIG_VALUE_MAX + 2];
    size_t from = j->at, n;

    if (c == '{' || c == '[') {
        if (j->depth == CONFIG_DEPTH)
            return fail(j, "brackets nested too deeply");
        if (j->depth)
            config_tree_open(j->tree, j->name, strlen(j->name));
        j->name[0] = '\0';
        j->at++;
        j->object[++j->depth] = c == '{';
        if (j->depth < 3)
            j->key[j->depth][0] = '\0';
        *next = c == '{' ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
        return true;
    }
    *next = WANT_COMMA_OR_END;
    if (c == '"') {
        if (!string(j, text, sizeof(text), &n))
            return false;
    } else {
        if (!word(j))
            return false;
        config_copy(text, sizeof(text), j->text + from, j->at - from);
        n = strlen(text);
    }
    config_tree_leaf(j->tree, j->name, strlen(j->name), text, n, from, j->at);
    j->name[0] = '\0';
    take(j, text);
    return true;
}

static bool key(struct json *j)
{
    size_t n;

    if (j->text[j->at] != '"')
        return fail(j, "no key where one has to be");
    if (!string(j, j->name, sizeof(j->name), &n))
        return false;
    if (j->depth < 3)
        memcpy(j->key[j->depth], j->name, sizeof(j->name));
    blanks(j);
    if (j->at >= j->n || j->text[j->at] != ':')
        return fail(j, "no colon behind a key");
    j->at++;
    return true;
}

/* One token. Returns false at damage, or when the outermost bracket was closed. */
static bool token(struct json *j, enum json_next *next)
{
    uint8_t c;

    blanks(j);
    if (j->at >= j->n)
        return fail(j, "the text ends before its brackets are closed");
    c = j->text[j->at];
    if (*next != WANT_VALUE && *next != WANT_KEY && c == (j->object[j->depth] ? '}' : ']')) {
        j->at++;
        *next = WANT_COMMA_OR_END;
        if (j->depth > 1)
            config_tree_close(j->tree);
        return --j->depth > 0;
    }
    if (*next == WANT_COMMA_OR_END) {
        if (c != ',')
            return fail(j, "a comma or a closing bracket is missing");
        j->at++;
        *next = j->object[j->depth] ? WANT_KEY : WANT_VALUE;
        return true;
    }
    if (*next == WANT_KEY || *next == WANT_KEY_OR_END) {
        *next = WANT_VALUE;
        return key(j);
    }
    return value(j, next);
}

static void scan(const uint8_t *text, size_t n, bool whole, struct config_facts *f,
                 struct config_tree *tree)
{
    struct json j = { .text = text, .n = strnlen((const char *)text, n), .f = f, .tree = tree };
    enum json_next next = WANT_VALUE;

    j.whole = whole || j.n < n;
    memset(f, 0, sizeof(*f));
    blanks(&j);
    if (j.at >= j.n || text[j.at] != '{') {
        fail(&j, "the text does not begin with a brace");
        return;
    }
    while (token(&j, &next))
        ;
    f->complete = !f->problem && !j.depth;
    blanks(&j);
    f->end = j.at;
    if (f->complete && j.at < j.n)
        fail(&j, "something stands behind the closing brace");
}

void config_json(const uint8_t *text, size_t n, bool whole, struct config_facts *f)
{
    scan(text, n, whole, f, NULL);
}

void config_json_tree(const uint8_t *text, size_t n, struct config_facts *f, struct config_tree *t)
{
    scan(text, n, true, f, t);
}
