/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libxl's stream around libxc's. */
#include "fuzz.h"

FUZZ_TARGET("libxl-v2")
