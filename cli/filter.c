/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters over chunks: read once into reverse Polish order, then run per chunk. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

#define CODE_MAX 128 /* terms and joins of one filter */

enum op { EQUAL, UNLIKE, LESS, AT_MOST, MORE, AT_LEAST, PART };
enum join { TERM, NOT, AND, OR, OPEN }; /* by binding: the lower, the tighter */

struct code {
    enum join join;
    const struct key *key;
    enum op op;
    uint64_t number;
    char text[64];
};

struct cli_filter {
    size_t count;
    struct code code[CODE_MAX];
};

/* ---------------------------------------------------------------- keys ---- */

struct key {
    const char *name;
    const char *(*text)(const struct xsi_map_row *row);
    uint64_t (*number)(const struct xsi_map_row *row);
    bool is_signed;
    bool of_run;   /* all batches of a folded run have the same */
    unsigned flag; /* the name alone is a term */
};

#define NUMBER(name, value)                             \
    static uint64_t name(const struct xsi_map_row *row) \
    {                                                   \
        return value;                                   \
    }

NUMBER(get_id, (uint64_t)row->id)
NUMBER(get_index, row->index)
NUMBER(get_offset, row->offset)
NUMBER(get_end, row->offset + row->length)
NUMBER(get_length, row->length)
NUMBER(get_wanted, row->wanted)
NUMBER(get_missing, row->wanted - row->length)
NUMBER(get_entries, row->entries)
NUMBER(get_pages, row->pages)
NUMBER(get_tables, row->tables)
NUMBER(get_count, row->count)
NUMBER(get_first, row->first_pfn)
NUMBER(get_last, row->last_pfn)
NUMBER(get_depth, row->depth)
NUMBER(get_checkpoint, row->checkpoint)

static const char *get_type(const struct xsi_map_row *row)
{
    return row->type;
}

static const char *get_layer(const struct xsi_map_row *row)
{
    return row->layer;
}

/* pfn has neither text nor number: it is a range. */
static const struct key keys[] = {
    { .name = "type", .text = get_type, .of_run = true },
    { .name = "layer", .text = get_layer, .of_run = true },
    { .name = "id", .number = get_id, .is_signed = true, .of_run = true },
    { .name = "index", .number = get_index },
    { .name = "offset", .number = get_offset },
    { .name = "end", .number = get_end },
    { .name = "length", .number = get_length },
    { .name = "wanted", .number = get_wanted },
    { .name = "missing", .number = get_missing },
    { .name = "entries", .number = get_entries },
    { .name = "pages", .number = get_pages, .flag = XSI_CHUNK_PAGES },
    { .name = "tables", .number = get_tables },
    { .name = "count", .number = get_count },
    { .name = "first_pfn", .number = get_first },
    { .name = "last_pfn", .number = get_last },
    { .name = "pfn" },
    { .name = "depth", .number = get_depth, .of_run = true },
    { .name = "checkpoint", .number = get_checkpoint, .of_run = true },
    { .name = "gap", .flag = XSI_CHUNK_GAP },
    { .name = "cut", .flag = XSI_CHUNK_CUT },
    { .name = "resync", .flag = XSI_CHUNK_RESYNC },
    { .name = "certain", .flag = XSI_CHUNK_CERTAIN },
    { .name = "unreadable", .flag = XSI_CHUNK_UNREADABLE },
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static size_t word_length(const char *at)
{
    size_t n = 0;

    while (isalnum((unsigned char)at[n]) || at[n] == '_')
        n++;
    return n;
}

static const struct key *key_of(const char *at, size_t n)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strlen(keys[i].name) == n && !strncmp(keys[i].name, at, n))
            return &keys[i];
    return NULL;
}

bool cli_filter_is(const char *text)
{
    size_t n;

    text += strspn(text, " \t(!");
    if (strncmp(text, "not ", 4) == 0)
        text += 4 + strspn(text + 4, " \t(");
    n = word_length(text);
    return n && key_of(text, n) != NULL;
}

/* ---------------------------------------------------------------- reading ---- */

struct reader {
    const char *at;
    struct cli_filter *out;
    enum join stack[CODE_MAX];
    size_t depth;
    char *why;
    size_t size;
};

static bool wrong(struct reader *r, const char *what)
{
    char near[32], text[140];

    snprintf(near, sizeof(near), "%.20s", r->at);
    snprintf(r->why, r->size, "%s at '%s'", what,
             xsi_escape(text, sizeof(text), near, strlen(near)));
    return false;
}

static bool put(struct reader *r, const struct code *code)
{
    if (r->out->count == CODE_MAX)
        return wrong(r, "the filter is too long");
    r->out->code[r->out->count++] = *code;
    return true;
}

static bool push(struct reader *r, enum join join)
{
    if (r->depth == CODE_MAX)
        return wrong(r, "the filter is nested too deep");
    r->stack[r->depth++] = join;
    return true;
}

/* What binds tighter than the next join has all its terms. */
static bool close_down(struct reader *r, enum join until)
{
    while (r->depth && r->stack[r->depth - 1] <= until)
        if (!put(r, &(struct code){ .join = r->stack[--r->depth] }))
            return false;
    return true;
}

static void blanks(struct reader *r)
{
    while (isspace((unsigned char)*r->at))
        r->at++;
}

/* One of two spellings; a word must end there. */
static bool take(struct reader *r, const char *word, const char *sign)
{
    size_t n = strlen(word);

    blanks(r);
    if (n && word_length(r->at) == n && !strncmp(r->at, word, n)) {
        r->at += n;
        return true;
    }
    n = strlen(sign);
    if (strncmp(r->at, sign, n) != 0)
        return false;
    r->at += n;
    return true;
}

