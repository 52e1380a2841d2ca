/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESTORE_LIBXC_HOST_H
#define RESTORE_LIBXC_HOST_H

#include "work.h"

int host_look(struct work *w, struct xsi_host *host, enum xsi_guest guest);
void host_domains(struct work *w, struct xsi_host *host);

#endif
