/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configurations from one syntax into another. Each text becomes a tree of names and values
 * (tree.h); the rows of members.def say where a member stands in the tree of each syntax; what is
 * the same in both goes over, and what the source has besides is named.
 *
 *     struct xsi_config_out out;
 *
 *     if (xsi_config_translate(text, n, XSI_CONFIG_JSON, XSI_CONFIG_XML, &out) < 0)
 *         complain(out.problem);
 *     else
 *         use(out.text, out.length);
 *     xsi_config_out_free(&out);
 *
 * Texts are hostile: at most XSI_CONFIG_TEXT_MAX bytes, nothing recursive, bounded counts.
 */
#ifndef PLUGINS_CONFIG_TRANSLATE_H
#define PLUGINS_CONFIG_TRANSLATE_H

#include "../../lib/xsi.h"

enum xsi_config_syntax {
    XSI_CONFIG_UNKNOWN,
    XSI_CONFIG_CFG,  /* xl.cfg text, as xl 4.1 to 4.4 keep it */
    XSI_CONFIG_JSON, /* libxl_domain_config, xl 4.5 and later */
    XSI_CONFIG_XML,  /* <domain type='xen'> of libvirt */
    XSI_CONFIG_SXP   /* (domain …) of xend */
};

#define XSI_CONFIG_TEXT_MAX (1U << 20) /* longest text that is read or made */
#define XSI_CONFIG_NOTES    64         /* members that are named */

/*
 * A text that was made. The caller owns it: xsi_config_out_free() in every case, also after an
 * error.
 */
struct xsi_config_out {
    char *text;    /* terminated; NULL after an error */
    size_t length; /* without the NUL, which xl's JSON and libvirt's XML count in their headers */
    /* Names of members that the source has and the text has not: "b_info/claim_mode". Never
     * values. They come from the source: escape before printing. */
    char left_out[XSI_CONFIG_NOTES][96];
    size_t left_out_count;
    size_t left_out_more; /* further ones, for which there was no room */
    /* What was not there and was taken for granted: "vcpus 1". Ours, printable. */
    char guessed[8][96];
    size_t guessed_count;
    char problem[200]; /* after an error: what and where, printable */
};
XSI_API void xsi_config_out_free(struct xsi_config_out *out);

/* What a text is by its first bytes; UNKNOWN when it is none of them. */
XSI_API enum xsi_config_syntax xsi_config_guess(const char *text, size_t n);
/* "xl.cfg text", "xl JSON", "libvirt XML", "xend SXP" */
XSI_API const char *xsi_config_syntax_name(enum xsi_config_syntax syntax);

/*
 * n bytes of text (a NUL ends it earlier) from one syntax into another, or into the same, which
 * keeps what is known. 0; -EINVAL: the text is damaged, or has no kind of guest, name or memory;
 * -EOPNOTSUPP: the target has no such guests (PVH in SXP); -E2BIG, -ENOMEM. out->problem says more.
 */
XSI_API int xsi_config_translate(const char *text, size_t n, enum xsi_config_syntax from,
                                 enum xsi_config_syntax to, struct xsi_config_out *out);

/* What a stream tells of its guest, for a configuration where there is none. */
struct xsi_config_bare {
    const char *name;    /* NULL, "" or not printable: "restored", which is said in guessed */
    const char *uuid;    /* NULL, "" or no UUID: none, the toolstack makes one */
    enum xsi_guest kind; /* must be known */
    unsigned vcpus;      /* 0: 1, which is said in guessed */
    uint64_t memory_kib; /* must not be 0 */
};
/* The smallest configuration that the toolstack of `to` takes. Errors as above. */
XSI_API int xsi_config_minimal(const struct xsi_config_bare *bare, enum xsi_config_syntax to,
                               struct xsi_config_out *out);

#endif
