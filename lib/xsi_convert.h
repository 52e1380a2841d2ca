/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Converting an image: the dissector of one format and the writer of another meet in a neutral
 * model. Pages stream through; everything else that a saved domain consists of is an item
 * (convert/items.def), held until it is written.
 *
 *     struct xsi_convert_options options = { .to = "xl" };
 *     struct xsi_convert *c = xsi_convert_new(src, &options, &err);
 *     for (size_t i = 0; xsi_convert_note(c, i); i++) ... what is left out or assumed ...
 *     rc = xsi_convert_check(c, "xen-4.17", &result, &err);   // nothing is written yet
 *     rc = xsi_convert_write(c, fd, &written, &err);
 *     xsi_convert_free(c);
 *
 * The input is a walk like any other. One that can seek is surveyed first: all facts are known
 * before the first byte of output, the last complete checkpoint is what the output holds, and a
 * refusal comes before anything is written. A pipe is converted as it comes; what would need a
 * later fact or an earlier page is refused with that fact's name (-ESPIPE), or the pipe is spooled
 * (xsi_source_spool()) and so made seekable.
 *
 * The output is a source that is read from front to back (xsi_convert_source()): a walk, a judge,
 * a file and a pipe pull on it alike, and page data that nobody looks at is never read: it goes to
 * a descriptor by splice() or copy_file_range() from the image's own. Conventions: as in xsi.h.
 */
#ifndef XSI_CONVERT_H
#define XSI_CONVERT_H

#include "xsi_edit.h"

/* ---------------------------------------------------------------- items ---- */

enum xsi_item_kind {
#define ITEM(id, ...) XSI_ITEM_##id,
#include "convert/items.def"
#undef ITEM
    XSI_ITEM_KINDS
};

/* Syntax of a configuration. */
enum xsi_syntax {
    XSI_SYNTAX_NONE,
    XSI_SYNTAX_XL,      /* xl.cfg text (xl 4.1 to 4.4) */
    XSI_SYNTAX_JSON,    /* libxl_domain_config as JSON (xl from 4.5 on) */
    XSI_SYNTAX_LIBVIRT, /* libvirt domain XML */
    XSI_SYNTAX_SXP,     /* xend's S-expression */
    XSI_SYNTAX_XENOPS   /* xenopsd's record in a xapi-v2 image */
};

/* One thing that a saved domain consists of. */
struct xsi_item {
    enum xsi_item_kind kind;
    uint64_t id;          /* what it says stands in items.def */
    const uint8_t *bytes; /* NULL: they lie in the image, at `offset` */
    uint64_t offset;      /* in the input: where it (or the chunk that gave it) begins */
    uint64_t length;
    bool early;          /* stood in front of the first page */
    unsigned checkpoint; /* complete checkpoints in front of it */
};

/* What is known of the domain. Items are in the input's order; of several with one kind and id the
 * last counts, and only that is kept. */
struct xsi_vm {
    enum xsi_guest guest;          /* PV, HVM or PVH (HVM when it cannot be told) */
    unsigned guest_bits;           /* PV: 32 or 64; 0 unknown */
    unsigned pt_levels;            /* PV: 2, 3 or 4; 0 unknown */
    unsigned toolstack_bits;       /* of a legacy input; 0: another */
    unsigned version;              /* of a v2 input: 2 or 3; 0: legacy */
    uint32_t xen_major, xen_minor; /* of its domain header; major 0: it was converted */
    bool has_p2m_size;             /* PV: max PFN + 1; HVM: likewise, from the header or a survey */
    uint64_t p2m_size;
    uint64_t highest_pfn; /* of the pages seen so far, when there are any */
    uint64_t pages;       /* pages with data seen so far, repeats included */
    unsigned checkpoints; /* complete ones seen so far */
    bool complete;        /* the whole input is known: a survey has been made, or it has ended */
    const struct xsi_info *info; /* of the walk */
    const char *emulator_layer; /* "qemu-trad" …: the record it came in; NULL none or no record */
    size_t item_count;
    const struct xsi_item *item;
};

/* The item, or NULL. */
XSI_API const struct xsi_item *xsi_vm_find(const struct xsi_vm *vm, enum xsi_item_kind kind,
                                           uint64_t id);
/* The first item of a kind at or behind index *i (0 to begin with), which moves behind it. */
XSI_API const struct xsi_item *xsi_vm_next(const struct xsi_vm *vm, enum xsi_item_kind kind,
                                           size_t *i);
/* "vCPU context" */
XSI_API const char *xsi_item_name(enum xsi_item_kind kind);

/* ---------------------------------------------------------------- a conversion ---- */

