/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No format is forced: every layer bids. */
#include "fuzz.h"

FUZZ_TARGET(NULL)
