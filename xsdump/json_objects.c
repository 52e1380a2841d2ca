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

/* A list of words that are separated by blanks. */
static struct json_object *words(const char *text)
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
    add(o, "targets", words(row->readers));
    add(o, "fix", json_name(row->recipe));
}

struct json_object *json_finding_row(struct json_object *o, const struct xsi_finding_row *row)
{
    row_parts(o, row, row->severity);
    return o;
}

struct json_object *json_finding(struct json_object *o, const struct xsi_finding *f)
{
    row_parts(o, f->row, f->severity); /* the circumstances may weigh more than the row */
    add(o, "offset", json_number(f->offset));
    add(o, "length", json_number(f->length));
    add(o, "text", json_text(f->text, strlen(f->text)));
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
