/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sections of device-model state. Those of version 3 have no length, and Xen's QEMU writes neither
 * footers nor a description (migration/savevm.c:qmp_xen_save_devices_state), so the next section
 * is found by its shape: type, an id not seen before, a printable name, small instance and version.
 */
#include "qevm.h"

#define SECTIONS_MAX   1024 /* that are listed; also the bound of section ids */
#define NAME_MAX_BYTES 80   /* the longest name of a device is far below */
#define INSTANCE_MAX   4096
#define VERSION_MAX    255

enum { SECTION_EOF = 0, SECTION_START = 1, SECTION_FULL = 4 };

static const struct xsi_name section_types[] = {
    { SECTION_EOF, "EOF" },   { SECTION_START, "START" }, { 2, "PART" }, { 3, "END" },
    { SECTION_FULL, "FULL" }, { 7, "CONFIGURATION" },     { 0, NULL }
};

static const struct xsi_name versions[] = { { 1, "ioemu of Xen 3.0.4 and 3.1" },
                                            { 2, "ioemu of Xen 3.2 and 3.3" },
                                            { 3, "qemu-traditional or QEMU" },
                                            { 0, NULL } };

/* Head of a section; data follows it. */
struct section {
    size_t at, data;
    uint32_t id, instance, version;
    uint8_t type;
    const uint8_t *name;
    uint8_t name_length;
};

/* Section ids that were met. */
struct seen {
    uint8_t bit[SECTIONS_MAX / 8];
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool qevm_look(const uint8_t *p, size_t n, uint32_t *version)
{
    if (n < 4 || memcmp(p, QEVM_MAGIC, 4) != 0)
        return false;
    *version = n < QEVM_HEADER ? 0 : be32(p + 4);
    return true;
}

bool qevm_near(const uint8_t *p, size_t n)
{
    static const char magic[] = QEVM_MAGIC;
    unsigned same = 0;

    for (size_t i = 0; i < 4 && i < n; i++)
        same += p[i] == (uint8_t)magic[i];
    return same >= 3;
}

static bool is_name(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool letter = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') ||
                      (p[i] >= '0' && p[i] <= '9');

        if (!letter && (!i || !p[i] || !strchr("-_/:.,() ", p[i])))
            return false;
    }
    return n > 0;
}

/* Is there a section of version 3 at byte `at`? */
static bool section_at(const uint8_t *p, size_t n, size_t at, const struct seen *seen,
                       struct section *s)
{
    size_t left = n - at, name;

    if (left < 15 || (p[at] != SECTION_FULL && p[at] != SECTION_START))
        return false;
    s->at = at;
    s->type = p[at];
    s->id = be32(p + at + 1);
    name = p[at + 5];
    if (s->id >= SECTIONS_MAX || (seen->bit[s->id / 8] >> (s->id % 8) & 1) || !name ||
        name > NAME_MAX_BYTES || left < name + 14 || !is_name(p + at + 6, name))
        return false;
    s->name = p + at + 6;
    s->name_length = (uint8_t)name;
    s->instance = be32(s->name + name);
    s->version = be32(s->name + name + 4);
    s->data = at + 14 + name;
    return s->instance <= INSTANCE_MAX && s->version <= VERSION_MAX;
}

bool qevm_has(const uint8_t *p, size_t n, const char *name)
{
    size_t length = strlen(name), at = QEVM_HEADER;
    struct seen seen = { { 0 } };
    struct section s;

    n = n < QEVM_LOOK ? n : QEVM_LOOK;
    while (at < n) {
        if (!section_at(p, n, at, &seen, &s)) {
            at++;
            continue;
        }
        if (s.name_length >= length && !memcmp(s.name + s.name_length - length, name, length) &&
            (s.name_length == length || s.name[s.name_length - length - 1] == '/'))
            return true;
        seen.bit[s.id / 8] |= (uint8_t)(1U << (s.id % 8));
        at = s.data;
    }
    return false;
}

