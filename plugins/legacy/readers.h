/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The readers of the legacy stream, and the models that restore from it.
 *
 * `legacy_model` is libxc's restore function; a container's model calls it at the start of the
 * stream, and goes on at xsi_run_at() with the return code that it is given. For 3.0 it reads
 * p2m_size too, which xend reads there and hands over. When it is the outermost model it also
 * judges what its caller, the toolstack that wrote the device-model record, would find.
 */
#ifndef LEGACY_READERS_H
#define LEGACY_READERS_H

#include "../../lib/xsi_plugin.h"

enum legacy_machine {
    LEGACY_LINUX,    /* 3.0: xc_linux_restore, PV only */
    LEGACY_ONE_PASS, /* 3.1 to 3.4: reads and applies item by item */
    LEGACY_BUFFERED  /* 4.0 on: body by batch, tail as a whole, further checkpoints */
};

/* Where releases behave unlike the others. */
enum legacy_quirk {
    QUIRK_NO_EXT = 1U << 0,        /* no extended info */
    QUIRK_LDT = 1U << 1,           /* checks the LDT of vCPU 0 */
    QUIRK_NEGATIVE = 1U << 2,      /* a negative count is not refused */
    QUIRK_OWN_WIDTH = 1U << 3,     /* the guest's width is the toolstack's; no 128-byte contexts */
    QUIRK_POPULATES = 1U << 4,     /* allocates all frames at the start */
    QUIRK_USER_ANY = 1U << 5,      /* the user page table counts when ctrlreg[1] is not 0 */
    QUIRK_NULL = 1U << 6,          /* does not check whether start_info could be mapped */
    QUIRK_SUPERPAGES = 1U << 7,    /* allocates HVM memory in 2 MiB pages ahead of the data */
    QUIRK_FIRST_GROUP = 1U << 8,   /* allocates for the first group of a checkpoint only */
    QUIRK_INDEX = 1U << 9,         /* counts pageless entries of earlier groups as pages */
    QUIRK_TMEM8 = 1U << 10,        /* tmem object ids of 8 bytes */
    QUIRK_XCNT = 1U << 11,         /* knows xsave states */
    QUIRK_XCNT_UNREAD = 1U << 12,  /* does not check whether xcnt could be read */
    QUIRK_XCNT_ZERO = 1U << 13,    /* xcnt 0 counts as present */
    QUIRK_0002 = 1U << 14,         /* knows DeviceModelRecord0002 */
    QUIRK_COMPRESS = 1U << 15,     /* knows compressed checkpoints */
    QUIRK_START_INFO = 1U << 16,   /* checks the ring frames in start_info */
    QUIRK_GENID = 1U << 17,        /* adds 1 to the generation id in guest memory */
    QUIRK_TOOLS_RC = 1U << 18,     /* the callback's 0 replaces the return code */
    QUIRK_TOOLS_UNREAD = 1U << 19, /* does not check whether toolstack data could be read */
    QUIRK_SWALLOWS = 1U << 20,     /* an error in a group that allocated memory is forgotten */
    QUIRK_SINGLE = 1U << 21,       /* is told whether checkpoints follow */
    QUIRK_LATER_FATAL = 1U << 22,  /* an error behind a complete checkpoint is fatal */
    QUIRK_NARROW = 1U << 23        /* frame list and p2m are sized by the guest's width */
};

/* What a row holds beyond xsi_reader_row. */
struct legacy_reader {
    enum legacy_machine machine;
    int ids;
    unsigned vcpus;
    uint32_t pageless;
    uint32_t quirks;
};

extern const struct xsi_reader_row legacy_readers[];
extern const struct xsi_model legacy_model;
/* What a toolstack of 4.6 and later puts in front: convert-legacy-stream (converter.c). */
extern const struct xsi_model legacy_converter_model;

#endif
