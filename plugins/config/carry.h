/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Containers in a conversion: how a configuration gets out of one and into another, and what a
 * container has no place for.
 */
#ifndef PLUGINS_CONFIG_CARRY_H
#define PLUGINS_CONFIG_CARRY_H

#include "../../lib/xsi_plugin_convert.h"

/* The item CONFIG: n bytes of text (a NUL ends it earlier) from byte `from` of the chunk on. */
int config_take(struct xsi_take *t, enum xsi_syntax syntax, uint64_t from, uint64_t n);
/* JSON or xl.cfg, as the text itself says: xl has both. */
int config_take_xl(struct xsi_take *t, uint64_t from, uint64_t n);

/* A text on its way into a container: config_text_free() it. */
struct config_text {
    enum xsi_syntax syntax;
    const char *bytes;
    size_t length; /* without a NUL */
    char *owned;
};

/*
 * The configuration for a container that takes the `count` syntaxes in `takes`: the user's, or the
 * image's as it is, or translated into the first of them, or, when there is none, a short one from
 * what the stream tells. What gets lost or is made up is noted. 0 or -errno.
 */
int config_text_get(struct xsi_give *g, const enum xsi_syntax *takes, size_t count,
                    struct config_text *out);
void config_text_free(struct config_text *text);
/* For a writer's check: refuses and notes what the other one will, before the output begins. */
int config_text_check(struct xsi_give *g, const enum xsi_syntax *takes, size_t count);

/*
 * The outermost layer's check: parts of another container that it has no place for, and, when
 * `config` is false, the configuration. 0 or -errno.
 */
int config_check_rest(struct xsi_give *g, bool config);
/* What stands inside must be one of these layers; names that are prefixes end in '*'. */
int config_check_inside(struct xsi_give *g, const char *const *names, size_t count);

#endif
