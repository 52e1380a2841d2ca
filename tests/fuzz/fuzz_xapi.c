/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XenServer's containers. */
#include "fuzz.h"

FUZZ_TARGET("xapi", "xapi-v2")
