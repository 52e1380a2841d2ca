/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration inside an image: where it stands, what of it is secret, and how it is changed
 * so that the container's lengths go on leading to the stream.
 */
#ifndef PLUGINS_CONFIG_CHANGE_H
#define PLUGINS_CONFIG_CHANGE_H

#include "translate.h"

/* ---- in an image ---- */

/* A length in a header that counts the text. */
struct xsi_config_word {
    uint64_t offset;
    bool big;
    uint32_t over; /* what it counts besides the text: its NUL, the other length, spare bytes */
};

struct xsi_config_held {
    char layer[24]; /* container: "xl"; "" none */
    enum xsi_config_syntax syntax;
    uint64_t offset; /* of the text in the image */
    size_t length;   /* without a NUL behind it */
    char *text;      /* owned, terminated; NULL: the container holds none */
    struct xsi_config_word word[2];
    size_t words; /* 0: the container's lengths are none that could be changed */
};

/*
 * Find it: the walk goes no further than to the stream, so src may be a pipe. 0, also when there is
 * none; -errno and err on a fault. xsi_config_let_go() in every case.
 */
XSI_API int xsi_config_hold(struct xsi_source *src, const char *as, struct xsi_config_held *held,
                            struct xsi_error *err);
XSI_API void xsi_config_let_go(struct xsi_config_held *held);

/* What makes another text of it, as splices of the image in ascending order. */
struct xsi_config_patch {
    struct xsi_splice splice[3];
    size_t count; /* 0: nothing changes */
    uint8_t word[2][4];
    char *text; /* owned; the splices point into it */
};
/*
 * same_size: let blanks at the end, or those between words, give way or take up room, so that the
 * stream stays where it is; where they do not suffice, it moves. 0, -ENOMEM, -E2BIG.
 */
XSI_API int xsi_config_patch(const struct xsi_config_held *held, const char *text, size_t n,
                             bool same_size, struct xsi_config_patch *patch);
XSI_API void xsi_config_patch_free(struct xsi_config_patch *patch);

/* ---- secrets ---- */

/* The text with asterisks for passwords and keys, also when it is damaged; malloc'ed and
 * terminated. NULL: no memory. */
XSI_API char *xsi_config_masked(const char *text, size_t n, enum xsi_config_syntax syntax);

/* ---- members ---- */

struct xsi_config_member {
    char key[48];     /* "memory", "disk0.target": ours, printable */
    char value[4200]; /* as the keys have it; of the image: escape it. "" when it is secret */
    bool secret;
};
/* A text is no configuration of the syntax: -EINVAL with the words in problem. */
XSI_API int xsi_config_check(const char *text, size_t n, enum xsi_config_syntax syntax,
                             char *problem, size_t size);
/* The members that can be changed in a text, one after the other. NULL: it is damaged, or there is
 * no memory. */
struct xsi_config_list;
XSI_API struct xsi_config_list *xsi_config_list_new(const char *text, size_t n,
                                                    enum xsi_config_syntax syntax);
XSI_API bool xsi_config_list_next(struct xsi_config_list *list, struct xsi_config_member *out);
XSI_API void xsi_config_list_free(struct xsi_config_list *list);
/* One by its key; false: the text has none. */
XSI_API bool xsi_config_member(const char *text, size_t n, enum xsi_config_syntax syntax,
                               const char *key, struct xsi_config_member *out);
/*
 * The text with another value of one member, and all else as it was. Memory is a number of KiB, or
 * has a unit: k, M, G. 0; -EINVAL with out->problem: no such member, not in this text, no such
 * value. out is as for xsi_config_translate().
 */
XSI_API int xsi_config_set(const char *text, size_t n, enum xsi_config_syntax syntax,
                           const char *key, const char *value, struct xsi_config_out *out);

#endif
