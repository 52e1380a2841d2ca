/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Field tables and single values on their way to a sink. */
#include <stdio.h>

#include "internal.h"

const char *xsi_name_of(const struct xsi_name *names, uint64_t value)
{
    for (; names && names->name; names++)
        if (names->value == value)
            return names->name;
    return NULL;
}

/* Names of the set bits, joined by blanks; bits without a name in hex at the end. */
static void flag_names(const struct xsi_name *names, uint64_t value, char *out, size_t size)
{
    size_t used = 0;
    int n;

    out[0] = '\0';
    for (; names && names->name; names++) {
        if (!names->value || (value & names->value) != names->value)
            continue;
        n = snprintf(out + used, size - used, "%s%s", used ? " " : "", names->name);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
        value &= ~names->value;
    }
    if (value && used)
        snprintf(out + used, size - used, " 0x%llx", (unsigned long long)value);
}

static void emit(struct xsi_decode *d, struct xsi_value *v)
{
    v->level = d->level;
    v->big = d->big;
    v->offset += d->offset;
    d->sink->value(d->sink, v);
}

void xsi_put(struct xsi_decode *d, const char *name, enum xsi_kind kind, uint64_t offset,
             uint64_t length, uint64_t number, const char *unit)
{
    struct xsi_value v = { .kind = kind,
                           .name = name,
                           .offset = offset,
                           .length = length,
                           .number = number,
                           .unit = unit };

    emit(d, &v);
}

void xsi_put_name(struct xsi_decode *d, const char *name, uint64_t offset, uint64_t length,
                  uint64_t number, const struct xsi_name *names)
{
    struct xsi_value v = { .kind = XSI_ENUM,
                           .name = name,
                           .offset = offset,
                           .length = length,
                           .number = number,
                           .text = xsi_name_of(names, number) };

    v.text_length = v.text ? strlen(v.text) : 0;
    emit(d, &v);
}

void xsi_put_text(struct xsi_decode *d, const char *name, enum xsi_kind kind, uint64_t offset,
                  const void *text, size_t length)
{
    struct xsi_value v = { .kind = kind,
                           .name = name,
                           .offset = offset,
                           .length = length,
                           .text = text,
                           .text_length = length };

    emit(d, &v);
}

void xsi_open(struct xsi_decode *d, const char *name, enum xsi_kind kind, uint64_t offset,
              uint64_t length)
{
    struct xsi_value v = { .kind = kind, .name = name, .offset = offset, .length = length };

    emit(d, &v);
    d->level++;
}

void xsi_close(struct xsi_decode *d)
{
    struct xsi_value v = { .kind = XSI_CLOSE };

    if (d->level)
        d->level--;
    emit(d, &v);
}

static void decode_row(struct xsi_decode *d, size_t at, const struct xsi_field_row *row)
{
    struct xsi_value v = { .kind = row->kind,
                           .name = row->name,
                           .offset = at,
                           .length = row->size,
                           .unit = row->unit,
                           .help = row->help };
    char flags[256];

    if (row->kind == XSI_TEXT || row->kind == XSI_BYTES) {
        v.text = (const char *)d->bytes + at;
        v.text_length = row->size;
        if (row->kind == XSI_TEXT)
            v.text_length = strnlen(v.text, row->size);
    } else {
        v.number = xsi_decode_number(d, at, row->size);
        if (row->kind == XSI_SINT && row->size < 8 && (v.number >> (row->size * 8 - 1)) & 1)
            v.number |= ~0ULL << (row->size * 8);
        if (row->kind == XSI_ENUM)
            v.text = xsi_name_of(row->names, v.number);
        if (row->kind == XSI_FLAGS) {
            flag_names(row->names, v.number, flags, sizeof(flags));
            v.text = flags;
        }
        v.text_length = v.text ? strlen(v.text) : 0;
    }
    emit(d, &v);
}

void xsi_decode_rows(struct xsi_decode *d, size_t base, size_t size,
                     const struct xsi_field_row *rows)
{
    for (; rows->name; rows++) {
        size_t end = (size_t)rows->offset + rows->size;

        if (rows->detail > d->detail || end > size)
            continue;
        if (base > d->have || end > d->have - base)
            continue;
        decode_row(d, base + rows->offset, rows);
    }
}
