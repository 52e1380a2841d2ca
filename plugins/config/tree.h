/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration text as a tree of names and values, whatever its syntax:
 *
 *     JSON   members of objects; items of arrays have no name
 *     XML    elements; attributes are called "@name" and stand in front of elements
 *     SXP    lists, called as their first atom; the second one is the value, further ones are
 *            items without a name. Where the second item is a list, its name is the value
 *     cfg    assignments; items of lists have no name, and what stands in `k=v,k=v` has
 *
 * The scanners of json.c, xml.c and sxp.c fill it while they check the text. Nodes stand in the
 * order of the text, so a path is found by looking at each node's parents.
 */
#ifndef PLUGINS_CONFIG_TREE_H
#define PLUGINS_CONFIG_TREE_H

#include "config.h"
#include "translate.h"

#define CONFIG_NODES     4096
#define CONFIG_VALUE_MAX 4096 /* longest value that is of use */
#define CONFIG_NAME_MAX  63

struct config_node {
    uint32_t parent;
    uint32_t name, name_length; /* in the pool */
    uint32_t value, value_length;
    uint32_t from, to; /* bytes of the value in the text, quotes included; equal: nowhere */
    bool has_value;
    bool cut;    /* the value is longer than CONFIG_VALUE_MAX */
    bool array;  /* JSON, cfg: a list of items */
    bool number; /* to be written bare, without quotes */
    bool taken;  /* some member is made of it */
    bool gone;   /* was replaced by others */
    bool part;   /* the value is a part of another one in the text */
};

struct config_tree {
    struct config_node *node; /* 0: the root; at most CONFIG_NODES */
    uint32_t count, room, open;
    char *pool;
    size_t used, size;
    bool full; /* something found no room */
};

/* A tree for `size` bytes of names and values. NULL: no memory. */
struct config_tree *config_tree_new(size_t size);
void config_tree_free(struct config_tree *t);

/* ---- filling; t may be NULL, and then nothing happens ---- */

/* A node inside the open one, which is open from now on. */
void config_tree_open(struct config_tree *t, const void *name, size_t n);
void config_tree_close(struct config_tree *t);
/* Name and value of the open node; [from, to) are bytes of the text. */
void config_tree_name(struct config_tree *t, const void *name, size_t n);
void config_tree_value(struct config_tree *t, const void *value, size_t n, size_t from, size_t to);
/* A node with a value inside the open one. */
void config_tree_leaf(struct config_tree *t, const void *name, size_t name_n, const void *value,
                      size_t n, size_t from, size_t to);

/* ---- looking ---- */

static inline const char *config_name(const struct config_tree *t, uint32_t i)
{
    return t->pool + t->node[i].name;
}

static inline const char *config_value(const struct config_tree *t, uint32_t i)
{
    return t->pool + t->node[i].value;
}

/*
 * The first node behind `after` (0: the first of all) that stands at a path below `base`; 0: none.
 * Paths are names with slashes, "*" is any name, "a/b|c" are two paths.
 */
uint32_t config_find(const struct config_tree *t, uint32_t base, const char *path, uint32_t after);
/* The path of a node, as far as it fits. */
void config_path(const struct config_tree *t, uint32_t i, char *out, size_t size);
/* A node at the first of the paths below `base`, made where it is missing; 0: no room. */
uint32_t config_make(struct config_tree *t, uint32_t base, const char *path);
/* Another one, even where there are some of this name. */
uint32_t config_add(struct config_tree *t, uint32_t parent, const char *name);
void config_rename(struct config_tree *t, uint32_t i, const char *name);
void config_put_value(struct config_tree *t, uint32_t i, const char *value, bool number);

/* ---- texts ---- */

/* The scanners, filling a tree; f as for config_json(). */
void config_json_tree(const uint8_t *text, size_t n, struct config_facts *f, struct config_tree *t);
void config_sxp_tree(const uint8_t *text, size_t n, struct config_facts *f, struct config_tree *t);
void config_xml_tree(const uint8_t *text, size_t n, struct config_facts *f, struct config_tree *t);
void config_cfg_tree(const uint8_t *text, size_t n, struct config_facts *f, struct config_tree *t);
/*
 * Text to tree, by syntax. The compounds of disks are taken apart: where the syntax has `uname` and
 * `dev` (SXP) or a comma-separated text (cfg), there are nodes target, format, backend, vdev,
 * devtype, access. NULL with a problem in words.
 */
struct config_tree *config_read(const char *text, size_t n, enum xsi_config_syntax syntax,
                                char *problem, size_t size, int *rc);
/* Tree to text: malloc'ed, *n without its NUL. NULL: no memory. */
char *config_write(const struct config_tree *t, enum xsi_config_syntax syntax, size_t *n);
/* A value as it stands in a text of the syntax; malloc'ed. */
char *config_spell(const char *value, bool number, enum xsi_config_syntax syntax, size_t *n);

/* "tap:qcow2:/x" is a format, a backend and a target. Length of the prefix. */
struct config_prefix {
    const char *prefix, *format, *backend; /* backend "": the toolstack chooses */
};
const struct config_prefix *config_prefix_of(const char *text, size_t n);
const char *config_prefix_for(const char *format, const char *backend);

#endif
