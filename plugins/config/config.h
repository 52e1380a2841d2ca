/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration texts inside containers: JSON (xl since 4.5), xl.cfg text (xl 4.0.1 to 4.4),
 * S-expressions (xend, xapi) and domain XML (libvirt). Small tolerant scanners that fetch the few
 * facts the listing's head shows and say where a text stops making sense. They look at no more
 * than CONFIG_LOOK bytes, keep no pointer and allocate nothing.
 */
#ifndef PLUGINS_CONFIG_H
#define PLUGINS_CONFIG_H

#include "../../lib/xsi_plugin.h"

#define CONFIG_LOOK  (1U << 20) /* bytes of a text that are looked at */
#define CONFIG_DEPTH 64         /* brackets or tags inside each other that are followed */

struct config_facts {
    enum xsi_guest guest;
    unsigned vcpus;     /* 0 = not said */
    unsigned word_size; /* xapi: bits of the toolstack that saved; 0 = not said */
    char name[128];
    char uuid[40];
    char driver[16];     /* libvirt: <domain type='…'> */
    bool complete;       /* the outermost bracket or tag was closed */
    size_t end;          /* bytes up to there */
    const char *problem; /* what is wrong with the text; NULL = nothing was seen */
    size_t problem_at;
};

/*
 * n bytes of text; whole: nothing of it lies beyond n, so that an open bracket at the end is
 * damage rather than a cut. A NUL ends every text.
 */
void config_json(const uint8_t *text, size_t n, bool whole, struct config_facts *f);
void config_sxp(const uint8_t *text, size_t n, bool whole, struct config_facts *f);
void config_xenops(const uint8_t *text, size_t n, bool whole, struct config_facts *f);
void config_xml(const uint8_t *text, size_t n, bool whole, struct config_facts *f);
/* xl.cfg: lines of `key = value`. */
void config_lines(const uint8_t *text, size_t n, bool whole, struct config_facts *f);

/* Name, UUID and guest type to the head of the listing, where that knows none yet. */
void config_tell(const struct config_facts *f, struct xsi_info *info);
/*
 * After the stream: number of vCPUs if it named none, PVH where it can only say HVM. Returns false
 * when guest types disagree (PV against HVM or PVH).
 */
bool config_settle(const struct config_facts *f, struct xsi_info *info);
const char *config_guest_name(enum xsi_guest guest);

/* Text of a value into a field of facts: at most size - 1 bytes, terminated. */
void config_copy(char *out, size_t size, const uint8_t *text, size_t n);
bool config_is(const uint8_t *text, size_t n, const char *word);
unsigned config_number(const uint8_t *text, size_t n);
/* Name the first problem; later ones are consequences. */
void config_problem(struct config_facts *f, size_t at, const char *what);

/* ---- where the stream behind a configuration begins ---- */

/* A place where the body may begin, and how sure its bytes are. */
struct config_body {
    uint64_t offset;
    int score; /* of the best layer there; 0 = nothing known */
    char layer[24];
};

/* What begins at an offset; kinds XSI_LAYER_MIDDLE and XSI_LAYER_STREAM. */
void config_body_at(struct xsi_walk *w, uint64_t at, struct config_body *out);
/* A stream begins where the header says, or what is there is not worse than other places. */
#define CONFIG_BODY_SURE 61
/*
 * When the header's own length leads to no sure stream: try other places, those in `places` (count
 * of them) and the first magic number of a stream in the megabyte from `from` on. *best is what
 * the header's length leads to; returns true when a better one was put there.
 */
bool config_find_body(struct xsi_walk *w, uint64_t from, const uint64_t *places, size_t count,
                      struct config_body *best);

/* resync of a container: a stream with a magic number starts at this place. */
void config_resync(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, struct xsi_sync *sync);
extern const struct xsi_anchor config_anchors[];

#endif