static void put_section(struct xsi_decode *d, size_t base, const struct section *s, uint64_t end)
{
    uint64_t at = base + s->at, name = base + s->at + (s->type ? 6 : 1);

    xsi_open(d, NULL, XSI_GROUP, at, end - s->at);
    xsi_put_text(d, "name", XSI_TEXT, name, s->name, s->name_length);
    if (s->type) {
        xsi_put_name(d, "type", at, 1, s->type, section_types);
        xsi_put(d, "id", XSI_UINT, at + 1, 4, s->id, NULL);
    }
    name += s->name_length;
    xsi_put(d, "instance", XSI_UINT, name, 4, s->instance, NULL);
    xsi_put(d, "version", XSI_UINT, name + 4, 4, s->version, NULL);
    xsi_put(d, "data", XSI_UINT, base + s->data, end - s->data, end - s->data, "bytes");
    xsi_close(d);
}

/* Version 3: n bytes are there, out of length. */
static void sections_by_shape(struct xsi_decode *d, size_t base, size_t n, uint64_t length)
{
    const uint8_t *p = d->bytes + base;
    struct seen seen = { { 0 } };
    struct section s, next;
    unsigned count = 0;

    if (!section_at(p, n, QEVM_HEADER, &seen, &s))
        return;
    xsi_open(d, "sections", XSI_LIST, base + QEVM_HEADER, length - QEVM_HEADER);
    for (bool more = true; more && count < SECTIONS_MAX; count++, s = next) {
        size_t at = s.data;

        seen.bit[s.id / 8] |= (uint8_t)(1U << (s.id % 8));
        while (at < n && !section_at(p, n, at, &seen, &next))
            at++;
        more = at < n;
        /* the last one ends in front of the zero byte that ends the state */
        if (!more)
            at = n == length && n > s.data && !p[n - 1] ? n - 1 : n;
        put_section(d, base, &s, at);
    }
    xsi_close(d);
    if (n == length)
        xsi_put(d, "ends_in_zero", XSI_BOOL, base + n - 1, 1, !p[n - 1], NULL);
}

/* Versions 1 and 2: name, instance, version and the length of the data. */
static void sections_by_length(struct xsi_decode *d, size_t base, size_t n, size_t at,
                               uint64_t length)
{
    const uint8_t *p = d->bytes + base;
    struct section s = { 0 };
    unsigned count = 0;

    xsi_open(d, "sections", XSI_LIST, base + at, length > at ? length - at : 0);
    for (; at < n && count < SECTIONS_MAX; count++) {
        size_t name = p[at];
        uint32_t size;

        if (n - at < name + 13 || !is_name(p + at + 1, name))
            break;
        s.at = at;
        s.name = p + at + 1;
        s.name_length = (uint8_t)name;
        s.instance = be32(s.name + name);
        s.version = be32(s.name + name + 4);
        size = be32(s.name + name + 8);
        s.data = at + name + 13;
        if (size > n - s.data)
            size = (uint32_t)(n - s.data);
        at = s.data + size;
        put_section(d, base, &s, at);
    }
    xsi_close(d);
}

void qevm_decode(struct xsi_decode *d, size_t base, uint64_t length)
{
    size_t n = d->have > base ? d->have - base : 0;
    const uint8_t *p = d->bytes + base;
    uint32_t version;

    if (n > length)
        n = (size_t)length;
    if (n > QEVM_LOOK)
        n = QEVM_LOOK;
    if (n < QEVM_HEADER)
        return;
    version = be32(p + 4);
    xsi_put_text(d, "magic", XSI_TEXT, base, p, 4);
    xsi_put_name(d, "version", base + 4, 4, version, versions);
    if (memcmp(p, QEVM_MAGIC, 4) != 0)
        return;
    if (version == 2 && n >= 16)
        xsi_put(d, "total_length", XSI_UINT, base + 8, 8,
                (uint64_t)be32(p + 8) << 32 | be32(p + 12), "bytes");
    if (d->detail < 2)
        return;
    if (version == 3)
        sections_by_shape(d, base, n, length);
    else if (version == 1 || version == 2)
        sections_by_length(d, base, n, version == 1 ? 8 : 16, length);
}
