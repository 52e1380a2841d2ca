/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forms of device-model records. */
#ifndef PLUGINS_QEMU_QEMU_H
#define PLUGINS_QEMU_QEMU_H

#include "qevm.h"

#define QEMU_SIGNATURE  21          /* bytes, in all of them */
#define QEMU_LOOK       64          /* bytes that tell the forms apart */
#define QEMU_SIZE_KNOWN (2U << 20)  /* how far the end of a record without length is looked for */
#define QEMU_SIZE_SANE  (64U << 20) /* no device model wrote more */

enum qemu_finding {
#define FINDING(id, ...) QEMU_##id,
#include "findings.def"
#undef FINDING
    QEMU_FINDINGS
};
extern const struct xsi_finding_row qemu_findings[QEMU_FINDINGS];

/* In the order of the layer table. */
enum qemu_form { QEMU_TRAD, QEMU_XEN, QEMU_REMUS, QEMU_XAPI, QEMU_LE, QEMU_UNKNOWN };

struct qemu_shape {
    enum qemu_form form;
    int score; /* 0 = no record here */
    bool signature_damaged;
    bool cut;        /* the image ends before the state does, or before it begins */
    bool swapped;    /* the length is in the other byte order */
    bool to_end;     /* no length: up to the end of the image */
    size_t head;     /* bytes in front of the state */
    uint64_t length; /* of the state; 0 when to_end */
    bool magic;      /* the state begins with QEVM */
    uint32_t version;
    uint8_t after_version; /* first byte behind magic and version; 0xff when there is none */
    const char *why;
};

/* State of the layer. */
struct qemu_state {
    struct qemu_shape shape;
    uint64_t size; /* bytes of state, 0 when not known */
    bool done;
};

/* have bytes at the record's start (up to QEMU_LOOK), left: to the image's end, UINT64_MAX if
 * that is not known. */
void qemu_shape(const uint8_t *p, size_t have, uint64_t left, struct qemu_shape *out);

#endif
