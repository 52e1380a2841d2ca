/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the recipes of containers share: finding rows of the map, and making configurations. */
#ifndef PLUGINS_CONFIG_RECIPE_H
#define PLUGINS_CONFIG_RECIPE_H

#include "config.h"

/* First row of a layer at or behind `from`; type NULL = any. NULL: none. */
const struct xsi_map_row *config_row(const struct xsi_mend *m, const char *layer, const char *type,
                                     uint64_t from);
/* First row of a memory stream, or of libxl's around it, at or behind `from`. */
const struct xsi_map_row *config_stream(const struct xsi_mend *m, uint64_t from);
/* True when the stream's first bytes are a magic number, so that its place is beyond doubt. */
bool config_stream_sure(const struct xsi_mend *m, const struct xsi_map_row *stream);
/* The walk reported a finding, by code. */
bool config_found(const struct xsi_mend *m, const char *code);
/* End of the last row that is no gap. */
uint64_t config_stream_end(const struct xsi_mend *m);
/* Number of zero bytes from an offset on, at most `max`. */
size_t config_zeros(const struct xsi_mend *m, uint64_t at, size_t max);

/* The kind of guest that the stream is of, when the configuration says another (`said`; UNKNOWN:
 * nothing); UNKNOWN: nothing contradicts it. */
enum xsi_guest config_stream_guest(struct xsi_mend *m, enum xsi_guest said);
/* "pv", "pvh", "hvm" */
const char *config_type_word(enum xsi_guest guest);
/* KiB that the pages of the image take, in whole MiB; 0: not known. */
uint64_t config_memory_kb(const struct xsi_mend *m);

enum config_syntax { CONFIG_JSON, CONFIG_CFG, CONFIG_SXP, CONFIG_XML };

/*
 * The smallest configuration that its toolstack takes: name, UUID, kind of guest, memory, vCPUs, as
 * far as the image tells. Fills out as a terminated text and returns its length; 0 when the kind of
 * guest is not known, or it does not fit.
 */
size_t config_minimal(struct xsi_mend *m, enum config_syntax syntax, char *out, size_t size);
/* What such a configuration gives up, for xsi_mend_loses() and _guess(). */
void config_minimal_words(struct xsi_mend *m, const char *advice);

#endif
