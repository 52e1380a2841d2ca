/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Damage lines: changes to the finished image, applied one after the other. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xsgen.h"

#define WORDS_MAX 4
#define EDIT_MAX  (1U << 20)

struct edit {
    struct image *g;
    const struct damage *d;
    char *word[WORDS_MAX]; /* the verb and its operands; the last one takes the rest */
    unsigned n;
};

#define BAD(e, ...) fail((e)->d->where, (e)->d->number, __VA_ARGS__)

/* The n-th row of a type in the order of the image; negative: from the last one backwards. */
static const struct row *find_row(struct edit *e, const char *type, size_t length, int64_t n)
{
    const struct image *g = e->g;
    int64_t seen = 0;
    size_t i;

    if (n < 0) {
        for (i = 0; i < g->row_count; i++)
            seen += strlen(g->rows[i].type) == length && !strncmp(g->rows[i].type, type, length);
        n += seen;
        seen = 0;
    }
    for (i = 0; i < g->row_count; i++)
        if (strlen(g->rows[i].type) == length && !strncmp(g->rows[i].type, type, length) &&
            seen++ == n)
            return &g->rows[i];
    BAD(e, "the image has no row %.*s[%lld]", (int)length, type, (long long)n);
}

/* "@TYPE", "@TYPE[n]", each with "$" for the row's end: the start, and the rest of the text. */
static const char *row_place(struct edit *e, const char *text, uint64_t *at, uint64_t *length)
{
    size_t n = strcspn(text + 1, "[$+-");
    const char *type = text + 1, *rest = type + n;
    const struct row *row;
    int64_t which = 0;
    char *end;

    if (*rest == '[') {
        which = strtoll(rest + 1, &end, 10);
        if (*end != ']')
            BAD(e, "'%s': ']' is missing", text);
        rest = end + 1;
    }
    row = find_row(e, type, n, which);
    *at = row->start;
    *length = row->end - row->start;
    if (*rest == '$') {
        *at = row->end;
        rest++;
    }
    return rest;
}

/* A place: a number, "end", "@TYPE[n]" or "@TYPE[n]$", each with "+k" or "-k" behind. */
static uint64_t place(struct edit *e, const char *text)
{
    uint64_t at, length, k = 0;
    const char *rest;
    char *end;

    if (*text == '@') {
        rest = row_place(e, text, &at, &length);
    } else if (strncmp(text, "end", 3) == 0) {
        at = e->g->size;
        rest = text + 3;
    } else if (isdigit((unsigned char)*text)) {
        at = strtoull(text, &end, 0);
        rest = end;
    } else {
        BAD(e, "'%s' is no place in the image", text);
    }
    if (*rest == '+' || *rest == '-') {
        if (!number(rest + 1, &k))
            BAD(e, "'%s': a number is missing", text);
        at = *rest == '+' ? at + k : at - k;
    } else if (*rest) {
        BAD(e, "'%s': '%s' is not understood", text, rest);
    }
    if (at > e->g->size)
        BAD(e, "'%s' lies outside the image of %llu bytes", text, (unsigned long long)e->g->size);
    return at;
}

/* A length: a number, or "@TYPE[n]" for that of a row, or "end" for all that follows `at`. */
static uint64_t span(struct edit *e, const char *text, uint64_t at)
{
    uint64_t n, start;

    if (*text == '@')
        row_place(e, text, &start, &n);
    else if (strcmp(text, "end") == 0)
        n = e->g->size - at;
    else if (!number(text, &n))
        BAD(e, "'%s' is no length", text);
    if (n > e->g->size - at)
        BAD(e, "%llu bytes from %llu on reach beyond the image", (unsigned long long)n,
            (unsigned long long)at);
    return n;
}

static void *room(struct edit *e, size_t n)
{
    void *p = malloc(n ? n : 1);

    if (p == NULL)
        BAD(e, "out of memory");
    return p;
}

static uint8_t *hex(struct edit *e, const char *text, size_t *n)
{
    uint8_t *out = room(e, strlen(text) / 2 + 1);
    unsigned byte;

    for (*n = 0; *text; ++*n) {
        while (isspace((unsigned char)*text))
            text++;
        if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
            sscanf(text, "%2x", &byte) != 1)
            BAD(e, "'%s' is not hexadecimal", text);
        out[*n] = (uint8_t)byte;
        text += 2;
    }
    return out;
}

