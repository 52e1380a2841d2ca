/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of xsi_plugin.h that is about conversion: what a format gives to the neutral model
 * ("take"), and how a layer of it is written from there ("give"). Both sides know only their own
 * format; items and batches of pages are all that passes between them (xsi_convert.h).
 */
#ifndef XSI_PLUGIN_CONVERT_H
#define XSI_PLUGIN_CONVERT_H

#include "xsi_plugin.h"

/* ---------------------------------------------------------------- from a format ---- */

/*
 * A format's `take` is handed each chunk of its layers that the walk gave out, in order, and says
 * what it means. It is called twice for a seekable input: once for the survey, once while pages
 * stream; items of the second pass are ignored, so it need not know. 0 or -errno; with
 * xsi_take_cannot() the conversion is refused.
 */
struct xsi_take;
/* One entry of a batch of pages. */
struct xsi_frame_entry {
    uint64_t pfn;
    uint8_t type; /* nibble as in record PAGE_DATA: 0 NOTAB, 1-4 L1-L4, 9-12 pinned, 13 BROKEN, 14
                     XALLOC, 15 XTAB; legacy streams use the same */
};
XSI_API bool xsi_frame_carries(uint8_t type); /* a page stands in the stream for it */

/* Zeroed memory of the format, as large as its take_size says, for the whole pass. */
XSI_API void *xsi_take_state(struct xsi_take *t);
XSI_API struct xsi_vm *xsi_take_vm(struct xsi_take *t); /* scalar members may be set */
XSI_API const struct xsi_chunk *xsi_take_chunk(const struct xsi_take *t);
/* The layer of the chunk: its `state` is as the dissector left it behind this chunk. */
XSI_API const struct xsi_layer *xsi_take_layer(const struct xsi_take *t);
/* The first pass over a seekable input: page data will not be used. */
XSI_API bool xsi_take_survey(const struct xsi_take *t);
/* Exactly n bytes from byte `from` of the chunk, n at most 8 MiB, valid until the next call; NULL:
 * they are not there (cut, unreadable): return -EBADMSG then, the engine has the words. */
XSI_API const uint8_t *xsi_take_bytes(struct xsi_take *t, uint64_t from, size_t n);

/* An item: bytes are copied (at most 64 MiB); or lie in the chunk from byte `from` on. */
XSI_API int xsi_take_item(struct xsi_take *t, enum xsi_item_kind kind, uint64_t id,
                          const void *bytes, size_t n);
XSI_API int xsi_take_range(struct xsi_take *t, enum xsi_item_kind kind, uint64_t id, uint64_t from,
                           uint64_t length);
XSI_API int xsi_take_u64(struct xsi_take *t, enum xsi_item_kind kind, uint64_t id, uint64_t value);
/* A batch of any length; its pages lie one behind the other from byte `from` of the chunk on. */
XSI_API int xsi_take_pages(struct xsi_take *t, const struct xsi_frame_entry *entry, size_t count,
                           uint64_t from);
/* The same with pages in memory (expanded ones), one per entry that carries; copied. */
XSI_API int xsi_take_pages_made(struct xsi_take *t, const struct xsi_frame_entry *entry,
                                size_t count, const uint8_t *pages);
/* Remus compression: the page as the receiver has it behind everything taken so far. Needs
 * xsi_take_keep_pages() from the first page on. False: no page was sent, or it cannot be read. */
XSI_API bool xsi_take_page(struct xsi_take *t, uint64_t pfn, uint8_t page[4096]);
XSI_API int xsi_take_keep_pages(struct xsi_take *t); /* in the survey: the second pass needs it */
/* A checkpoint is complete behind this chunk. */
XSI_API void xsi_take_checkpoint(struct xsi_take *t);
/* Nothing behind this chunk belongs to the image (its END, with its tail). */
XSI_API void xsi_take_end(struct xsi_take *t);
/* Something left out or assumed that the user should know; told once, whatever passes there are. */
XSI_API void xsi_take_note(struct xsi_take *t, const char *fmt, ...) XSI_PRINTF(2, 3);
/* It cannot be converted, and why; returns -ENOTSUP for the caller to return. */
XSI_API int xsi_take_cannot(struct xsi_take *t, const char *fmt, ...) XSI_PRINTF(2, 3);

/* ---------------------------------------------------------------- into a format ---- */

