/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --json and --jsonl. Rows are written at once, and what is around them is written by hand, so
 * memory does not grow with the image.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"

struct json_view {
    struct view view;
    const struct settings *set;
    struct cli_findings findings; /* --json: they stand behind the chunks */
    bool lines;                   /* --jsonl */
    bool first_image, first_chunk;
    bool begun; /* --jsonl: the image record is out */
};

static struct json_view *json_of(struct view *v)
{
    return (struct json_view *)v;
}

static void put_key(const char *key, struct json_object *o)
{
    printf("\"%s\":", key);
    json_put(o);
}

/* A line of --jsonl begins with these keys. */
static struct json_object *record_new(const char *record, const struct image *im)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "record", json_object_new_string(record));
    json_object_object_add(o, "schema", json_object_new_int(1));
    json_object_object_add(o, "file", json_text(im->file, strlen(im->file)));
    return o;
}

static void put_line(struct json_object *o)
{
    json_put(o);
    putchar('\n');
}

static struct json_object *size_of(const struct image *im, bool of_file)
{
    uint64_t size;

    if (!im->src)
        return NULL;
    if (of_file ? xsi_source_file_size(im->src, &size) : xsi_source_size(im->src, &size))
        return json_number(size);
    return NULL;
}

static struct json_object *kind_of(const struct image *im)
{
    if (!im->src)
        return NULL;
    return json_object_new_string(xsi_source_kind(im->src) == XSI_SOURCE_BLOCK ? "block"
                                                                               : image_kind(im));
}

/* What is known of an image (complete at its end) as keys of o. */
static void add_facts(struct json_object *o, const struct image *im, bool at_end)
{
    static const struct xsi_info nothing;
    const struct xsi_info *info = im->walk ? xsi_walk_info(im->walk) : &nothing;

    json_object_object_add(o, "size", size_of(im, false));
    json_object_object_add(o, "file_size", size_of(im, true));
    json_object_object_add(o, "stack", json_stack(info));
    json_object_object_add(o, "guest", json_guest(info));
    json_object_object_add(o, "writer", json_writer(info));
    json_object_object_add(o, "stream_end",
                           at_end && im->walk ? json_number(info->stream_end) : NULL);
}

static void add_end(struct json_object *o, const struct image *im, const struct xsi_error *error)
{
    const struct xsi_info *info = im->walk ? xsi_walk_info(im->walk) : NULL;

    add_facts(o, im, true);
    json_object_object_add(o, "state",
                           info && !error->code ? json_object_new_string(cli_state(info)) : NULL);
    json_object_object_add(o, "exit", json_object_new_int((int)im->status));
    if (im->pages)
        json_object_object_add(o, "page_data", json_page_data(im->pages));
    if (error->code)
        json_object_object_add(o, "error", json_text(error->text, strlen(error->text)));
}

static void json_begin(struct view *v, struct image *im)
{
    struct json_view *jv = json_of(v);

    jv->begun = false;
    if (jv->lines)
        return;
    fputs(jv->first_image ? "{" : ",\n{", stdout);
    jv->first_image = false;
    jv->first_chunk = true;
    put_key("file", json_text(im->file, strlen(im->file)));
    putchar(',');
    put_key("kind", kind_of(im));
    fputs(",\n\"chunks\":[", stdout);
}

/* The image record waits for the first event: by then the outer layers are known. */
static void begin_lines(struct json_view *jv, struct image *im)
{
    struct json_object *o;

    if (!jv->lines || jv->begun)
        return;
    jv->begun = true;
    o = record_new("image", im);
    json_object_object_add(o, "kind", kind_of(im));
    add_facts(o, im, false);
    put_line(o);
}

static void json_view_chunk(struct view *v, struct image *im, const struct xsi_chunk *chunk)
{
    struct json_view *jv = json_of(v);

    begin_lines(jv, im);
    if (!settings_wants(jv->set, chunk))
        return;
    if (jv->lines) {
        json_put_chunk(im, chunk, true);
        putchar('\n');
        return;
    }
    fputs(jv->first_chunk ? "\n" : ",\n", stdout);
    jv->first_chunk = false;
    json_put_chunk(im, chunk, false);
}

static void json_view_finding(struct view *v, struct image *im, const struct xsi_finding *finding)
{
    struct json_view *jv = json_of(v);

    begin_lines(jv, im);
    if (jv->lines)
        put_line(json_finding(record_new("finding", im), im, finding));
    else
        cli_findings_add(&jv->findings, finding);
}

static void end_document(struct json_view *jv, struct image *im, const struct xsi_error *error)
{
    struct json_object *o = json_object_new_object();
    const struct xsi_verdict *verdict;
    const char *comma = "\n";

    fputs("],\n\"findings\":[", stdout);
    for (size_t i = 0; i < jv->findings.count; i++) {
        fputs(comma, stdout);
        json_put(json_finding(json_object_new_object(), im, &jv->findings.held[i]));
        comma = ",\n";
    }
    printf("],\n\"findings_left_out\":%llu,\n\"verdicts\":[",
           (unsigned long long)jv->findings.dropped);
    comma = "\n";
    for (size_t i = 0; (verdict = judged_verdict(im, i)); i++) {
        fputs(comma, stdout);
        json_put(json_verdict(json_object_new_object(), im, verdict));
        comma = ",\n";
    }
    fputs("]", stdout);
    add_end(o, im, error);
    json_object_object_foreach(o, key, value)
    {
        fputs(",\n", stdout);
        put_key(key, json_object_get(value));
    }
    json_object_put(o);
    putchar('}');
    cli_findings_free(&jv->findings);
}

static void json_end(struct view *v, struct image *im, const struct xsi_error *error)
{
    struct json_view *jv = json_of(v);
    const struct xsi_verdict *verdict;
    struct json_object *o;

    if (!jv->lines) {
        end_document(jv, im, error);
        return;
    }
    begin_lines(jv, im);
    for (size_t i = 0; (verdict = judged_verdict(im, i)); i++)
        put_line(json_verdict(record_new("verdict", im), im, verdict));
    o = record_new("end", im);
    add_end(o, im, error);
    put_line(o);
}

static void json_done(struct view *v)
{
    if (!json_of(v)->lines)
        fputs("]}\n", stdout);
}

static void json_free(struct view *v)
{
    free(json_of(v));
}

struct view *json_view_new(const struct settings *set)
{
    struct json_view *jv = calloc(1, sizeof(*jv));

    if (!jv)
        return NULL;
    jv->view = (struct view){ json_begin, json_view_chunk, NULL,     json_view_finding,
                              json_end,   json_done,       json_free };
    jv->set = set;
    jv->lines = set->jsonl;
    jv->first_image = true;
    if (!jv->lines)
        printf("{\"schema\":1,\"tool\":\"xsdump %s\",\n\"images\":[", XSI_VERSION);
    return &jv->view;
}
