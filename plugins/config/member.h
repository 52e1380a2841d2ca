/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The members that configurations have in common (members.def), and their values. */
#ifndef PLUGINS_CONFIG_MEMBER_H
#define PLUGINS_CONFIG_MEMBER_H

#include "tree.h"

enum { CONFIG_SYNTAXES = XSI_CONFIG_SXP + 1, CONFIG_DEVICES = 64, CONFIG_ITEMS = 1024 };

enum config_class { CONFIG_DOMAIN, CONFIG_DISK, CONFIG_NIC, CONFIG_CLASSES };

/* How a value is written; between them it is a text: numbers are decimal, flags 0 and 1. */
enum config_kind {
    CONFIG_TEXT,
    CONFIG_UUID,
    CONFIG_NUMBER,
    CONFIG_KIB,  /* memory: KiB in JSON and between them, MiB in cfg and SXP, with a unit in XML */
    CONFIG_WORD, /* one of a table of words */
    CONFIG_FLAG, /* the same, but bare in cfg */
    CONFIG_BIT,  /* the same, but bare in JSON */
    CONFIG_ONLINE,  /* number of vCPUs: a list of them in JSON, a mask in SXP */
    CONFIG_LIST,    /* words with blanks between them: a list of texts in JSON */
    CONFIG_BOOT,    /* letters; in XML a node each */
    CONFIG_DISPLAY, /* number of a VNC display: a port in XML */
};

enum { CONFIG_PV = 1, CONFIG_HVM = 2, CONFIG_PVH = 4, CONFIG_ANY = 7 };

/* A word as each syntax has it; rows end with a NULL neutral. A column that is NULL cannot say it,
 * CONFIG_ABSENT says it by saying nothing. Reading takes the neutral word too. */
#define CONFIG_ABSENT "\1"
struct config_word {
    const char *neutral, *in[CONFIG_SYNTAXES];
};

struct config_member {
    enum config_class of;
    const char *key;
    enum config_kind kind;
    const struct config_word *words;
    unsigned guests;                   /* whose row is written */
    const char *path[CONFIG_SYNTAXES]; /* by enum xsi_config_syntax; NULL: not there */
};
extern const struct config_member config_members[]; /* a NULL key ends them */

/* Where devices of a class stand, by syntax: many nodes have this path. */
extern const char *const config_class_path[CONFIG_CLASSES][CONFIG_SYNTAXES];
extern const char *const config_class_name[CONFIG_CLASSES]; /* "disk" */

/*
 * The value of a node, as it is between syntaxes, into `out`; false: it is not one of this member
 * (too long, control characters, no number, an unknown word).
 */
bool config_value_read(const struct config_tree *t, uint32_t node, const struct config_member *m,
                       enum xsi_config_syntax syntax, char *out, size_t size);
/*
 * Put a value into a tree below `base`; false: the syntax cannot say it. *rounded: memory was
 * rounded up to whole MiB.
 */
bool config_value_write(struct config_tree *t, uint32_t base, const struct config_member *m,
                        enum xsi_config_syntax syntax, const char *value, bool *rounded);
/* The same for one node that is there, as text in `out`: for a change in place. */
bool config_value_text(const struct config_tree *t, uint32_t node, const struct config_member *m,
                       enum xsi_config_syntax syntax, const char *value, char *out, size_t size,
                       bool *number);
/* A value that came from a person is one of this member. */
bool config_value_sane(const struct config_member *m, const char *value);

#endif
