/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xsgen: a deterministic generator of save images. A recipe (text) goes in, an image comes out.
 *
 * An image is a list of segments (literal bytes, holes, pages and batch headers that are computed
 * when they are written) plus rows that say where each chunk lies. Damage edits the list, and the
 * rows move along, so that the true boundaries are known behind any damage.
 *
 * This program knows the formats on its own account: it shares no code and no table with the
 * library that it is used to test.
 */
#ifndef XSGEN_H
#define XSGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PAGE      4096U
#define NO_ID     INT64_MIN
#define LIST_MAX  64
#define BATCH_MAX 2048 /* entries; writers stop at 1024 */
#define PATH_LEN  1024

/* ------------------------------------------------------------------ recipe ---- */

enum format { FORMAT_LEGACY, FORMAT_V2, FORMAT_QEVM, FORMAT_RAW };
enum guest { GUEST_PV64, GUEST_PV32, GUEST_HVM, GUEST_PVH };
enum container { BOX_NONE, BOX_XL, BOX_XEND, BOX_XAPI, BOX_XAPI_V2, BOX_LIBVIRT, BOX_LIBXL };
enum qemu { QEMU_NONE, QEMU_XEND, QEMU_0002, QEMU_REMUS, QEMU_XAPI, QEMU_LE, QEMU_TRAD, QEMU_XEN };
enum fill { FILL_RANDOM, FILL_ZERO, FILL_TEXT, FILL_PATTERN, FILL_MIXED };
enum order { ORDER_LITTLE, ORDER_BIG };
enum config { CONFIG_AUTO, CONFIG_NONE, CONFIG_TEXT, CONFIG_JSON };
enum special { SPECIAL_LOW, SPECIAL_HIGH };

struct list {
    unsigned n;
    uint64_t at[LIST_MAX];
};

/* Every number is 64 bits wide so that one table row can describe any key. */
struct recipe {
    uint64_t format, guest, container, qemu, fill, order, config, special;
    uint64_t width, era, version, pages, p2m, vcpus, seed, batch, levels;
    uint64_t qemu_size, qemu_version, checkpoints, unmapped;
    uint64_t compress, verify, sparse, pae_cr3, garbage, compact, converted, emu_xenstore;
    uint64_t last, tsc, ext, vcpu_info; /* 0 off, 1 on, 2 as the era does */
    uint64_t toolstack;                 /* entries; UINT64_MAX: as the era does */
    uint64_t cpuid, msrs, vcpu_msrs;
    struct list live, xsave, offline, tmem, tmem_extra, broken, type, param, parts;
    char name[64], uuid[40];
    char folder[PATH_LEN]; /* of the recipe: where included files are looked for */
    unsigned depth;
};

/* One damage line, kept as text until the image is there. */
struct damage {
    char *line;
    const char *where; /* recipe file */
    unsigned number;
    struct damage *next;
};

/* ------------------------------------------------------------------ image ---- */

enum seg_kind { SEG_BYTES, SEG_ZERO, SEG_PAGE, SEG_BATCH };

struct seg {
    enum seg_kind kind;
    uint64_t length;
    uint64_t from; /* first byte of what the segment would yield in full */
    uint8_t *bytes;
    size_t room;    /* allocated for bytes; 0: they are not to grow */
    size_t owner;   /* its place among image.owned */
    uint64_t pfn;   /* PAGE: frame; BATCH: first frame */
    uint32_t count; /* PAGE: version; BATCH: entries */
    uint32_t form;  /* BATCH: enum batch_form */
};

enum batch_form { BATCH_LEGACY32, BATCH_LEGACY64, BATCH_V2_LITTLE, BATCH_V2_BIG };

struct row {
    uint64_t start, end;
    const char *layer, *type;
    int64_t id; /* NO_ID: none */
    uint64_t pages;
    bool damaged;
};

struct image {
    const struct recipe *r;
    struct seg *segs;
    size_t seg_count, seg_room;
    struct row *rows;
    size_t row_count, row_room;
    uint8_t **owned; /* all memory of bytes: segments may share it, so that it is freed last */
    size_t owned_count, owned_room;
    uint64_t size;
    bool big;            /* byte order of what put16() … put64() write */
    const char *layer;   /* of the rows that are begun */
    uint64_t align_base; /* records are padded relative to this offset */
};

