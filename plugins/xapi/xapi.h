/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xapi's suspend images: the classic one, and the one made of parts (2014 and later). */
#ifndef PLUGINS_XAPI_H
#define PLUGINS_XAPI_H

#include "../../lib/xsi_plugin_convert.h"
#include "../config/config.h"

#define XAPI_SIGNATURE_SIZE 15
#define XAPI_PART_HEADER    16
#define XAPI_QEMU_MAX       (1U << 20)  /* xenopsd refuses more */
#define XAPI_PART_SANE      (64U << 20) /* nobody writes a part beyond that */

enum xapi_finding {
#define FINDING(id, ...) XAPI_##id,
#include "findings.def"
#undef FINDING
    XAPI_FINDINGS
};
extern const struct xsi_finding_row xapi_findings[XAPI_FINDINGS];

enum xapi_variant { XAPI_CLASSIC, XAPI_PARTS };

enum xapi_stage { STAGE_SIGNATURE, STAGE_BODY, STAGE_INSIDE, STAGE_RECORD, STAGE_PARTS, STAGE_END };

/* What follows a part's header. */
enum xapi_body {
    BODY_BYTES,  /* as many bytes as the header says */
    BODY_STREAM, /* a stream that ends itself */
    BODY_OPAQUE, /* a stream that nobody here can delimit */
    BODY_NONE
};

/* Types that a writer of images names itself; the others are rows of xapi_parts only. */
enum {
    XAPI_PART_XENOPS = 0x000f,
    XAPI_PART_LIBXC = 0x00f0,
    XAPI_PART_LEGACY = 0x00f2,
    XAPI_PART_QEMU = 0x0f00,
    XAPI_PART_END = 0xffff
};

enum { XAPI_RANK_STREAM = 2, XAPI_RANK_QEMU = 7 }; /* places in the order of writing */

struct xapi_part {
    struct xsi_type type; /* id = number in the header */
    enum xapi_body body;
    unsigned rank; /* place in the order of writing */
    bool refused;  /* defined, but readers refuse it */
};

struct xapi_state {
    unsigned stage;
    unsigned seen; /* mask of 1 << index of the parts met */
    unsigned rank;
    const struct xapi_part *part; /* the one whose stream is inside */
    struct config_facts facts;
    uint64_t config_at;
};

/* The last one is END_OF_IMAGE. */
extern const struct xapi_part xapi_parts[];
/* The signature of a variant, XAPI_SIGNATURE_SIZE bytes. */
extern const char *const xapi_signatures[];
extern const struct xsi_recipe xapi_recipes[];

/* ---- take.c, writer.c: in a conversion ---- */
int xapi_take(struct xsi_take *t);
extern const struct xsi_writer xapi_writers[];

/* ---- parts.c ---- */
/* Row of a part's type; NULL when it is unknown. */
const struct xapi_part *xapi_part_row(uint64_t type);
/* Does the header of a part stand at an offset? Confidence 0 … 100. */
int xapi_part_judge(struct xsi_walk *w, uint64_t at, const char **why);
/* One chunk of the structured image. */
int xapi_part_step(struct xsi_walk *w, struct xapi_state *s, struct xsi_chunk *out);
/* What the parts that were met say together. */
void xapi_parts_settle(struct xsi_walk *w, struct xapi_state *s);

#endif