static bool take_op(struct reader *r, enum op *op)
{
    static const struct {
        char sign[4];
        enum op op;
    } signs[] = { { "==", EQUAL }, { "!=", UNLIKE }, { "<=", AT_MOST }, { ">=", AT_LEAST },
                  { "=", EQUAL },  { "<", LESS },    { ">", MORE },     { "~", PART } };

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (take(r, "", signs[i].sign)) {
            *op = signs[i].op;
            return true;
        }
    }
    return false;
}

static bool take_value(struct reader *r, struct code *c)
{
    size_t n;
    char quote;

    blanks(r);
    quote = *r->at == '"' || *r->at == '\'' ? *r->at++ : 0;
    n = quote ? strcspn(r->at, (char[]){ quote, '\0' }) : strcspn(r->at, " \t()&|");
    if (n >= sizeof(c->text) || (!n && !quote) || (quote && r->at[n] != quote))
        return wrong(r, "a value is missing or too long");
    memcpy(c->text, r->at, n);
    c->text[n] = '\0';
    r->at += n + (quote != 0);
    return true;
}

static bool number_of(struct reader *r, struct code *c)
{
    bool minus = c->key->is_signed && c->text[0] == '-';

    if (!cli_number(c->text + minus, &c->number))
        return wrong(r, "a number is expected in front of what stands");
    c->number = minus ? 0 - c->number : c->number;
    return c->op != PART || wrong(r, "~ is for texts");
}

static bool take_term(struct reader *r)
{
    struct code c = { .join = TERM };
    size_t n;

    blanks(r);
    n = word_length(r->at);
    c.key = key_of(r->at, n);
    if (!c.key)
        return wrong(r, "no key (type, layer, id, offset, length, pfn, gap, ...)");
    r->at += n;
    blanks(r);
    if (!take_op(r, &c.op)) {
        if (!c.key->flag)
            return wrong(r, "an operator is missing");
        c.op = PART; /* the flag */
        return put(r, &c);
    }
    if (!c.key->text && !c.key->number && c.key->flag)
        return wrong(r, "a flag takes no value");
    if (!take_value(r, &c) || (!c.key->text && !number_of(r, &c)))
        return false;
    if (c.key->text && c.op != EQUAL && c.op != UNLIKE && c.op != PART)
        return wrong(r, "texts are compared with ==, != and ~");
    return put(r, &c);
}

/* Terms and joins by turns. */
static bool read_all(struct reader *r)
{
    for (;;) {
        while (take(r, "not", "!") || take(r, "", "("))
            if (!push(r, r->at[-1] == '(' ? OPEN : NOT))
                return false;
        if (!take_term(r))
            return false;
        while (take(r, "", ")")) {
            if (!close_down(r, OR))
                return false;
            if (!r->depth)
                return wrong(r, "a ')' too many");
            r->depth--;
        }
        blanks(r);
        if (!*r->at)
            break;
        if (take(r, "and", "&&")) {
            if (!close_down(r, AND) || !push(r, AND))
                return false;
        } else if (take(r, "or", "||")) {
            if (!close_down(r, OR) || !push(r, OR))
                return false;
        } else {
            return wrong(r, "'and' or 'or' is missing");
        }
    }
    return close_down(r, OR) && (!r->depth || wrong(r, "a ')' is missing"));
}

struct cli_filter *cli_filter_new(const char *text, char *why, size_t size)
{
    struct reader r = { .at = text, .why = why, .size = size };

    r.out = calloc(1, sizeof(*r.out));
    if (!r.out) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    if (read_all(&r))
        return r.out;
    free(r.out);
    return NULL;
}

void cli_filter_free(struct cli_filter *f)
{
    free(f);
}

/* ---------------------------------------------------------------- running ---- */

static bool match_text(const struct code *c, const char *text)
{
    if (c->op == PART)
        return strcasestr(text, c->text) != NULL;
    return (strcasecmp(text, c->text) == 0) == (c->op == EQUAL);
}

static bool match_number(const struct code *c, uint64_t number)
{
    int order = number < c->number ? -1 : number > c->number;

    if (c->key->is_signed)
        order = (int64_t)number < (int64_t)c->number ? -1 : (int64_t)number > (int64_t)c->number;
    switch (c->op) {
    case EQUAL:
        return order == 0;
    case UNLIKE:
        return order != 0;
    case LESS:
        return order < 0;
    case AT_MOST:
        return order <= 0;
    case MORE:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool match_term(const struct code *c, const struct xsi_map_row *row)
{
    bool within;

    if (c->key->text)
        return match_text(c, c->key->text(row));
    if (c->op == PART)
        return row->flags & c->key->flag;
    if (c->key->number)
        return match_number(c, c->key->number(row));
    within = row->pages && c->number >= row->first_pfn && c->number <= row->last_pfn;
    return c->op == UNLIKE ? !within : within;
}

bool cli_filter_match(const struct cli_filter *f, const struct xsi_map_row *row)
{
    bool stack[CODE_MAX + 1] = { false };
    size_t depth = 0;

    for (size_t i = 0; i < f->count; i++) {
        const struct code *c = &f->code[i];

        if (c->join == TERM) {
            stack[depth++] = match_term(c, row);
        } else if (c->join == NOT) {
            stack[depth - 1] = !stack[depth - 1];
        } else {
            depth--;
            stack[depth - 1] = c->join == AND ? stack[depth - 1] && stack[depth]
                                              : stack[depth - 1] || stack[depth];
        }
    }
    return stack[0];
}

bool cli_filter_by_run(const struct cli_filter *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct code *c = &f->code[i];
        bool flag = c->join == TERM && !c->key->text && c->op == PART;

        if (c->join == TERM && !flag && !c->key->of_run)
            return false;
    }
    return true;
}