/*
 * A writer is one row and one file in the folder of its format. A conversion has a stack of them,
 * outermost first. begin() of all of them is called outermost first, then pages() of the stream's
 * for each batch, then end() innermost first; a device-model record (XSI_LAYER_EMULATOR) stands
 * behind the stream and has its begin() and end() when the stream has ended. check() comes before
 * all that, as soon as facts are there: before the first byte for a seekable input, before end()
 * for a pipe.
 */
struct xsi_give;
/* Up to XSI_BATCH_MAX entries with their pages. */
struct xsi_pages {
    const struct xsi_frame_entry *entry;
    size_t count, carrying;
    const uint8_t *made; /* the pages, in memory; NULL: */
    uint64_t offset;     /* they stand one behind the other in the input from here on */
};

struct xsi_writer {
    const char *layer; /* contract name; NULL ends a table */
    const char *help;  /* one line */
    enum xsi_layer_kind kind;
    unsigned variant;   /* the format's own: width, version … */
    const char *inside; /* what goes into it when the user did not say, e.g. "libxl-v2>libxc-v3";
                           a device-model record form stands last: "libxc-legacy64>qemu-trad".
                           "libxc-legacy" without a width: the input's, else 64; NULL: nothing */
    bool emulator;      /* holds a device model's state itself: no record behind the stream */
    size_t state_size;
    /* What the target cannot hold is told with xsi_give_drops() here. NULL: it holds all. */
    int (*check)(struct xsi_give *g);
    int (*begin)(struct xsi_give *g);                            /* headers; NULL: none */
    int (*pages)(struct xsi_give *g, const struct xsi_pages *p); /* streams only */
    int (*end)(struct xsi_give *g);                              /* NULL: nothing */
};

XSI_API const struct xsi_vm *xsi_give_vm(const struct xsi_give *g);
XSI_API const struct xsi_writer *xsi_give_writer(const struct xsi_give *g);
/* The writer around (outer true) or inside this one; NULL: none. */
XSI_API const struct xsi_writer *xsi_give_neighbour(const struct xsi_give *g, bool outer);
XSI_API const struct xsi_convert_options *xsi_give_options(const struct xsi_give *g);
/* The release that the output is for: 40302 = 4.3.2; 0 = none in particular. */
XSI_API unsigned xsi_give_release(const struct xsi_give *g);
XSI_API void *xsi_give_state(struct xsi_give *g);
/* Bytes of output so far; those since this writer's begin(). */
XSI_API uint64_t xsi_give_at(const struct xsi_give *g);
XSI_API uint64_t xsi_give_length(const struct xsi_give *g);
XSI_API int xsi_give_bytes(struct xsi_give *g, const void *bytes, size_t n);
XSI_API int xsi_give_le32(struct xsi_give *g, uint32_t v);
XSI_API int xsi_give_le64(struct xsi_give *g, uint64_t v);
XSI_API int xsi_give_be32(struct xsi_give *g, uint32_t v);
XSI_API int xsi_give_zeros(struct xsi_give *g, size_t n);
/* The bytes of an item (all of them), wherever they are. */
XSI_API int xsi_give_item(struct xsi_give *g, const struct xsi_item *item);
/* The item's bytes in memory (at most 64 MiB), until the conversion ends; NULL with -errno told. */
XSI_API const uint8_t *xsi_give_item_bytes(struct xsi_give *g, const struct xsi_item *item);
/* The pages of a batch. */
XSI_API int xsi_give_pages(struct xsi_give *g, const struct xsi_pages *p);
/* The target cannot hold this: 0 when the user said that it may be left out (it is noted), else
 * -ENOTSUP, to be returned. */
XSI_API int xsi_give_drops(struct xsi_give *g, const char *fmt, ...) XSI_PRINTF(2, 3);
/* A fact that must be known by now is not: -ESPIPE for a pipe ("… is only known at the end"),
 * -EBADMSG for an image that lacks it. To be returned. */
XSI_API int xsi_give_needs(struct xsi_give *g, const char *fmt, ...) XSI_PRINTF(2, 3);
/* Something assumed or changed that the user should know. */
XSI_API void xsi_give_note(struct xsi_give *g, const char *fmt, ...) XSI_PRINTF(2, 3);
/* It cannot be written, and why; returns -ENOTSUP. */
XSI_API int xsi_give_cannot(struct xsi_give *g, const char *fmt, ...) XSI_PRINTF(2, 3);

#endif
