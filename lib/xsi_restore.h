/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handing a stream to a hypervisor: what a restore back end is written against, and the registry
 * of restores.
 *
 * A back end is a shared object of its own, so that nothing else depends on a release of Xen. It
 * lies in the folder xsi/ beside libxsi as restore-NAME.so and exports one symbol,
 * XSI_RESTORE_SYMBOL, a const struct xsi_restore_backend. The program that loads it checks `abi`
 * and `size` first. Back ends are called in a process of their own, so that an assertion in Xen's
 * libraries ends only that; what they must tell while they work goes through the job's functions.
 * This interface is ours alone: Xen's headers are not needed to read it.
 */
#ifndef XSI_RESTORE_H
#define XSI_RESTORE_H

#include "xsi.h"

#define XSI_RESTORE_ABI    1
#define XSI_RESTORE_SYMBOL "xsi_restore_backend"

/* ---------------------------------------------------------------- the host ---- */

#define XSI_HOST_LEAVES  256
#define XSI_HOST_DOMAINS 2048
#define XSI_NO_DOMAIN    UINT32_MAX

/* A row of record X86_CPUID_POLICY, as it stands there. */
struct xsi_cpuid_leaf {
    uint32_t leaf, subleaf, a, b, c, d;
};

struct xsi_host_domain {
    uint32_t id;
    bool dying;
    char name[128], uuid[40]; /* "" unknown; raw */
};

/* What the hypervisor says of itself. */
struct xsi_host {
    char version[64]; /* "4.17.7" */
    unsigned major, minor;
    bool has_memory;
    uint64_t free_kb;
    size_t leaf_count; /* highest policy that a guest of the kind can get; 0 unknown */
    struct xsi_cpuid_leaf leaf[XSI_HOST_LEAVES];
    bool has_domains, more_domains; /* more: the list is not complete */
    size_t domain_count;
    struct xsi_host_domain domain[XSI_HOST_DOMAINS];
};

/* ---------------------------------------------------------------- a job ---- */

#define XSI_RESTORE_DISKS 32

struct xsi_restore_disk {
    char path[512], format[16]; /* "raw", "qcow2", "qed", "vhd", "empty" */
    char vdev[16];              /* "hda", "xvda" */
    bool cdrom, writable;
};

/* What the back end tells while it works. */
struct xsi_restore_ear {
    /* A line for a person, of the part that says it. */
    void (*say)(const struct xsi_restore_ear *ear, enum xsi_run_level level, const char *text);
    /* A domain of this job exists from now on. */
    void (*made)(const struct xsi_restore_ear *ear, uint32_t domain);
};

struct xsi_restore_job {
    size_t size; /* of this structure */
    const struct xsi_restore_ear *ear;
    const struct xsi_host *before; /* domains that were there before; NULL unknown */

    int stream; /* what is restored: to be read to its end, no further */
    enum xsi_guest guest;
    unsigned vcpus;
    uint64_t memory_kb, most_kb; /* of the guest now; that it may reach */
    uint64_t video_kb;
    unsigned event_channels;
    char name[128], uuid[40]; /* "" unknown; checked: they hold nothing but plain characters */

    uint32_t into; /* a prepared domain, or XSI_NO_DOMAIN: one is created */
    bool paused;

    int emulator;      /* the device model's state, to be read from its beginning; -1 none */
    const char *store; /* xenstore keys and values of the device model, each with a NUL */
    size_t store_length;
    char vga[16];  /* "none", "std", "cirrus" */
    char boot[16]; /* "cda" */
    bool serial;   /* the guest has a serial line */
    bool platform; /* ... and the Xen platform device */
    bool usb, usb_tablet;
    char nic[24]; /* model of the emulated network card, "" none */
    char mac[24];
    size_t disk_count;
    struct xsi_restore_disk disk[XSI_RESTORE_DISKS];
    const char *config;  /* libxl's JSON, for the toolstack that finds the guest running; or NULL */
    const char *program; /* xl, or the device model; NULL = where it is looked for */
};

/* What came of it. */
struct xsi_restored {
    uint32_t domain;
    bool running;
    bool has_pages; /* frames of xenstore and console, for the toolstack that prepared a domain */
    uint64_t store_frame, console_frame;
    uint32_t store_port, console_port;
};

struct xsi_restore_backend {
    uint32_t abi, size; /* XSI_RESTORE_ABI, sizeof(struct xsi_restore_backend) */
    const char *name;   /* "libxc" */
    const char *about;  /* what it was built for: "libxenguest 4.17" */
    /* guest: whose highest CPU policy. -errno: no hypervisor answers. */
    int (*host)(struct xsi_host *host, enum xsi_guest guest, struct xsi_error *err);
    /* On a failure no domain of the job is left, unless it was prepared by somebody else. */
    int (*restore)(const struct xsi_restore_job *job, struct xsi_restored *result,
                   struct xsi_error *err);
    /* Behind a restore that was killed: end what it has left. domain XSI_NO_DOMAIN: it is not known
     * whether it has made one; what is new since `before` and has the job's name or UUID is.
     * *domain says which one was destroyed. */
    int (*clean)(const struct xsi_restore_job *job, uint32_t *domain, struct xsi_error *err);
};

/* ---------------------------------------------------------------- restores of the past ---- */

/* An image as the registry of restores knows it again, whatever it is called. */
struct xsi_image_id {
    uint64_t size, hash; /* of the image up to its end of stream; of its head, middle and tail */
    uint64_t dev, ino;   /* of the file; 0 a pipe */
    char uuid[40];       /* of the guest; "" unknown */
};
/* end: of the stream; path NULL or "-": no file. 0 or -errno with err. */
XSI_API int xsi_image_id(struct xsi_image_id *id, struct xsi_source *src, const char *path,
                         uint64_t end, const char *uuid, struct xsi_error *err);

struct xsi_past_restore {
    int64_t when;    /* seconds since 1970 */
    char via[16];    /* "libxc", "xl" */
    uint32_t domain; /* XSI_NO_DOMAIN: it was begun, and its end is not known */
    char number[32]; /* of the restore */
};
/*
 * Registry of restores, a file of lines in the folder of the undo files (see xsi_edit.h for
 * `state`). The newest restore of this image that did not fail: 1 found, 0 none, -errno.
 */
XSI_API int xsi_restores_find(const char *state, const struct xsi_image_id *id,
                              struct xsi_past_restore *past, struct xsi_error *err);
/*
 * Note that a restore begins; its number goes to `number`. With `once` it is refused (-EEXIST,
 * *past) when there was one, in one step with the note. On the disk when this returns 0.
 */
XSI_API int xsi_restores_begin(const char *state, const struct xsi_image_id *id, const char *via,
                               bool once, char number[32], struct xsi_past_restore *past,
                               struct xsi_error *err);
/* How it ended: the domain, or XSI_NO_DOMAIN: it failed, and may be tried again. */
XSI_API int xsi_restores_end(const char *state, const char *number, uint32_t domain,
                             struct xsi_error *err);

/* ---------------------------------------------------------------- CPUID ---- */

/* Name of a feature bit ("avx2"), register 0 to 3 = a to d; NULL: the word holds no features, or
 * the bit has no name. */
XSI_API const char *xsi_cpuid_feature(uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit);
/* Whether the word holds feature bits at all. */
XSI_API bool xsi_cpuid_features(uint32_t leaf, uint32_t subleaf, unsigned reg);

#endif
