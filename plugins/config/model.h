/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a configuration says, without any syntax: values of members, one by one. */
#ifndef PLUGINS_CONFIG_MODEL_H
#define PLUGINS_CONFIG_MODEL_H

#include "member.h"

struct config_item {
    const struct config_member *row; /* the one that it was read by: its class and key count */
    uint32_t device;                 /* number of the disk or interface in its class; else 0 */
    uint32_t node;                   /* of the source; 0: from nowhere */
    bool written;
    char *text; /* owned */
};

struct config_model {
    struct config_item item[CONFIG_ITEMS];
    size_t count;
    uint32_t devices[CONFIG_CLASSES];
    unsigned guest; /* CONFIG_PV … */
    bool full;
};

void config_model_free(struct config_model *m);
/* The value of a member; NULL: not said. */
const char *config_get(const struct config_model *m, enum config_class of, uint32_t device,
                       const char *key);
/* Say it, or say it differently; text NULL: nothing is said. */
void config_set(struct config_model *m, enum config_class of, uint32_t device, const char *key,
                const char *text, uint32_t node);
/* A member of the domain, when the value is one of its kind. */
void config_say(struct config_model *m, const char *key, const char *text);
/* All members of a tree; nodes that are understood are marked as taken. */
void config_gather(struct config_model *m, struct config_tree *t, enum xsi_config_syntax from);
/* What a syntax means where it says nothing. */
void config_defaults(struct config_model *m, enum xsi_config_syntax from);
/* The model as a tree; items that cannot be said stay unwritten. */
void config_lay_out(struct config_model *m, struct config_tree *t, enum xsi_config_syntax to,
                    bool *rounded);

/* The node of a member's row below `base`, by the first of its paths that is there; 0: none. */
uint32_t config_node_of(const struct config_tree *t, uint32_t base, const char *path);
/* Node of a device by its number; 0: there are not so many. */
uint32_t config_device(const struct config_tree *t, enum config_class of, uint32_t number,
                       enum xsi_config_syntax syntax);

#endif
