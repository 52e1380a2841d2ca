/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The container that libvirt writes. */
#include "fuzz.h"

FUZZ_TARGET("libvirt")
