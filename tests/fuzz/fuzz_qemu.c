/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Device-model records. */
#include "fuzz.h"

FUZZ_TARGET("qemu-xen", "qemu-trad", "qemu-remus", "qemu-xapi", "qemu-le", "qemu-unknown")