struct xsi_convert_options {
    /* Layer name ("libxc-v3", "xl", "xapi"): what goes into it is added; or a stack of them,
     * separated by '>' or ',' ("xl>libxc-legacy64"). */
    const char *to;
    const char *reader;   /* whom the output is for: what that release does not know is left out,
                             or refused; NULL = no release in particular */
    const char *as;       /* forced stack of the input; "libxc-legacy32:pv" */
    bool verbatim;        /* the memory stream is copied as it is (wrap, unwrap) */
    bool drop;            /* what the target cannot hold is left out (and named) */
    bool force;           /* also of a damaged input: what can be read */
    bool no_emulator;     /* leave the device model's state out: the caller takes care of it */
    bool zero_unreadable; /* pages that the medium cannot read become zero pages, and are named */
    const char *config;   /* configuration to put into the container instead of the input's; */
    enum xsi_syntax config_syntax; /* its syntax. NULL: the input's, translated where needed */
    const char *spool; /* folder for pages that must be kept (Remus compression); NULL = TMPDIR */
};

struct xsi_convert;
/*
 * NULL and err: EINVAL options (an unknown target, a stack that cannot be), EBADMSG the input is no
 * save image or is damaged (err names the place and what to do), ENOTSUP something that the target
 * cannot hold (named; options->drop leaves it out), ESPIPE a fact that only a seekable input gives.
 * src stays the caller's and must outlive it.
 */
XSI_API struct xsi_convert *xsi_convert_new(struct xsi_source *src,
                                            const struct xsi_convert_options *options,
                                            struct xsi_error *err);
XSI_API void xsi_convert_free(struct xsi_convert *c);
/* What was left out, filled or assumed, one line each; NULL behind the last. */
XSI_API const char *xsi_convert_note(const struct xsi_convert *c, size_t index);
/* What is known so far. Belongs to the conversion. */
XSI_API const struct xsi_vm *xsi_convert_vm(const struct xsi_convert *c);
/* Names of the output's layers, outermost first; NULL behind the last. */
XSI_API const char *xsi_convert_layer(const struct xsi_convert *c, size_t index);
/* Up to len bytes of an item, from `from` on; -errno. */
XSI_API ssize_t xsi_convert_item(struct xsi_convert *c, const struct xsi_item *item, uint64_t from,
                                 void *buf, size_t len);
/*
 * The output, forward only, the conversion's own. Reading it converts. Behind a fault of the input
 * or a refusal in the middle it ends early: read() gives -errno with the words.
 */
XSI_API struct xsi_source *xsi_convert_source(struct xsi_convert *c);
/* Chunk of the input that output byte `at` was made from, among the last some hundred; false: it is
 * not known (any more). type is a literal. */
struct xsi_origin {
    uint64_t offset, length;
    const char *layer, *type;
};
XSI_API bool xsi_convert_origin(const struct xsi_convert *c, uint64_t at, struct xsi_origin *out);

/* What a dry run of the same conversion says. */
struct xsi_converted {
    uint64_t size; /* bytes of the output */
    bool judged;
    struct xsi_verdict verdict; /* of the reader on the output */
    size_t errors;              /* findings of severity error in the output: a bug, or force */
    char first[320];            /* the first of them */
};
/* Convert a seekable input without writing: walk and judge the output. reader NULL = the default of
 * the output's container. 0 or -errno. The conversion itself is not begun by it. */
XSI_API int xsi_convert_check(struct xsi_convert *c, const char *reader,
                              struct xsi_converted *result, struct xsi_error *err);
/*
 * All of the output to a descriptor, front to back. reader: NULL, or judge the output for it in the
 * same pass ("" = the default one): when it fails, -EBADMSG, and the end of the stream is not
 * written (result says why). result may be NULL.
 */
XSI_API int xsi_convert_write(struct xsi_convert *c, int fd, const char *reader,
                              struct xsi_converted *result, struct xsi_written *written,
                              struct xsi_error *err);
/* To a new file, mode 0600, published whole or not at all; -EEXIST when it is there. */
XSI_API int xsi_convert_file(struct xsi_convert *c, const char *out, const char *reader,
                             struct xsi_converted *result, struct xsi_written *written,
                             struct xsi_error *err);
/* Copy a pipe to an unnamed file in a folder and open that. NULL with err. src is read to its end,
 * and stays the caller's. */
XSI_API struct xsi_source *xsi_source_spool(struct xsi_source *src, const char *dir,
                                            struct xsi_error *err);

/* Layers that can be written, by index; NULL behind the last. help: one line. */
XSI_API const char *xsi_writer_name(size_t index, const char **help);

#endif
