/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading a recipe: one table row per key. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "xsgen.h"

#define LINE_LEN  8192
#define DEPTH_MAX 4

enum kind { KIND_NUMBER, KIND_WORD, KIND_LIST, KIND_ERA, KIND_TEXT, KIND_WORDS };

struct key {
    const char *name;
    size_t offset;
    enum kind kind;
    uint64_t min, max;        /* NUMBER and LIST: bounds of each number; TEXT: max = room */
    const char *const *words; /* WORD: its index is the value */
    const char *help;
};

#define FIELD(f) offsetof(struct recipe, f)

static const char *const formats[] = { "legacy", "v2", "qevm", "raw", NULL };
static const char *const guests[] = { "pv64", "pv32", "hvm", "pvh", NULL };
static const char *const boxes[] = { "none",    "xl",      "xend",  "xapi",
                                     "xapi-v2", "libvirt", "libxl", NULL };
static const char *const qemus[] = { "none", "xend", "0002",     "remus", "xapi",
                                     "le",   "trad", "upstream", NULL };
static const char *const fills[] = { "random", "zero", "text", "pattern", "mixed", NULL };
static const char *const orders[] = { "little", "big", NULL };
static const char *const configs[] = { "auto", "none", "text", "json", NULL };
static const char *const specials[] = { "low", "high", NULL };
static const char *const switches[] = { "off", "on", NULL };
static const char *const switches3[] = { "off", "on", "auto", NULL };
static const char *const parts[] = { "xenops",   "libxc",   "libxl",     "libxc-legacy", "qemu",
                                     "qemu-xen", "demu",    "varstored", "swtpm0",       "swtpm",
                                     "end",      "unknown", NULL };

static const struct key keys[] = {
    { "format", FIELD(format), KIND_WORD, 0, 0, formats, "kind of memory stream" },
    { "guest", FIELD(guest), KIND_WORD, 0, 0, guests, "guest type" },
    { "container", FIELD(container), KIND_WORD, 0, 0, boxes, "what stands around the stream" },
    { "config", FIELD(config), KIND_WORD, 0, 0, configs, "domain configuration in it" },
    { "width", FIELD(width), KIND_NUMBER, 32, 64, NULL, "bits of the legacy toolstack" },
    { "era", FIELD(era), KIND_ERA, 0, 0, NULL, "Xen release of the writer, 3.0 to 4.22" },
    { "version", FIELD(version), KIND_NUMBER, 0, UINT32_MAX, NULL, "of the v2 image header" },
    { "order", FIELD(order), KIND_WORD, 0, 0, orders, "byte order of a v2 stream" },
    { "pages", FIELD(pages), KIND_NUMBER, 0, 1ULL << 28, NULL, "pages of guest memory" },
    { "p2m-size", FIELD(p2m), KIND_NUMBER, 0, 1ULL << 28, NULL, "highest frame + 1" },
    { "unmapped", FIELD(unmapped), KIND_NUMBER, 0, 1ULL << 20, NULL, "PV: frames without page" },
    { "special", FIELD(special), KIND_WORD, 0, 0, specials, "HVM special pages: RAM top, FEFFx" },
    { "vcpus", FIELD(vcpus), KIND_NUMBER, 1, 4096, NULL, "number of vCPUs" },
    { "offline", FIELD(offline), KIND_LIST, 1, 4095, NULL, "vCPUs that are down" },
    { "seed", FIELD(seed), KIND_NUMBER, 0, UINT64_MAX, NULL, "of everything random" },
    { "fill", FIELD(fill), KIND_WORD, 0, 0, fills, "contents of plain pages" },
    { "batch", FIELD(batch), KIND_NUMBER, 1, BATCH_MAX, NULL, "most entries in a batch" },
    { "levels", FIELD(levels), KIND_NUMBER, 2, 4, NULL, "page-table levels of a PV guest" },
    { "live", FIELD(live), KIND_LIST, 1, 1 << 20, NULL, "dirty pages of passes 2, 3, …" },
    { "checkpoints", FIELD(checkpoints), KIND_NUMBER, 1, 64, NULL, "Remus checkpoints" },
    { "compress", FIELD(compress), KIND_WORD, 0, 0, switches, "Remus compression" },
    { "verify", FIELD(verify), KIND_WORD, 0, 0, switches, "debug save: everything twice" },
    { "sparse", FIELD(sparse), KIND_WORD, 0, 0, switches, "plain pages are holes" },
    { "xsave", FIELD(xsave), KIND_LIST, 0, 1 << 16, NULL, "bytes of xsave data per vCPU" },
    { "pae-cr3", FIELD(pae_cr3), KIND_WORD, 0, 0, switches, "PV32: pae_extended_cr3" },
    { "garbage", FIELD(garbage), KIND_WORD, 0, 0, switches, "noise in bytes nobody set" },
    { "tmem", FIELD(tmem), KIND_LIST, 0, 1 << 16, NULL, "object id bytes, pools, pages each" },
    { "tmem-extra", FIELD(tmem_extra), KIND_LIST, 0, 1 << 16, NULL, "object id bytes, items" },
    { "toolstack", FIELD(toolstack), KIND_NUMBER, 0, 64, NULL, "entries of that chunk" },
    { "broken", FIELD(broken), KIND_LIST, 0, 1ULL << 28, NULL, "frames of bad memory" },
    { "type", FIELD(type), KIND_LIST, 0, 1ULL << 28, NULL, "pairs: frame, type nibble" },
    { "param", FIELD(param), KIND_LIST, 0, UINT64_MAX, NULL, "pairs: chunk id or index, value" },
    { "last-checkpoint", FIELD(last), KIND_WORD, 0, 0, switches3, "LAST_CHECKPOINT chunk" },
    { "tsc-info", FIELD(tsc), KIND_WORD, 0, 0, switches3, "TSC_INFO chunk or record" },
    { "ext-info", FIELD(ext), KIND_WORD, 0, 0, switches3, "extended info of a PV stream" },
    { "vcpu-info", FIELD(vcpu_info), KIND_WORD, 0, 0, switches3, "VCPU_INFO chunk" },
    { "qemu", FIELD(qemu), KIND_WORD, 0, 0, qemus, "form of the device-model record" },
    { "qemu-size", FIELD(qemu_size), KIND_NUMBER, 0, 1 << 26, NULL, "bytes of its state" },
    { "qemu-version", FIELD(qemu_version), KIND_NUMBER, 1, 3, NULL, "of its QEVM header" },
    { "emulator-xenstore", FIELD(emu_xenstore), KIND_WORD, 0, 0, switches, "libxl physmap data" },
    { "compact", FIELD(compact), KIND_WORD, 0, 0, switches, "v2: leave out empty batches" },
    { "converted", FIELD(converted), KIND_WORD, 0, 0, switches, "v2: by Xen's converter" },
    { "cpuid", FIELD(cpuid), KIND_NUMBER, 0, 256, NULL, "v3: leaves of the CPUID policy" },
    { "msrs", FIELD(msrs), KIND_NUMBER, 0, 64, NULL, "v3: entries of the MSR policy" },
    { "vcpu-msrs", FIELD(vcpu_msrs), KIND_NUMBER, 0, 64, NULL, "v2 PV: MSRs per vCPU" },
    { "parts", FIELD(parts), KIND_WORDS, 0, 0, parts, "parts of a xapi-v2 image" },
    { "name", FIELD(name), KIND_TEXT, 0, 64, NULL, "of the guest" },
    { "uuid", FIELD(uuid), KIND_TEXT, 0, 40, NULL, "of the guest" },
};

