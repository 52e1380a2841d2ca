/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xsrecover restore, from the inside. Three processes work together: a writer converts the image
 * into a pipe, a back end (lib/xsi_restore.h) reads another one, and this program moves the bytes
 * from one to the other and watches both. So it knows how far the back end has read, whatever
 * happens to that.
 */
#ifndef RESTORE_H
#define RESTORE_H

#include "xsrecover.h"
#include <xsi_convert.h>
#include <xsi_restore.h>

enum via { VIA_LIBXC, VIA_XL };

/* What the configuration says that the stream does not. */
struct restore_config {
    bool there;    /* and was read */
    bool lines;    /* it is xl.cfg text, which is for xl alone */
    char why[200]; /* why it was not read */
    enum xsi_guest guest;
    char name[128], uuid[40];
    unsigned vcpus, event_channels;
    uint64_t memory_kb, most_kb, video_kb;
    char vga[16], boot[16], nic[24], mac[24];
    bool serial, platform, usb, usb_tablet;
    size_t disk_count;
    struct xsi_restore_disk disk[XSI_RESTORE_DISKS];
};

enum check_state { CHECK_GOOD, CHECK_SKIPPED, CHECK_WARN, CHECK_REFUSE };

struct check {
    enum check_state state;
    const char *name; /* "free memory" */
    char text[700];
};
#define CHECKS 32

struct restore_shared;

struct restore {
    const struct cli_term *t;
    struct settings *s;
    const char *file;
    enum via via;
    const char *via_why;

    struct xsi_source *src; /* the image, seekable */
    bool spooled;
    struct xsi_plan *plan;
    const char *reader; /* NULL = the container's default */
    struct xsi_mended *mended;
    struct look look; /* of the planned image */
    struct restore_config config;
    enum xsi_guest guest;
    const char *guest_why;

    struct xsi_convert *whole; /* that nothing is left out of; for its items */
    struct xsi_convert *convert;
    struct xsi_converted converted;
    size_t notes;      /* of the conversion, that were told */
    bool checked;      /* converted is there */
    char failure[400]; /* why there is no conversion; "" there is one */
    bool raw;          /* then these bytes of the planned image are handed over: */
    uint64_t raw_from, raw_to;
    unsigned status; /* for that */
    struct restore_shared *shared;
    struct xsi_host *host; /* the shared one */
    bool host_known;
    char host_why[400];
    struct xsi_restore_job job;
    int drop[4];  /* descriptors that are not the back end's */
    int emulator; /* its state, -1 none */
    char *store;  /* its keys in xenstore */
    char *text;   /* of the configuration, libxl's JSON; NULL none */

    struct check check[CHECKS];
    size_t check_count;
};

/* ---- restore_image.c: the image, mended and converted ---- */

/* 0 or a status after a message. */
unsigned restore_open(struct restore *r);
unsigned restore_mend(struct restore *r);
/* The configuration; which way; the conversion and its check. What fails is kept in r->failure. */
unsigned restore_prepare(struct restore *r);
unsigned restore_convert(struct restore *r);

/* Where the image ends, in the file as it is. */
uint64_t restore_end(const struct restore *r);

/* ---- restore_config.c ---- */

/* From the text of libxl's JSON. */
void restore_config_read(struct restore_config *c, const char *text, size_t n);

/* ---- restore_job.c ---- */

/* What the back end is told. False after a message: something is missing. */
bool restore_job(struct restore *r);

/* ---- restore_check.c, restore_cpu.c ---- */

void XSI_PRINTF(4, 5)
    restore_note(struct restore *r, enum check_state state, const char *name, const char *fmt, ...);
/* All that can be checked before. */
void restore_checks(struct restore *r);
void restore_check_cpu(struct restore *r);
/* The table; `all` false: only what is not in order. */
void restore_checks_print(const struct restore *r, bool all);
enum check_state restore_checks_worst(const struct restore *r);

/* ---- restore_load.c: in the process of a back end ---- */

/* NULL with err. The plug-in stays loaded. */
const struct xsi_restore_backend *restore_load(enum via via, struct xsi_error *err);
const char *restore_via_name(enum via via);

/* ---- restore_run.c ---- */

/* Runs it; everything is said. True: result is what came of it. */
bool restore_run(struct restore *r, struct xsi_restored *result, bool *cancelled);

/* ---- restore_child.c: processes of back ends ---- */

/* What they share with this one. */
struct restore_shared {
    struct xsi_host host;
    struct xsi_restored result;
    struct xsi_error err;
    bool done; /* the function returned: */
    int rc;
    uint32_t domain; /* that was made; XSI_NO_DOMAIN none */
};
bool restore_share(struct restore *r);
/* Asks the host: the libxc back end first, which knows more. */
void restore_host(struct restore *r);
/* Starts the back end; its words come as packets of struct restore_word. -1: no process. */
pid_t restore_start(struct restore *r, int words);
struct restore_word {
    enum xsi_run_level level;
    char text[1000];
};
/* Ends what a killed back end has left, and says so. */
void restore_clean(struct restore *r);

#endif
