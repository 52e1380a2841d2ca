/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libxc's stream of Xen 3.0 to 4.5. */
#include "fuzz.h"

FUZZ_TARGET("libxc-legacy64", "libxc-legacy32")
