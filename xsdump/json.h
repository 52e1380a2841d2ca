/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON values out of the library's, schema 1 (docs/xsdump.1). */
#ifndef XSDUMP_JSON_H
#define XSDUMP_JSON_H

#include <json-c/json.h>

#include "xsdump.h"

/* Text of an image or a file name: as it is when it is UTF-8, else escaped. */
struct json_object *json_text(const char *text, size_t n);
struct json_object *json_name(const char *text); /* NULL and "" give null */
/* A number; beyond 2^53 a decimal string, so that no reader rounds it. */
struct json_object *json_number(uint64_t number);
struct json_object *json_signed(int64_t number);
/* Print on standard output, in ASCII only, and free. */
void json_put(struct json_object *o);
/* The same values without an object in between. */
void json_put_text(const char *text, size_t n);
void json_put_number(uint64_t number);
void json_put_signed(int64_t number);

/* Adds code, slug, severity, targets and fix to o, and returns it. */
struct json_object *json_finding_row(struct json_object *o, const struct xsi_finding_row *row);
/* Adds the keys of a finding to o, and returns it. */
struct json_object *json_finding(struct json_object *o, const struct image *im,
                                 const struct xsi_finding *f);
/* Adds the keys of a verdict to o, and returns it. */
struct json_object *json_verdict(struct json_object *o, const struct image *im,
                                 const struct xsi_verdict *v);
/* A list of words that are separated by blanks. */
struct json_object *json_words(const char *text);
/* Print a chunk with its fields; a record of --jsonl names kind and file in front. */
void json_put_chunk(struct image *im, const struct xsi_chunk *chunk, bool record);
/* Print the fields of the current chunk as nested objects; false when something was left out. */
bool json_put_fields(struct image *im, const struct xsi_chunk *chunk);
struct json_object *json_stack(const struct xsi_info *info);
struct json_object *json_guest(const struct xsi_info *info);
struct json_object *json_writer(const struct xsi_info *info);
struct json_object *json_page_data(const struct page_data *pages);

#endif