void fail(const char *where, unsigned line, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "xsgen: %s:", where);
    if (line)
        fprintf(stderr, "%u:", line);
    fputc(' ', stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

bool number(const char *text, uint64_t *value)
{
    char *end;
    bool minus = text[0] == '-';

    if (!isdigit((unsigned char)text[minus]))
        return false;
    errno = 0;
    *value = strtoull(text + minus, &end, 0);
    if (minus)
        *value = -*value;
    return *end == '\0' && errno == 0;
}

static uint64_t *slot(struct recipe *r, const struct key *k)
{
    return (uint64_t *)(void *)((char *)r + k->offset);
}

static uint64_t word_value(const struct key *k, const char *word, const char *where, unsigned line)
{
    unsigned i;

    for (i = 0; k->words[i]; i++)
        if (strcmp(k->words[i], word) == 0)
            return i;
    fprintf(stderr, "xsgen: %s:%u: %s: '%s' is none of:", where, line, k->name, word);
    for (i = 0; k->words[i]; i++)
        fprintf(stderr, " %s", k->words[i]);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t bounded(const struct key *k, const char *word, const char *where, unsigned line)
{
    uint64_t v;

    if (!number(word, &v))
        fail(where, line, "%s: '%s' is no number", k->name, word);
    if (v < k->min || v > k->max)
        fail(where, line, "%s: %s is outside %llu to %llu", k->name, word,
             (unsigned long long)k->min, (unsigned long long)k->max);
    return v;
}

/* "4.1.3"; a bare series means its last point release, as for readers. */
static uint64_t era_value(const char *word, const char *where, unsigned line)
{
    unsigned major, minor, point = 99;
    int used = 0;

    if (sscanf(word, "%2u.%2u.%2u%n", &major, &minor, &point, &used) < 3) {
        point = 99;
        if (sscanf(word, "%2u.%2u%n", &major, &minor, &used) < 2)
            used = 0;
    }
    if (used == 0 || word[used] || ERA(major, minor, 0) < ERA(3, 0, 0) ||
        ERA(major, minor, 0) > ERA(4, 22, 0) || (major == 3 && minor > 4))
        fail(where, line, "era: '%s' is no release from 3.0 to 4.22", word);
    return ERA(major, minor, point);
}

static void key_list(struct list *list, const struct key *k, char *rest, const char *where,
                     unsigned line)
{
    char *save = NULL, *word;

    list->n = 0; /* a later line takes the place of an earlier one */
    for (word = strtok_r(rest, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) {
        if (list->n == LIST_MAX)
            fail(where, line, "%s: more than %d values", k->name, LIST_MAX);
        list->at[list->n++] = k->kind == KIND_WORDS ? word_value(k, word, where, line)
                                                    : bounded(k, word, where, line);
    }
}

static void key_set(struct recipe *r, const struct key *k, char *rest, const char *where,
                    unsigned line)
{
    if (*rest == '\0')
        fail(where, line, "%s: a value is missing", k->name);
    switch (k->kind) {
    case KIND_NUMBER:
        *slot(r, k) = bounded(k, rest, where, line);
        break;
    case KIND_WORD:
        *slot(r, k) = word_value(k, rest, where, line);
        break;
    case KIND_ERA:
        *slot(r, k) = era_value(rest, where, line);
        break;
    case KIND_LIST:
    case KIND_WORDS:
        key_list((struct list *)(void *)((char *)r + k->offset), k, rest, where, line);
        break;
    case KIND_TEXT:
        if (strlen(rest) >= k->max)
            fail(where, line, "%s: longer than %u bytes", k->name, (unsigned)k->max - 1);
        memcpy((char *)r + k->offset, rest, strlen(rest) + 1);
        break;
    }
}

void recipe_keys(FILE *out)
{
    size_t i;
    unsigned w;

    for (i = 0; i < COUNT(keys); i++) {
        fprintf(out, "  %-18s %s", keys[i].name, keys[i].help);
        for (w = 0; keys[i].words && keys[i].words[w]; w++)
            fprintf(out, "%s%s", w ? " | " : ": ", keys[i].words[w]);
        fputc('\n', out);
    }
}

static void damage_add(struct damage **damage, const char *text, const char *where, unsigned line)
{
    struct damage *d = calloc(1, sizeof(*d)), **tail = damage;

    if (d == NULL || (d->line = strdup(text)) == NULL || (d->where = strdup(where)) == NULL)
        fail(where, line, "out of memory");
    d->number = line;
    while (*tail)
        tail = &(*tail)->next;
    *tail = d;
}

static void load(const char *path, struct recipe *r, struct damage **damage, unsigned depth);

static void load_line(char *text, struct recipe *r, struct damage **damage, const char *where,
                      unsigned line, unsigned depth)
{
    size_t n = strcspn(text, " \t"), i;
    char *rest = text + n + strspn(text + n, " \t");

    if (n == 7 && strncmp(text, "include", n) == 0) {
        char path[PATH_LEN * 2];

        snprintf(path, sizeof(path), "%s/%s", r->folder, rest);
        load(path, r, damage, depth + 1);
        return;
    }
    for (i = 0; i < COUNT(keys); i++) {
        if (strlen(keys[i].name) == n && strncmp(keys[i].name, text, n) == 0) {
            key_set(r, &keys[i], rest, where, line);
            return;
        }
    }
    damage_add(damage, text, where, line); /* judged when it is applied */
}

static void load(const char *path, struct recipe *r, struct damage **damage, unsigned depth)
{
    char text[LINE_LEN];
    unsigned line = 0;
    FILE *f;

    if (depth > DEPTH_MAX)
        fail(path, 0, "recipes include each other more than %d deep", DEPTH_MAX);
    f = fopen(path, "r");
    if (f == NULL)
        fail(path, 0, "%s", strerror(errno));
    while (fgets(text, sizeof(text), f)) {
        char *start = text;
        size_t n = strlen(text);

        line++;
        if (n + 1 == sizeof(text))
            fail(path, line, "line longer than %d bytes", LINE_LEN - 2);
        while (n && isspace((unsigned char)text[n - 1]))
            text[--n] = '\0';
        while (isspace((unsigned char)*start))
            start++;
        if (*start && *start != '#')
            load_line(start, r, damage, path, line, depth);
    }
    fclose(f);
}

static void set_folder(struct recipe *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 1;

    if (n >= sizeof(r->folder))
        fail(path, 0, "path too long");
    memcpy(r->folder, slash ? path : ".", n);
    r->folder[n] = '\0';
}

void recipe_load(const char *path, struct recipe *r, struct damage **damage)
{
    memset(r, 0, sizeof(*r));
    *damage = NULL;
    r->width = 64;
    r->era = ERA(4, 1, 99);
    r->vcpus = 1;
    r->batch = 1024;
    r->seed = 1;
    r->last = r->tsc = r->ext = r->vcpu_info = 2;
    r->toolstack = r->cpuid = r->msrs = UINT64_MAX;
    r->qemu_size = 3000;
    strcpy(r->name, "sample");
    strcpy(r->uuid, "8d2f3c5e-5b1a-4c7e-9a44-0123456789ab");
    set_folder(r, path);
    load(path, r, damage, 0);
}

void recipe_free(struct damage *damage)
{
    while (damage) {
        struct damage *next = damage->next;

        free(damage->line);
        free((void *)(uintptr_t)damage->where);
        free(damage);
        damage = next;
    }
}
