/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HVM_PARAMS, and the end of an HVM restore: 4.22:xg_sr_restore_x86_hvm.c. What Xen refuses of a
 * parameter: xen/arch/x86/hvm/hvm.c:hvm_allow_set_param, hvm_set_param (up to 4.13
 * hvmop_set_param), at each release.
 */
#include "model.h"

#include <errno.h>

#include "../x86/x86.h"

enum { COUNT_SIZE = 8, PARAM_SIZE = 16 };
enum {
    STORE_PFN = 1,
    PAE_ENABLED = 4,
    IOREQ_PFN = 5,
    BUFIOREQ_PFN = 6,
    VIRIDIAN = 9,
    CONSOLE_PFN = 17,
    ACPI_IOPORTS = 19,
    MCA_CAP = 38
};

enum test {
    ANY,   /* refused whatever its value */
    ABOVE, /* value > number */
    BITS,  /* bits beside number */
    ZERO_OR_ABOVE,
    NOT_WIDTH,  /* not 0, 4, 8 */
    NOT_SLEEP,  /* not 0, 3 */
    WIDE,       /* above 32 bits */
    HIGH_BELOW, /* upper half < number */
    NOT         /* value != number */
};

/* Rows: index, releases (to 0 = still so), test, its number, errno. */
static const struct rule {
    uint16_t index, from, to;
    enum test test;
    uint64_t number;
    int error;
} rules[] = {
    { 10, 0, 0, ABOVE, 3, EINVAL },        /* TIMER_MODE */
    { 13, 411, 411, NOT, 0x7ff0, EINVAL }, /* DM_DOMAIN: DOMID_SELF */
    { 13, 412, 413, ANY, 0, EPERM },
    { 13, 414, 0, ANY, 0, EINVAL },
    { 14, 0, 0, NOT_SLEEP, 0, EINVAL }, /* ACPI_S_STATE */
    { 15, 409, 0, WIDE, 0, EINVAL },    /* VM86_TSS */
    { 19, 0, 0, ABOVE, 1, EINVAL },     /* ACPI_IOPORTS_LOCATION */
    { 20, 0, 413, ANY, 0, EOPNOTSUPP }, /* MEMORY_EVENT_CR0 */
    { 20, 414, 0, ANY, 0, EINVAL },
    { 21, 0, 413, ANY, 0, EOPNOTSUPP }, /* ... CR3 */
    { 21, 414, 0, ANY, 0, EINVAL },
    { 22, 0, 413, ANY, 0, EOPNOTSUPP }, /* ... CR4 */
    { 22, 414, 0, ANY, 0, EINVAL },
    { 23, 0, 413, ANY, 0, EOPNOTSUPP }, /* ... INT3 */
    { 23, 414, 0, ANY, 0, EINVAL },
    { 24, 0, 414, ABOVE, 1, EINVAL }, /* NESTEDHVM */
    { 24, 415, 0, ANY, 0, EINVAL },
    { 25, 0, 413, ANY, 0, EOPNOTSUPP }, /* MEMORY_EVENT_SINGLE_STEP */
    { 25, 414, 0, ANY, 0, EINVAL },
    { 26, 0, 411, ANY, 0, EINVAL }, /* BUFIOREQ_EVTCHN */
    { 26, 412, 413, ANY, 0, EPERM },
    { 26, 414, 0, ANY, 0, EINVAL },
    { 30, 0, 413, ANY, 0, EOPNOTSUPP }, /* MEMORY_EVENT_MSR */
    { 30, 414, 0, ANY, 0, EINVAL },
    { 31, 0, 0, ABOVE, 5, EINVAL },          /* TRIPLE_FAULT_REASON */
    { 33, 0, 0, ZERO_OR_ABOVE, 64, EINVAL }, /* NR_IOREQ_SERVER_PAGES */
    { 35, 0, 408, ABOVE, 1, EINVAL },        /* ALTP2M */
    { 35, 409, 0, ABOVE, 3, EINVAL },
    { 36, 0, 0, NOT_WIDTH, 0, EINVAL },      /* X87_FIP_WIDTH */
    { 37, 409, 0, HIGH_BELOW, 104, EINVAL }, /* VM86_TSS_SIZED: at least a TSS */
    { 38, 410, 0, BITS, 1, EINVAL },         /* MCA_CAP */
};

/* May be set once; again only to the same value. */
static const struct {
    uint16_t index, from;
} once[] = { { 5, 412 }, { 6, 412 }, { 9, 0 }, { 32, 0 }, { 33, 0 }, { 35, 0 }, { 38, 410 } };

static bool fails(const struct rule *x, uint64_t value)
{
    switch (x->test) {
    case ANY:
        return true;
    case ABOVE:
        return value > x->number;
    case BITS:
        return value & ~x->number;
    case ZERO_OR_ABOVE:
        return !value || value > x->number;
    case NOT_WIDTH:
        return value != 0 && value != 4 && value != 8;
    case NOT_SLEEP:
        return value != 0 && value != 3;
    case WIDE:
        return value >> 32;
    case HIGH_BELOW:
        return value >> 32 < x->number;
    case NOT:
        return value != x->number;
    }
    return false;
}

