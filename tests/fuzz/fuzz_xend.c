/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The container that xend wrote. */
#include "fuzz.h"

FUZZ_TARGET("xend")