/* rope.c: building */
void put(struct image *g, const void *bytes, size_t n);
void put_zeros(struct image *g, uint64_t n);
void put_page(struct image *g, uint64_t pfn, uint32_t version);
void put_batch(struct image *g, uint64_t first, uint32_t count, enum batch_form form);
void put8(struct image *g, uint8_t v);
void put16(struct image *g, uint16_t v);
void put32(struct image *g, uint32_t v);
void put64(struct image *g, uint64_t v);
void put_be16(struct image *g, uint16_t v);
void put_be32(struct image *g, uint32_t v);
void put_be64(struct image *g, uint64_t v);
void put_text(struct image *g, const char *text);
/* An unsigned long of the toolstack. */
void put_ul(struct image *g, uint64_t v);
void row_begin(struct image *g, const char *type, int64_t id);
void row_end(struct image *g, uint64_t pages);
/* rope.c: editing and reading */
void image_splice(struct image *g, uint64_t at, uint64_t removed, const void *bytes, size_t n);
void image_splice_zeros(struct image *g, uint64_t at, uint64_t n);
void image_join(struct image *g, struct image *tail);
void image_read(const struct image *g, uint64_t at, void *out, size_t n);
int image_write(const struct image *g, FILE *out, bool can_seek);
void image_layout(const struct image *g, FILE *out);
void image_free(struct image *g);
void *grown(void *old, size_t *room, size_t need, size_t each);

/* recipe.c */
void recipe_load(const char *path, struct recipe *r, struct damage **damage);
void recipe_keys(FILE *out);
void recipe_free(struct damage *damage);
bool number(const char *text, uint64_t *value);
/* A message with the place, then exit status 1. */
__attribute__((noreturn, format(printf, 3, 4))) void fail(const char *where, unsigned line,
                                                          const char *fmt, ...);

/* damage.c */
void damage_apply(struct image *g, const struct damage *d);
/* xsgen.c: a whole image of a recipe file; depth guards against loops. */
void generate(const char *path, unsigned depth, struct recipe *r, struct image *g);

/* content.c */
uint64_t noise(uint64_t seed, uint64_t a, uint64_t b);
void page_fill(const struct recipe *r, uint64_t pfn, uint32_t version, uint8_t page[PAGE]);
bool page_delta_word(uint64_t pfn, uint32_t version, unsigned *word);
void poke(uint8_t *at, uint64_t value, unsigned bytes);

/* guest.c: what the guest looks like */
enum {
    PFN_START_INFO = 5,
    PFN_GDT = 8,
    PFN_P2M = 11,
    PFN_ROOT = 12,
    PFN_L3 = 13,
    PFN_L2 = 14,
    PFN_L1 = 18,
    PFN_USER_ROOT = 20,
    PFN_PLAIN = 21
};
enum { TYPE_BROKEN = 13, TYPE_XALLOC = 14, TYPE_XTAB = 15 };
bool is_pv(const struct recipe *r);
unsigned guest_width(const struct recipe *r);
uint64_t p2m_size(const struct recipe *r);
bool is_present(const struct recipe *r, uint64_t pfn);
unsigned page_type(const struct recipe *r, uint64_t pfn);
bool is_hot(const struct recipe *r, uint64_t pfn);
uint64_t p2m_frame(const struct recipe *r, uint64_t index);
bool vcpu_online(const struct recipe *r, unsigned vcpu);
uint64_t special_pfn(const struct recipe *r, uint64_t high);
uint64_t param_of(const struct recipe *r, int64_t id, uint64_t normal);
/* pass 0 is the first; the last one is the one with the guest suspended. */
bool in_pass(const struct recipe *r, uint64_t pfn, unsigned pass, uint64_t *taken);

/* state.c: registers and devices */
void put_vcpu_context(struct image *g, unsigned vcpu, bool at_start);
void put_extended(struct image *g, unsigned vcpu, unsigned length);
void put_xsave(struct image *g, uint64_t length);
void put_shared_info(struct image *g);
size_t hvm_context_size(const struct recipe *r);
void put_hvm_context(struct image *g);
void put_qevm(struct image *g, uint64_t length);

/* legacy.c, legacy_tail.c, v2.c, container.c */
void legacy_stream(struct image *g);
void legacy_tail(struct image *g, unsigned checkpoint);
void legacy_chunks(struct image *g, unsigned checkpoint);
void legacy_tmem(struct image *g);
void legacy_tmem_extra(struct image *g);
void legacy_qemu_record(struct image *g);
void v2_stream(struct image *g, bool in_libxl);
void libxl_stream(struct image *g);
void libxl_emulator(struct image *g);
void container_image(struct image *g);

#define ERA(major, minor, point) ((major)*10000U + (minor)*100U + (point))
#define COUNT(a)                 (sizeof(a) / sizeof((a)[0]))

#endif
