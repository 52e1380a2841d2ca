/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the converter's model share: converter.c (start, end, chunks), converter_head.c
 * (PV head), converter_page.c (batches), converter_tail.c (tails and the device-model record),
 * converter_check.c (what the reader behind the pipe checks of a PV guest at the end).
 */
#ifndef LEGACY_CONVERTER_PRIV_H
#define LEGACY_CONVERTER_PRIV_H

#include "converter.h"
#include "legacy.h"
#include "messages.h"
#include "../v2/messages.h"

/* One table of messages speaks for the script and for libxc: ids of the v2 folder from here on. */
#define CONVERTER_V2 0x10000U

enum {
    CONVERTER_VCPUS = 4096,  /* the script's MAX_VCPU_ID + 1 */
    CONVERTER_BATCH = 1024,  /* its MAX_BATCH */
    CONVERTER_FRAMES = 8192, /* frame list entries kept for the end */
    FRAME_TYPE = 0x0f        /* of a frame's byte: the type nibble that the reader recorded */
};

/* What is kept of a vCPU for the reader's checks at the end. */
struct converter_vcpu {
    uint64_t at; /* of its context in the image; 0 = not sent */
    uint64_t edx, cr3, cr1, gdt_ents, gdt[14];
};

struct converter {
    unsigned ul; /* width that the script was told */
    bool pv;     /* guest type that it was told */
    bool libxl;  /* output format */
    bool skip_qemu;
    bool bare;   /* no container: the script was run by hand */
    bool header; /* the script has written its output's header */
    uint64_t start, p2m_size, at;
    /* extended info */
    unsigned width, levels;
    uint32_t basic, ext_total, ext_done, block;
    char block_id[4];
    bool extd;
    uint32_t xsave;
    /* frame list */
    uint64_t frames, frames_at, *frame;
    /* body */
    int32_t marker, max_vcpu;
    uint32_t count, kept, type_bits;
    uint64_t entries_at;
    uint64_t pages, fresh; /* populated; of those, by the batch at hand */
    unsigned params;
    bool toolstack;
    /* tail */
    uint64_t map[CONVERTER_VCPUS / 64];
    unsigned vcpu, vcpus_set;
    struct converter_vcpu cpu; /* the one being read */
    bool has_vcpu0, bad;       /* bad: a check of the reader has failed at the end */
    unsigned bad_message;
    uint64_t bad_at, bad_a, bad_b, bad_c;
    int bad_error;
    bool no_cpu, no_pic; /* the HVM context lacks them */
    uint32_t context;
    uint64_t context_at;
    uint32_t qemu;
    uint64_t qemu_at, record;
};

/* ---- converter.c ---- */
/* The script stops with this message; status 1 or 2 (3: an exception that it does not catch). */
void converter_stops(struct xsi_run *r, struct converter *s, unsigned status, const char *code,
                     const char *fmt, ...) XSI_PRINTF(5, 6);
/* The image ends where the script wants more. */
void converter_short(struct xsi_run *r, struct converter *s, const char *what);
/* libxc refuses the converted stream; its lines were said, but for the last. */
void converter_refused(struct xsi_run *r, struct converter *s, const char *code, uint64_t at,
                       const char *fmt, ...) XSI_PRINTF(5, 6);
void converter_next(struct xsi_run *r, struct converter *s);
/* All is read and written. */
void converter_ends(struct xsi_run *r, struct converter *s);

/* ---- converter_head.c ---- */
void converter_head(struct xsi_run *r, struct converter *s);
/* ---- converter_check.c ---- */
/* The checks of the vCPU in s->cpu, its context at p; and those at the end: true when one of all
 * failed, which has been said. */
void converter_check_vcpu(struct xsi_run *r, struct converter *s, const uint8_t *p);
bool converter_checks_fail(struct xsi_run *r, struct converter *s);
/* ---- converter_xen.c ---- */
struct v2_refusal;
/* Does Xen take the HVM context at p (s->context bytes at s->context_at); the context of vCPU
 * s->vcpu? error 0 in *out: yes. */
void converter_xen_context(struct xsi_run *r, struct converter *s, const uint8_t *p, size_t have,
                           struct v2_refusal *out);
void converter_xen_vcpu(struct xsi_run *r, struct converter *s, const uint8_t *p,
                        struct v2_refusal *out);
/* ---- converter_page.c ---- */
void converter_batch(struct xsi_run *r, struct converter *s);
/* ---- converter_tail.c ---- */
void converter_tail(struct xsi_run *r, struct converter *s);

#endif
