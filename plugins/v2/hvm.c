/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HVM_CONTEXT and HVM_PARAMS. What Xen refuses of the parameters: 4.22:hvm.c:hvm_set_param. */
#include <inttypes.h>

#include "v2.h"
#include "../x86/x86.h"

#define PARAM_SIZE 16U
#define PARAMS_MAX 256U

enum {
    STORE_PFN = 1,
    IDENT_PT = 12,
    CONSOLE_PFN = 17,
    NR_IOREQ_PAGES = 33,
    FIP_WIDTH = 36,
    INDEX_END = 39 /* HVM_NR_PARAMS from 4.10 on */
};

/* Refused from 4.14 on. Index 4 (PAE_ENABLED) is too, but libxc drops that one itself. */
#define DEPRECATED                                                                              \
    (1ULL << 13 | 1ULL << 20 | 1ULL << 21 | 1ULL << 22 | 1ULL << 23 | 1ULL << 24 | 1ULL << 25 | \
     1ULL << 26 | 1ULL << 30)

/* A guest without interrupt controllers and timers of a PC is a PVH one. */
#define PC_DEVICES (1U << X86_HVM_PIC | 1U << X86_HVM_IOAPIC | 1U << X86_HVM_PIT)

static void note_guest(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                       const struct x86_hvm_summary *sum)
{
    struct xsi_info *info = xsi_info(w);
    bool pc = sum->types & PC_DEVICES;

    if (!sum->end_seen || !sum->cpus || s->kind == 1)
        return;
    if ((s->claimed == XSI_GUEST_PVH && pc) || (s->claimed == XSI_GUEST_HVM && !pc))
        v2_report(w, V87, h->at, 8, "the configuration describes %s guest, but the context %s",
                  pc ? "a PVH" : "an HVM",
                  pc ? "holds the devices of an HVM one" : "holds none of the devices of a PC");
    info->guest = pc ? XSI_GUEST_HVM : XSI_GUEST_PVH;
}

void v2_check_context(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                      struct xsi_chunk *out)
{
    uint64_t at = h->at + V2_RHDR_SIZE;
    uint32_t size = h->length < V2_CHECK_MAX ? h->length : V2_CHECK_MAX;
    struct x86_hvm_summary sum;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, size, &have);

    x86_hvm_check(p, have, h->length, &sum);
    x86_hvm_report(w, at, &sum);
    xsi_note(out, "%u records, %u vCPUs", sum.records, sum.cpus);
    s->context_vcpus = sum.vcpus;
    if (sum.cpus)
        xsi_info(w)->cpu_state = true;
    note_guest(w, s, h, &sum);
}

/* A parameter for which readers stop. */
#define refused(w, id, at, ...) \
    xsi_report_as(w, &v2_findings[V2_##id], XSI_WARNING, 2, at, PARAM_SIZE, __VA_ARGS__)

static void check_value(struct xsi_walk *w, uint64_t at, uint64_t index, uint64_t value)
{
    if (index >= INDEX_END && (uint32_t)index < INDEX_END)
        v2_report(w, V81, at, 8,
                  "HVM parameter 0x%" PRIx64 " does not exist; readers take it for "
                  "%" PRIu32,
                  index, (uint32_t)index);
    else if (index >= INDEX_END)
        refused(w, V81, at, "HVM parameter %" PRIu64 " does not exist up to 4.22", index);
    else if (DEPRECATED >> index & 1)
        refused(w, V81, at, "HVM parameter %" PRIu64 " is refused from 4.14 on", index);
    else if (index == FIP_WIDTH && value != 0 && value != 4 && value != 8)
        refused(w, V95, at, "X87_FIP_WIDTH is %" PRIu64 "; 0, 4 and 8 are possible", value);
    else if (index == NR_IOREQ_PAGES && (!value || value > 64))
        refused(w, V95, at, "NR_IOREQ_SERVER_PAGES is %" PRIu64, value);
    else if (index == IDENT_PT && value % XSI_PAGE_SIZE)
        v2_report(w, V95, at + 8, 8, "IDENT_PT is 0x%" PRIx64 ", not the start of a page", value);
    else if ((index == STORE_PFN || index == CONSOLE_PFN) && value >> 40)
        v2_report(w, V95, at + 8, 8, "%s is 0x%" PRIx64,
                  index == STORE_PFN ? "STORE_PFN" : "CONSOLE_PFN", value);
}

void v2_check_params(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                     struct xsi_chunk *out)
{
    uint64_t at = h->at + V2_RHDR_SIZE, seen = 0;
    uint32_t size =
        h->length < 8 + PARAM_SIZE * PARAMS_MAX ? h->length : 8 + PARAM_SIZE * PARAMS_MAX;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, size, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);
    uint32_t count = xsi_u32(&c), reserved = xsi_u32(&c);
    bool whole = have == size;

    if (h->length < 8 || c.short_read)
        return;
    xsi_note(out, "%" PRIu32 " parameters", count);
    if (reserved)
        v2_report(w, V47, at + 4, 4, "reserved word of HVM_PARAMS is 0x%" PRIx32, reserved);
    if (h->length != 8 + PARAM_SIZE * (uint64_t)count)
        v2_report(w, V16, at, 4,
                  "HVM_PARAMS of length %" PRIu32 " with count %" PRIu32 ": readers "
                  "expect %" PRIu64,
                  h->length, count, 8 + PARAM_SIZE * (uint64_t)count);
    for (uint64_t n = 0; c.left >= PARAM_SIZE; n++) {
        uint64_t index = xsi_u64(&c), value = xsi_u64(&c);
        uint64_t bit = index < 64 ? 1ULL << index : 0;

        check_value(w, at + 8 + PARAM_SIZE * n, index, value);
        if (seen & bit)
            v2_report(w, V94, at + 8 + PARAM_SIZE * n, PARAM_SIZE,
                      "HVM parameter %" PRIu64 " stands there twice", index);
        seen |= bit;
    }
    /* a converted stream spreads its parameters over two records */
    if (whole && s->major && (~seen & (1ULL << STORE_PFN | 1ULL << CONSOLE_PFN)))
        v2_report(w, V82, h->at, 8, "HVM_PARAMS without %s%s%s",
                  seen >> STORE_PFN & 1 ? "" : "STORE_PFN",
                  (seen >> STORE_PFN | seen >> CONSOLE_PFN) & 1 ? "" : " and ",
                  seen >> CONSOLE_PFN & 1 ? "" : "CONSOLE_PFN");
}
