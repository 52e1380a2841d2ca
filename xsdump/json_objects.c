/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The objects of schema 1 that come once or rarely: finding, guest, writer, page data. */
#include <string.h>

#include "json.h"

/* Keys are literals and each is added once: json-c need not copy or look for them. */
#define add(object, key, value)                   \
    json_object_object_add_ex(object, key, value, \
                              JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY)

static struct json_object *literal(const char *text)
{
    return text ? json_object_new_string(text) : NULL;
}

struct json_object *json_words(const char *text)
{
    struct json_object *list = json_object_new_array();

    while (text && *(text += strspn(text, " "))) {
        size_t n = strcspn(text, " ");

        json_object_array_add(list, json_object_new_string_len(text, (int)n));
        text += n;
    }
    return list;
}

/* The parts that all findings of a row share, and a severity. */
static void row_parts(struct json_object *o, const struct xsi_finding_row *row,
                      enum xsi_severity severity)
{
    add(o, "code", literal(row->code));
    add(o, "slug", literal(row->slug));
    add(o, "severity", literal(cli_severity(severity)));
    add(o, "fix", json_name(row->recipe));
}

struct json_object *json_finding_row(struct json_object *o, const struct xsi_finding_row *row)
{
    row_parts(o, row, row->severity);
    add(o, "targets", json_words(row->readers));
    return o;
}

/* The judged readers that do not restore the image because of it; else those that it concerns. */
static struct json_object *targets(const struct image *im, const struct xsi_finding *f)
{
    struct json_object *list;
    const char *name = judged_target(im, f, 0);

    if (!name)
        return json_words(f->row->readers);
    list = json_object_new_array();
    for (size_t i = 0; (name = judged_target(im, f, i)); i++)
        json_object_array_add(list, json_object_new_string(name));
    return list;
}

struct json_object *json_finding(struct json_object *o, const struct image *im,
                                 const struct xsi_finding *f)
{
    row_parts(o, f->row, f->severity); /* the circumstances may weigh more than the row */
    add(o, "targets", targets(im, f));
    add(o, "offset", json_number(f->offset));
    add(o, "length", json_number(f->length));
    add(o, "text", json_text(f->text, strlen(f->text)));
    return o;
}

/* A number of a verdict, -1 = there is none. */
static struct json_object *number_or_none(int64_t number)
{
    return number < 0 ? NULL : json_signed(number);
}

static struct json_object *return_code(const struct xsi_verdict *v)
{
    if (v->outcome == XSI_UNDEFINED)
        return NULL;
    return v->returned ? json_signed(v->rc) : literal(v->fate);
}

/* Codes of a verdict's findings, each once. */
static struct json_object *codes(const struct xsi_verdict *v)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < v->finding_count; i++) {
        size_t before = 0;

        while (before < i && v->findings[before].row != v->findings[i].row)
            before++;
        if (before == i)
            json_object_array_add(list, literal(v->findings[i].row->code));
    }
    return list;
}

static struct json_object *texts(const char *first, size_t size, size_t count)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < count; i++)
        json_object_array_add(list, json_text(first + i * size, strlen(first + i * size)));
    return list;
}

struct json_object *json_verdict(struct json_object *o, const struct image *im,
                                 const struct xsi_verdict *v)
{
    add(o, "target", literal(v->reader.name));
    add(o, "default", json_object_new_boolean(judged_by_default(im)));
    add(o, "verdict", literal(cli_outcome(v->outcome)));
    add(o, "rc", return_code(v));
    add(o, "consumed", json_number(v->consumed));
    add(o, "checkpoints", json_number(v->checkpoints));
    add(o, "errors", texts(v->errors[0], sizeof(v->errors[0]), v->error_count));
    add(o, "pages", number_or_none(v->pages));
    add(o, "vcpus_set", number_or_none(v->vcpus_set));
    add(o, "hvmctx_len", number_or_none(v->hvmctx_len));
    add(o, "qemu_bytes", number_or_none(v->qemu_bytes));
    add(o, "conditions", texts(v->conditions[0], sizeof(v->conditions[0]), v->condition_count));
    add(o, "findings", codes(v));
    add(o, "reason", json_name(v->reason));
    add(o, "where", *v->reason ? json_number(v->where) : NULL);
    add(o, "stopped", json_number(v->stopped));
    add(o, "loses", json_name(v->loses));
    add(o, "fix", json_name(v->fix));
    return o;
}

struct json_object *json_stack(const struct xsi_info *info)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < info->stack_length; i++)
        json_object_array_add(list, literal(info->stack[i]));
    return list;
}

static struct json_object *bits(unsigned number)
{
    return number ? json_object_new_int((int)number) : NULL;
}

struct json_object *json_guest(const struct xsi_info *info)
{
    static const char *const types[] = {
        [XSI_GUEST_UNKNOWN] = NULL,
        [XSI_GUEST_PV] = "pv",
        [XSI_GUEST_HVM] = "hvm",
        [XSI_GUEST_PVH] = "pvh",
    };
    struct json_object *o = json_object_new_object();

    add(o, "type", literal(types[info->guest]));
    add(o, "toolstack_bits", bits(info->toolstack_bits));
    add(o, "guest_bits", bits(info->guest_bits));
    add(o, "p2m_size", info->has_p2m_size ? json_number(info->p2m_size) : NULL);
    add(o, "vcpus", info->has_vcpus ? json_number(info->vcpus) : NULL);
    add(o, "name", json_name(info->name));
    add(o, "uuid", json_name(info->uuid));
    return o;
}

struct json_object *json_writer(const struct xsi_info *info)
{
    struct json_object *o = json_object_new_object();

    add(o, "from", literal(info->writer_from));
    add(o, "to", literal(info->writer_to));
    add(o, "why", json_name(info->writer_why));
    return o;
}

struct json_object *json_page_data(const struct page_data *pages)
{
    struct json_object *o = json_object_new_object(), *types = json_object_new_object();
    struct page_sums s;

    page_data_sums(pages, &s);
    add(o, "pages", json_number(s.pages));
    add(o, "bytes", json_number(s.bytes));
    add(o, "zero", json_number(s.zero));
    add(o, "distinct", s.tracked ? json_number(s.distinct) : NULL);
    add(o, "duplicate", s.tracked ? json_number(s.duplicate) : NULL);
    add(o, "incomplete", json_number(s.short_pages));
    add(o, "xxh3_128", literal(s.hash));
    for (size_t i = 0; i < s.type_count; i++) {
        struct json_object *type = json_object_new_object();

        add(type, "entries", json_number(s.type[i].entries));
        add(type, "pages", json_number(s.type[i].pages));
        json_object_object_add(types, s.type[i].name ? s.type[i].name : "?", type);
    }
    add(o, "types", types);
    return o;
}