/* Characters with \n, \0, \r, \t, \\ and \xNN. */
static uint8_t *escaped(struct edit *e, const char *text, size_t *n)
{
    static const char from[] = "nrt0\\", to[] = "\n\r\t\0\\";
    uint8_t *out = room(e, strlen(text) + 1);
    unsigned byte;

    for (*n = 0; *text; ++*n, text++) {
        const char *which;

        if (*text != '\\') {
            out[*n] = (uint8_t)*text;
        } else if (*++text == 'x' && sscanf(text + 1, "%2x", &byte) == 1) {
            out[*n] = (uint8_t)byte;
            text += 2;
        } else {
            which = *text ? strchr(from, *text) : NULL;
            if (which == NULL)
                BAD(e, "unknown escape in text");
            out[*n] = (uint8_t)to[which - from];
        }
    }
    return out;
}

static uint8_t *contents(struct edit *e, const char *name, size_t *n)
{
    char path[PATH_LEN * 2];
    uint8_t *out;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", e->g->r->folder, name);
    f = fopen(path, "rb");
    if (f == NULL)
        BAD(e, "%s: %s", path, strerror(errno));
    out = room(e, EDIT_MAX + 1);
    *n = fread(out, 1, EDIT_MAX + 1, f);
    fclose(f);
    if (*n > EDIT_MAX)
        BAD(e, "%s: more than %u bytes", path, EDIT_MAX);
    return out;
}

static void add_recipe(struct edit *e, uint64_t at, const char *name)
{
    char path[PATH_LEN * 2];
    struct recipe r;
    struct image other;

    if (at != e->g->size)
        BAD(e, "another recipe's image can only be appended");
    snprintf(path, sizeof(path), "%s/%s", e->g->r->folder, name);
    generate(path, e->g->r->depth + 1, &r, &other);
    image_join(e->g, &other);
}

/* Incompressible bytes, the same for the same seed. */
static uint8_t *noisy(struct edit *e, const char *count, size_t *n)
{
    uint64_t wanted;
    uint8_t *out;
    size_t i;

    if (!number(count, &wanted) || wanted > EDIT_MAX)
        BAD(e, "noise: '%s' is no number up to %u", count, EDIT_MAX);
    *n = (size_t)wanted;
    out = room(e, *n);
    for (i = 0; i < *n; i++)
        out[i] = (uint8_t)noise(e->g->r->seed, 12345, i);
    return out;
}

/* "N HEX": the bytes N times. */
static uint8_t *repeated(struct edit *e, const char *text, size_t *n)
{
    char count[24];
    const char *blank = strchr(text, ' ');
    uint8_t *one, *out;
    uint64_t times = 0;
    size_t each, i;

    snprintf(count, sizeof(count), "%.*s", (int)strcspn(text, " "), text);
    if (blank == NULL || !number(count, &times))
        BAD(e, "repeat: a number and bytes are wanted, not '%s'", text);
    one = hex(e, blank, &each);
    if (each == 0 || times > EDIT_MAX / each)
        BAD(e, "repeat: 1 to %u bytes are wanted", EDIT_MAX);
    *n = each * (size_t)times;
    out = room(e, *n);
    for (i = 0; i < *n; i++)
        out[i] = one[i % each];
    free(one);
    return out;
}

/* insert PLACE / append: HEX, "zeros N", "noise N", "repeat N HEX", "text …", "file NAME",
 * "recipe NAME". */
static void add(struct edit *e, uint64_t at, const char *what)
{
    const char *rest = strchr(what, ' ');
    uint8_t *bytes;
    uint64_t zeros;
    size_t n;

    rest = rest ? rest + 1 : "";
    if (strncmp(what, "zeros ", 6) == 0) {
        if (!number(rest, &zeros) || zeros > 1ULL << 44)
            BAD(e, "zeros: '%s' is no number up to 2^44", rest);
        if (zeros)
            image_splice_zeros(e->g, at, zeros);
        return;
    }
    if (strncmp(what, "recipe ", 7) == 0) {
        add_recipe(e, at, rest);
        return;
    }
    if (strncmp(what, "text ", 5) == 0)
        bytes = escaped(e, rest, &n);
    else if (strncmp(what, "noise ", 6) == 0)
        bytes = noisy(e, rest, &n);
    else if (strncmp(what, "repeat ", 7) == 0)
        bytes = repeated(e, rest, &n);
    else if (strncmp(what, "file ", 5) == 0)
        bytes = contents(e, rest, &n);
    else
        bytes = hex(e, what, &n);
    image_splice(e->g, at, 0, bytes, n);
    free(bytes);
}

