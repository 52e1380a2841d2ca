/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libxc's stream since Xen 4.6. */
#include "fuzz.h"

FUZZ_TARGET("libxc-v3", "libxc-v2")
