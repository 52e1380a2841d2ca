/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The back end that calls libxenguest itself, from the inside. Facts on what a domain needs before
 * and behind xc_domain_restore() are those of Xen 4.17: tools/libs/light/libxl_create.c,
 * libxl_dom.c, libxl_x86.c and libxl_dm.c do the same.
 */
#ifndef RESTORE_LIBXC_WORK_H
#define RESTORE_LIBXC_WORK_H

#include <xenctrl.h>
#include <xenguest.h>
#include <xenstore.h>
#include <xentoollog.h>

/* needs what those include */
#include <xen/hvm/params.h>

#include "../../lib/xsi_restore.h"

struct ear_logger {
    xentoollog_logger vtable; /* first: libxc hands it back */
    const struct xsi_restore_ear *ear;
};

/* A job at work. */
struct work {
    const struct xsi_restore_job *job;
    struct xsi_error *err;
    struct ear_logger logger;
    xc_interface *xch;
    struct xs_handle *xs;
    uint32_t domain;
    bool ours; /* made here, so ended here on a failure */
    bool hvm;  /* HVM or PVH */
    pid_t emulator;
    struct xsi_restored *result;
};

/* Fills err; returns -code. */
int work_fault(struct work *w, int code, const char *fmt, ...) XSI_PRINTF(3, 4);
void work_say(const struct work *w, enum xsi_run_level level, const char *fmt, ...)
    XSI_PRINTF(3, 4);
/* Opens libxc with a logger that talks to ear (NULL: nobody listens), and xenstore. */
int work_open(struct work *w);
void work_close(struct work *w);

/* ---- domain.c ---- */
/* 0 or -errno. */
int domain_create(struct work *w);
int domain_prepared(struct work *w); /* one that a toolstack has made */
int domain_restore(struct work *w);
/* With its device model and its nodes in xenstore. */
int domain_destroy(struct work *w, uint32_t domain);

/* ---- store.c ---- */
int store_write(struct work *w);
int store_introduce(struct work *w);
void store_forget(struct work *w, uint32_t domain);
/* Numbers of nodes; false: there is none. path is relative to the domain's. */
bool store_number(struct work *w, uint32_t domain, const char *path, uint32_t *value);

/* ---- emulator.c ---- */
/* Starts the device model and waits until it runs. */
int emulator_start(struct work *w);
void emulator_end(struct work *w, uint32_t domain);

#endif
