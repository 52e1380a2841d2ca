/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The container that xl writes. */
#include "fuzz.h"

FUZZ_TARGET("xl")