static void overwrite(struct edit *e, uint64_t at, const uint8_t *bytes, size_t n, bool flip)
{
    uint8_t *now = room(e, n);
    size_t i;

    if (n > e->g->size - at)
        BAD(e, "%zu bytes from %llu on reach beyond the image", n, (unsigned long long)at);
    image_read(e->g, at, now, n);
    for (i = 0; i < n; i++)
        now[i] = flip ? now[i] ^ bytes[i] : bytes[i];
    image_splice(e->g, at, n, now, n);
    free(now);
}

static void do_set(struct edit *e)
{
    size_t n;
    uint8_t *bytes = hex(e, e->word[2], &n);

    overwrite(e, place(e, e->word[1]), bytes, n, strcmp(e->word[0], "flip") == 0);
    free(bytes);
}

/* set16, set32, set64 (little-endian) and be32: a number. */
static void do_number(struct edit *e)
{
    bool big = e->word[0][0] == 'b';
    unsigned n = (unsigned)atoi(e->word[0] + (big ? 2 : 3)) / 8, i;
    uint8_t bytes[8];
    uint64_t v;

    if (!number(e->word[2], &v))
        BAD(e, "'%s' is no number", e->word[2]);
    for (i = 0; i < n; i++)
        bytes[i] = (uint8_t)(v >> 8 * (big ? n - 1 - i : i));
    overwrite(e, place(e, e->word[1]), bytes, n, false);
}

static void do_delete(struct edit *e)
{
    uint64_t at = place(e, e->word[1]);
    uint64_t n = span(e, e->n > 2 ? e->word[2] : e->word[1], at);

    image_splice(e->g, at, n, NULL, 0);
}

static void do_zero(struct edit *e)
{
    uint64_t at = place(e, e->word[1]), n = span(e, e->word[2], at);
    uint8_t *zeros;

    if (n > EDIT_MAX)
        BAD(e, "zero: more than %u bytes", EDIT_MAX);
    zeros = room(e, n);
    memset(zeros, 0, n);
    overwrite(e, at, zeros, n, false);
    free(zeros);
}

static void do_insert(struct edit *e)
{
    add(e, place(e, e->word[1]), e->word[2]);
}

static void do_append(struct edit *e)
{
    add(e, e->g->size, e->word[1]);
}

static void do_truncate(struct edit *e)
{
    uint64_t at = place(e, e->word[1]);

    image_splice(e->g, at, e->g->size - at, NULL, 0);
}

/* Rows stay in the order of the image, so that @TYPE[n] means what one sees. */
static void row_insert(struct image *g, const struct row *row)
{
    size_t i = g->row_count;

    g->rows = grown(g->rows, &g->row_room, g->row_count + 1, sizeof(*row));
    for (; i && g->rows[i - 1].start >= row->start; i--)
        g->rows[i] = g->rows[i - 1];
    g->rows[i] = *row;
    g->row_count++;
}

/* copy FROM TO, move FROM TO: a whole row, with its boundaries, to a place. */
static void do_copy(struct edit *e)
{
    uint64_t from, to, n;
    struct row row;
    uint8_t *bytes;

    if (e->word[1][0] != '@')
        BAD(e, "%s: a row is wanted, as @TYPE[n]", e->word[0]);
    row_place(e, e->word[1], &from, &n);
    to = place(e, e->word[2]);
    if (n > 64 * (uint64_t)EDIT_MAX)
        BAD(e, "%s: the row is too big", e->word[0]);
    row = *find_row(e, e->word[1] + 1, strcspn(e->word[1] + 1, "["),
                    strchr(e->word[1], '[') ? atoll(strchr(e->word[1], '[') + 1) : 0);
    bytes = room(e, n);
    image_read(e->g, from, bytes, n);
    if (strcmp(e->word[0], "move") == 0) {
        image_splice(e->g, from, n, NULL, 0);
        to -= to > from ? n : 0;
    }
    image_splice(e->g, to, 0, bytes, n);
    free(bytes);
    row.start = to;
    row.end = to + n;
    row_insert(e->g, &row);
}

