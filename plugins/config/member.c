/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of members and of the words that they have in each syntax. */
#include "member.h"

/* neutral, then the columns of enum xsi_config_syntax: cfg, JSON, XML, SXP */
/* clang-format off */
#define ROW(neutral, cfg, json, xml, sxp) { neutral, { NULL, cfg, json, xml, sxp } }
#define END                               { NULL, { NULL } }

static const struct config_word builder_words[] = {
    ROW("pv",  "generic", "pv",  "linux",  "linux"),
    ROW("pv",  "linux",   NULL,  "xen",    NULL),
    ROW("hvm", "hvm",     "hvm", "hvm",    "hvm"),
    ROW("pvh", NULL,      "pvh", "xenpvh", NULL),
    END
};
static const struct config_word type_words[] = {
    ROW("pv",  "pv",  "pv",  "linux",  NULL),
    ROW("pv",  NULL,  NULL,  "xen",    NULL),
    ROW("hvm", "hvm", "hvm", "hvm",    NULL),
    ROW("pvh", "pvh", "pvh", "xenpvh", NULL),
    END
};
static const struct config_word flag_words[] = {
    ROW("1", "1", "True", "yes", "1"), ROW("0", "0", "False", "no", "0"), END
};
static const struct config_word onoff_words[] = {
    ROW("1", "1", "True", "on", "1"), ROW("0", "0", "False", "off", "0"), END
};
static const struct config_word present_words[] = {
    ROW("1", "1", "True", "", "1"), ROW("0", "0", "False", CONFIG_ABSENT, "0"), END
};
static const struct config_word clock_words[] = {
    ROW("1", "1", "True", "localtime", "1"), ROW("0", "0", "False", "utc", "0"), END
};
static const struct config_word vnc_words[] = {
    ROW("1", "1", "True", "vnc", "1"), ROW("0", "0", "False", CONFIG_ABSENT, "0"), END
};
/* numbers in xl.cfg before 4.2 and in SXP */
static const struct config_word tsc_words[] = {
    ROW("default",         "0", "default",         NULL, "0"),
    ROW("always_emulate",  "1", "always_emulate",  NULL, "1"),
    ROW("native",          "2", "native",          NULL, "2"),
    ROW("native_paravirt", "3", "native_paravirt", NULL, "3"),
    END
};
static const struct config_word timer_words[] = {
    ROW("delay_for_missed_ticks",    "0", "delay_for_missed_ticks",    NULL, "0"),
    ROW("no_delay_for_missed_ticks", "1", "no_delay_for_missed_ticks", NULL, "1"),
    ROW("no_missed_ticks_pending",   "2", "no_missed_ticks_pending",   NULL, "2"),
    ROW("one_missed_tick_pending",   "3", "one_missed_tick_pending",   NULL, "3"),
    END
};
static const struct config_word qemu_words[] = {
    ROW("qemu-xen",             "qemu-xen",             "qemu_xen",             NULL, NULL),
    ROW("qemu-xen-traditional", "qemu-xen-traditional", "qemu_xen_traditional", NULL, NULL),
    END
};
/* xl 4.1 and xend know only these two */
static const struct config_word stdvga_words[] = {
    ROW("cirrus", "0", NULL, NULL, "0"), ROW("std", "1", NULL, NULL, "1"), END
};
static const struct config_word vga_words[] = {
    ROW("cirrus", "cirrus", "cirrus", "cirrus", NULL),
    ROW("std",    "stdvga", "std",    "vga",    NULL),
    ROW("none",   "none",   "none",   "none",   NULL),
    ROW("qxl",    "qxl",    "qxl",    "qxl",    NULL),
    END
};
static const struct config_word action_words[] = {
    ROW("destroy",          "destroy",          "destroy",          "destroy",          "destroy"),
    ROW("restart",          "restart",          "restart",          "restart",          "restart"),
    ROW("preserve",         "preserve",         "preserve",         "preserve",         "preserve"),
    ROW("rename-restart",   "rename-restart",   "restart_rename",   "rename-restart",
        "rename-restart"),
    ROW("coredump-destroy", "coredump-destroy", "coredump_destroy", "coredump-destroy",
        "coredump-destroy"),
    ROW("coredump-restart", "coredump-restart", "coredump_restart", "coredump-restart",
        "coredump-restart"),
    ROW("soft-reset",       "soft-reset",       "soft_reset",       NULL,               NULL),
    END
};
static const struct config_word backend_words[] = {
    ROW("phy",   "phy",   "phy",   "phy",   "phy"),
    ROW("tap",   "tap",   "tap",   "tap",   "tap"),
    ROW("qdisk", "qdisk", "qdisk", "qemu",  "qdisk"),
    ROW("qdisk", NULL,    NULL,    "file",  NULL),
    ROW("tap",   NULL,    NULL,    "tap2",  NULL),
    ROW("",      CONFIG_ABSENT, "unknown", CONFIG_ABSENT, CONFIG_ABSENT),
    END
};
static const struct config_word format_words[] = {
    ROW("raw",   "raw",   "raw",   "raw",   "raw"),
    ROW("raw",   NULL,    NULL,    "aio",   NULL),
    ROW("qcow",  "qcow",  "qcow",  "qcow",  "qcow"),
    ROW("qcow2", "qcow2", "qcow2", "qcow2", "qcow2"),
    ROW("vhd",   "vhd",   "vhd",   "vhd",   "vhd"),
    ROW("qed",   NULL,    "qed",   "qed",   NULL),
    ROW("empty", "empty", "empty", CONFIG_ABSENT, "empty"),
    END
};
static const struct config_word access_words[] = {
    ROW("w", "w",  "1",  CONFIG_ABSENT, "w"), ROW("r", "r",  "0",  "", "r"),
    ROW("w", "rw", NULL, NULL, "w!"),         ROW("r", "ro", NULL, NULL, NULL), END
};
static const struct config_word cdrom_words[] = {
    ROW("1", "cdrom", "1", "cdrom", "cdrom"), ROW("0", "disk", "0", "disk", "disk"),
    END
};
static const struct config_word nictype_words[] = {
    ROW("ioemu", "ioemu", "vif_ioemu", NULL, "ioemu"), ROW("vif", "vif", "vif", NULL, "vif"),
    ROW("vif", "netfront", NULL, NULL, "netfront"), END
};
static const struct config_word none_words[] = { END };

const struct config_member config_members[] = {
#define ANY CONFIG_ANY
#define PV  CONFIG_PV
#define HVM CONFIG_HVM
#define PVH CONFIG_PVH
#define MEMBER(of, key, kind, words, guests, cfg, json, xml, sxp) \
    { CONFIG_##of, key, CONFIG_##kind, words##_words, guests, { NULL, cfg, json, xml, sxp } },
#include "members.def"
#undef MEMBER
    { 0, NULL, 0, NULL, 0, { NULL } }
};

const char *const config_class_path[CONFIG_CLASSES][CONFIG_SYNTAXES] = {
    [CONFIG_DISK] = { NULL, "disk/*", "disks/*", "devices/disk",
                      "device/vbd|device/tap|device/tap2" },
    [CONFIG_NIC] = { NULL, "vif/*", "nics/*", "devices/interface", "device/vif" },
};
const char *const config_class_name[CONFIG_CLASSES] = { "domain", "disk", "nic" };
/* clang-format on */
