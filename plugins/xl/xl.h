/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xl's save file header (xen-4.0.1 to 4.22, tools/xl/xl.h:struct save_file_header). */
#ifndef PLUGINS_XL_H
#define PLUGINS_XL_H

#include "../../lib/xsi_plugin_convert.h"
#include "../config/config.h"

#define XL_MAGIC          "Xen saved domain, xl format\n \0 \r" /* 32 bytes */
#define XL_MAGIC_SIZE     32
#define XL_HEADER_SIZE    48
#define XL_FLAG_JSON      1U /* since 4.5 */
#define XL_FLAG_STREAM_V2 2U /* since 4.6 */
#define XL_LOOK           64 /* bytes that hold the header, even a stretched one */

enum xl_finding {
#define FINDING(id, ...) XL_##id,
#include "findings.def"
#undef FINDING
    XL_FINDINGS
};
extern const struct xsi_finding_row xl_findings[XL_FINDINGS];

enum xl_order { XL_LITTLE, XL_BIG };

/* What can be made of the bytes at the start. */
struct xl_header {
    size_t order_at; /* of the byte order word: 32, unless bytes came or went in front of it */
    size_t size;     /* of the whole header: order_at + 16 */
    bool magic_exact;
    const char *damage;  /* in words, NULL = none */
    enum xl_order order; /* as the numbers say, whatever the word says */
    bool order_word_wrong;
    uint32_t mandatory, optional, optional_length;
};

/* Returns a score: 0 = this is no xl header. have may be less than a header. */
int xl_header_parse(const uint8_t *p, size_t have, struct xl_header *h);

struct xl_state {
    unsigned stage;
    struct xl_header header;
    struct config_facts facts;
    uint64_t config_at; /* offset of the optional data in the image */
};

void xl_decode_header(struct xsi_decode *d);
void xl_decode_config(struct xsi_decode *d);

/* config.c of this folder: the optional data. Fills out; its length is where the stream begins. */
void xl_config_chunk(struct xsi_walk *w, struct xl_state *s, struct xsi_chunk *out);
extern const struct xsi_type xl_types[];
extern const struct xsi_recipe xl_recipes[];

/* ---- take.c, writer.c: in a conversion ---- */
int xl_take(struct xsi_take *t);
extern const struct xsi_writer xl_writers[];

#endif