/* random KIND SEED: one of the damages that carving is measured with, at a place by lot. */
static void do_random(struct edit *e)
{
    const struct image *g = e->g;
    const char *kind = e->word[1];
    uint64_t seed, pick, at, batches = 0, entry;
    bool v2 = g->r->format == FORMAT_V2;
    uint8_t bytes[8];
    size_t i;

    if (!number(e->word[2], &seed))
        BAD(e, "'%s' is no number", e->word[2]);
    for (i = 0; i < g->row_count; i++)
        batches += g->rows[i].pages > 1;
    if (batches < 3)
        BAD(e, "random damage needs at least three batches");
    pick = 1 + noise(seed, 1, 0) % (batches - 2); /* neither the first nor the last */
    for (i = 0; g->rows[i].pages <= 1 || pick--; i++)
        ;
    at = g->rows[i].start;
    poke(bytes, noise(seed, 2, 0), 8);
    if (strcmp(kind, "count") == 0) {
        overwrite(e, v2 ? at + 8 : at, bytes, 4, false);
    } else if (strcmp(kind, "pfn") == 0) {
        entry = 1 + noise(seed, 3, 0) % 8;
        at += v2 ? 16 + 8 * entry : 4 + g->r->width / 8 * entry;
        overwrite(e, at, bytes, 3, false);
    } else if (strcmp(kind, "lose4") == 0 || strcmp(kind, "lose4k") == 0) {
        at += noise(seed, 4, 0) % (g->rows[i].end - at - PAGE);
        image_splice(e->g, at, kind[5] ? PAGE : 4, NULL, 0);
    } else if (strcmp(kind, "zero1m") == 0) {
        uint64_t n = g->size - at < EDIT_MAX ? g->size - at : EDIT_MAX;

        image_splice(e->g, at, n, NULL, 0);
        image_splice_zeros(e->g, at, n);
    } else {
        BAD(e, "random: '%s' is none of: count pfn lose4 lose4k zero1m", kind);
    }
}

static const struct verb {
    const char *name;
    unsigned least; /* words, with the verb */
    unsigned most;
    void (*run)(struct edit *e);
} verbs[] = {
    { "set", 3, 3, do_set },       { "flip", 3, 3, do_set },     { "set8", 3, 3, do_number },
    { "set16", 3, 3, do_number },  { "set32", 3, 3, do_number }, { "set64", 3, 3, do_number },
    { "be32", 3, 3, do_number },   { "be64", 3, 3, do_number },  { "delete", 2, 3, do_delete },
    { "insert", 3, 3, do_insert }, { "zero", 3, 3, do_zero },    { "truncate", 2, 2, do_truncate },
    { "append", 2, 2, do_append }, { "copy", 3, 3, do_copy },    { "move", 3, 3, do_copy },
    { "random", 3, 3, do_random },
};

static char *next_word(char *text)
{
    text += strcspn(text, " \t");
    if (*text)
        *text++ = '\0';
    return text + strspn(text, " \t");
}

void damage_apply(struct image *g, const struct damage *d)
{
    struct edit e = { .g = g, .d = d };
    char *text = strdup(d->line), *rest = text;
    size_t i;

    if (text == NULL)
        BAD(&e, "out of memory");
    e.word[e.n++] = text;
    rest = next_word(text);
    for (i = 0; i < COUNT(verbs) && strcmp(verbs[i].name, text) != 0; i++)
        ;
    if (i == COUNT(verbs))
        BAD(&e, "'%s' is neither a key nor a change", text);
    while (*rest && e.n < verbs[i].most) {
        e.word[e.n++] = rest;
        if (e.n < verbs[i].most)
            rest = next_word(rest);
    }
    if (e.n < verbs[i].least)
        BAD(&e, "%s: an operand is missing", text);
    verbs[i].run(&e);
    free(text);
}
