/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest behind an image: which frames exist, their types, which are sent in which pass. */
#include <string.h>

#include "xsgen.h"

#define HVM_TOP    0xFF000U /* with the special pages below 4 GiB */
#define HOT_STRIDE 97U      /* frames that the guest writes all the time */

bool is_pv(const struct recipe *r)
{
    return r->guest == GUEST_PV64 || r->guest == GUEST_PV32;
}

unsigned guest_width(const struct recipe *r)
{
    return r->guest == GUEST_PV32 ? 4 : 8;
}

uint64_t p2m_size(const struct recipe *r)
{
    if (r->p2m)
        return r->p2m;
    if (!is_pv(r) && r->special == SPECIAL_HIGH)
        return HVM_TOP;
    return r->pages + r->unmapped;
}

static bool listed(const struct list *list, uint64_t value)
{
    unsigned i;

    for (i = 0; i < list->n; i++)
        if (list->at[i] == value)
            return true;
    return false;
}

bool vcpu_online(const struct recipe *r, unsigned vcpu)
{
    return vcpu < r->vcpus && !listed(&r->offline, vcpu);
}

static bool is_special(const struct recipe *r, uint64_t pfn)
{
    unsigned first = r->era >= ERA(4, 5, 0) ? 0xFEFF0 : 0xFEFF8;

    return r->special == SPECIAL_HIGH && pfn >= first && pfn < HVM_TOP;
}

bool is_present(const struct recipe *r, uint64_t pfn)
{
    if (is_pv(r))
        return pfn < r->pages;
    if (r->guest == GUEST_HVM && pfn >= 0xA0 && pfn < 0xC0)
        return false; /* VGA */
    return pfn < r->pages || is_special(r, pfn);
}

static unsigned pv_type(const struct recipe *r, uint64_t pfn)
{
    bool wide = r->guest == GUEST_PV64;

    switch (pfn) {
    case PFN_ROOT:
        return 8 + (wide ? 4 : r->levels == 2 ? 2 : 3);
    case PFN_L3:
        return wide ? 3 : 0;
    case PFN_L2:
        return r->levels == 2 ? 0 : 2;
    case PFN_L2 + 1:
    case PFN_L2 + 2:
    case PFN_L2 + 3:
        return wide || r->levels == 2 ? 0 : 2;
    case PFN_L1:
        return 1;
    case PFN_USER_ROOT:
        return wide ? 12 : 0;
    default:
        return 0;
    }
}

unsigned page_type(const struct recipe *r, uint64_t pfn)
{
    unsigned i;

    for (i = 0; i + 1 < r->type.n; i += 2)
        if (r->type.at[i] == pfn)
            return (unsigned)r->type.at[i + 1] & 15;
    if (listed(&r->broken, pfn))
        return TYPE_BROKEN;
    if (!is_present(r, pfn))
        return TYPE_XTAB;
    return is_pv(r) ? pv_type(r, pfn) : 0;
}

bool is_hot(const struct recipe *r, uint64_t pfn)
{
    return r->live.n && pfn && pfn % HOT_STRIDE == 0 && is_present(r, pfn) &&
           page_type(r, pfn) == 0;
}

/* Frames of the guest's own p2m table: the first is fixed, so that small guests look alike. */
uint64_t p2m_frame(const struct recipe *r, uint64_t index)
{
    uint64_t pfn = index ? PFN_USER_ROOT + 1 + index : PFN_P2M;

    return pfn < r->pages || r->pages == 0 ? pfn : PFN_P2M;
}

/* A page of the special block below 0xFF000, or its place at the top of a small guest's memory. */
uint64_t special_pfn(const struct recipe *r, uint64_t high)
{
    if (r->special == SPECIAL_HIGH || p2m_size(r) < HVM_TOP - 0xFEFF0)
        return high;
    return p2m_size(r) - (HVM_TOP - high);
}

uint64_t param_of(const struct recipe *r, int64_t id, uint64_t normal)
{
    unsigned i;

    for (i = 0; i + 1 < r->param.n; i += 2)
        if ((int64_t)r->param.at[i] == id)
            return r->param.at[i + 1];
    return normal;
}

/*
 * Is a frame sent in a pass? Pass 0 sends all but the hot ones, which the last pass brings. The
 * passes between send every third frame until their number from the recipe is reached; *taken
 * counts them.
 */
bool in_pass(const struct recipe *r, uint64_t pfn, unsigned pass, uint64_t *taken)
{
    bool last = pass == r->live.n, plain;

    if (pass == 0)
        return true; /* hot ones are decided by the writer */
    if (is_hot(r, pfn))
        return last;
    plain = is_present(r, pfn) && page_type(r, pfn) == 0 && (!is_pv(r) || pfn >= PFN_PLAIN);
    if (!plain || pfn % 3 != (pass == 1 ? 1U : 2U) || *taken >= r->live.at[pass - 1])
        return false;
    ++*taken;
    return true;
}
