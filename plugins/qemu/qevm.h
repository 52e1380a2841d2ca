/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device-model state ("QEVM"), which legacy records, libxl's EMULATOR_CONTEXT and xapi's Qemu parts
 * hold. All numbers are big-endian. Version 1 (Xen 3.0.4, 3.1) and 2 (3.2, 3.3) have records with a
 * length; version 3 (qemu-traditional, upstream QEMU: migration/savevm.c) has sections without one.
 */
#ifndef PLUGINS_QEMU_QEVM_H
#define PLUGINS_QEMU_QEVM_H

#include "../../lib/xsi_plugin.h"

#define QEVM_MAGIC  "QEVM"
#define QEVM_HEADER 8          /* magic and version */
#define QEVM_LOOK   (1U << 20) /* bytes in which sections are looked for */

/* True when n bytes begin with the magic; *version: the number behind it, 0 when it is cut off. */
bool qevm_look(const uint8_t *p, size_t n, uint32_t *version);
/* Does a state of n bytes (version 3; the first QEVM_LOOK of them count) hold a section of this
 * name, or one of it at an address: "0000:00:02.0/cirrus_vga"? */
bool qevm_has(const uint8_t *p, size_t n, const char *name);
/* The same, but one byte of the magic may differ. */
bool qevm_near(const uint8_t *p, size_t n);
/*
 * Fields of the state that begins at byte `base` of d's bytes and has `length` bytes: magic,
 * version, and at detail 2 a list of its sections as far as d has the bytes.
 */
void qevm_decode(struct xsi_decode *d, size_t base, uint64_t length);

#endif
