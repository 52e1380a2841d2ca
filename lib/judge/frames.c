/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The byte per guest frame of a run: what models of readers know of frames. */
#include "internal.h"

uint64_t xsi_frames_set(struct xsi_run *r, uint64_t first, uint64_t count, uint8_t clear,
                        uint8_t set)
{
    return xsi_frames_put(&r->frames, first, count, clear, set);
}

uint8_t xsi_frame(const struct xsi_run *r, uint64_t pfn)
{
    uint64_t same;

    return xsi_frames_get(&r->frames, pfn, &same);
}

uint64_t xsi_frames_unlike(const struct xsi_run *r, uint64_t first, uint64_t count, uint8_t mask,
                           uint8_t value)
{
    uint64_t end = first + count, same;

    for (uint64_t pfn = first; pfn < end; pfn += same)
        if ((xsi_frames_get(&r->frames, pfn, &same) & mask) != value)
            return pfn;
    return end;
}

uint64_t xsi_frames_next(const struct xsi_run *r, uint64_t first, uint8_t mask, uint8_t value)
{
    uint64_t same;

    for (uint64_t pfn = first; pfn < XSI_FRAMES_END; pfn += same) {
        uint8_t byte = xsi_frames_get(&r->frames, pfn, &same);

        if (byte && (byte & mask) == value)
            return pfn;
        if (same >= UINT64_MAX - pfn)
            break;
    }
    return UINT64_MAX;
}

bool xsi_frames_lost(const struct xsi_run *r)
{
    return r->frames.lost;
}