int v2_param_error(const struct v2_judge *s, uint32_t index, uint64_t value)
{
    unsigned release = s->own->hvm;

    if (index >= s->own->params)
        return EINVAL;
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        if (once[i].index == index && release >= once[i].from && s->param[index] &&
            s->param[index] != value)
            return EEXIST;
    if (index == VIRIDIAN && ((value & ~(uint64_t)s->own->viridian) || !(value & 1)))
        return EINVAL;
    if (index == ACPI_IOPORTS && s->pvh)
        return ENODEV;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const struct rule *x = &rules[i];

        if (x->index == index && release >= x->from && (!x->to || release <= x->to) &&
            fails(x, value))
            return x->error;
    }
    return 0;
}

/* One parameter. False: the restore has ended. */
static bool set_param(struct xsi_run *r, struct v2_judge *s, uint64_t index, uint64_t value,
                      uint64_t at)
{
    bool page =
        index == STORE_PFN || index == CONSOLE_PFN || index == IOREQ_PFN || index == BUFIOREQ_PFN;
    int error;

    if (index == PAE_ENABLED && v2_is(s, V2_NO_PAE_PARAM))
        return true;
    /* the page is cleared first; when there is none, that leaves EINVAL behind, no more */
    if (page && !(xsi_frame(r, value) & XSI_FRAME_HELD))
        s->error = EINVAL;
    error = v2_param_error(s, (uint32_t)index, value); /* the call cuts the index to 32 bits */
    if (error) {
        s->error = error;
        xsi_run_say(r, V2_MSG_SET_PARAM, error, index, value);
        xsi_run_result(r)->by_xen = true;
        v2_stop(r, s,
                error == ENODEV      ? V(87)
                : index > UINT32_MAX ? V(81)
                                     : V(95),
                at, "Xen refuses HVM parameter %llu = 0x%llx", (unsigned long long)index,
                (unsigned long long)value);
        return false;
    }
    if ((uint32_t)index < V2_PARAM_SLOTS) {
        s->param[(uint32_t)index] = value;
        s->param_set |= 1ULL << (uint32_t)index;
    }
    if (index == MCA_CAP && value)
        xsi_run_condition(r, "a host with LMCE");
    return true;
}

static bool params_fit(struct xsi_run *r, struct v2_judge *s, uint32_t count)
{
    uint64_t size = (uint64_t)count * PARAM_SIZE;

    if (s->length == COUNT_SIZE + size ||
        (!v2_is(s, V2_PARAMS_EXACT) && s->length > COUNT_SIZE + size))
        return true;
    if (v2_is(s, V2_PARAMS_EXACT))
        xsi_run_say(r, V2_MSG_PARAMS_SIZE, 0, (size_t)COUNT_SIZE, count, (size_t)size, s->length);
    else
        xsi_run_say(r, V2_MSG_PARAMS_SHORT, 0);
    v2_stop(r, s, V(16), s->at, "HVM_PARAMS of %u bytes for %u parameters", s->length, count);
    return false;
}

void v2_take_params(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n)
{
    uint64_t at = s->at + V2_RHDR_SIZE + COUNT_SIZE;
    uint32_t count;

    if (n < COUNT_SIZE) {
        xsi_run_say(r, v2_is(s, V2_PARAMS_EXACT) ? V2_MSG_PARAMS_HEADER : V2_MSG_PARAMS_SHORT, 0,
                    s->length, (size_t)COUNT_SIZE);
        v2_stop(r, s, V(16), s->at, "HVM_PARAMS of %u bytes", s->length);
        return;
    }
    count = xsi_le32(p);
    if (!params_fit(r, s, count))
        return;
    s->params_seen = true;
    for (size_t i = COUNT_SIZE; i + PARAM_SIZE <= n && count; i += PARAM_SIZE, count--) {
        if (!set_param(r, s, xsi_le64(p + i), xsi_le64(p + i + 8), at))
            return;
        at += PARAM_SIZE;
    }
    v2_next(r, s);
}

/* ---- the end ---- */

static void missing_page(struct xsi_run *r, struct v2_judge *s, unsigned index, const char *what)
{
    bool set = s->param_set >> index & 1;

    if (!set)
        v2_lose(r, s->params_seen ? V(82) : V(33), s->at, what);
    else if (!xsi_frames_lost(r) && !(xsi_frame(r, s->param[index]) & XSI_FRAME_HELD))
        v2_lose(r, V(57), s->at, what);
}

void v2_finish_hvm(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_refusal *x = &s->context;

    xsi_run_state(r, "the stream is complete");
    if (!s->has_context)
        v2_refuse(x, ENODATA, V(32), s->at, "no HVM context came before the end");
    if (x->error) {
        s->error = x->error;
        xsi_run_say(r, V2_MSG_SET_CONTEXT, x->error);
        v2_stop_refused(r, s, x);
        return;
    }
    xsi_run_result(r)->hvmctx_len = s->context_length;
    xsi_run_result(r)->vcpus_set = s->context_cpus;
    if (!s->params_seen)
        v2_lose(r, V(33), s->at, "HVM parameters");
    missing_page(r, s, STORE_PFN, "the XenStore page");
    missing_page(r, s, CONSOLE_PFN, "the console page");
    if (s->no_cpu)
        v2_lose(r, &x86_findings[X86_H12], s->context_at, "vCPU 0");
    if (s->no_pic)
        v2_lose(r, &x86_findings[X86_H22], s->context_at, "the interrupt controllers (PIC)");
    v2_success(r, s);
}
