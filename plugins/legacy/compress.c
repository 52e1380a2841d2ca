/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Remus' compressed pages: is the data of a COMPRESSED_DATA chunk a row of whole pages? Encoding:
 * tools/libxc/xc_compression.c@4.2 to 4.5.
 */
#include <inttypes.h>

#include "legacy.h"

size_t legacy_packed_page(const uint8_t *p, size_t n, const char **why)
{
    size_t i = 0, covered = 0;

    if (p[0] == 0x00)
        return 1; /* the page that the receiver has */
    if (p[0] == 0x80) {
        *why = "a full page is cut";
        return n > XSI_PAGE_SIZE ? 1 + XSI_PAGE_SIZE : 0;
    }
    while (covered < XSI_PAGE_SIZE) {
        size_t run;

        *why = "its runs end before the page does";
        if (i >= n)
            return 0;
        run = (size_t)(p[i] & 0x7f) * 4;
        *why = "a run of length 0";
        if (!run)
            return 0;
        covered += run;
        i += 1 + (p[i] & 0x80 ? 0 : run); /* bit 7: skipped words have no bytes */
    }
    *why = covered > XSI_PAGE_SIZE ? "its runs are longer than a page" : "its last run is cut";
    return covered == XSI_PAGE_SIZE && i <= n ? i : 0;
}

void legacy_check_compressed(struct xsi_walk *w, struct legacy *s, uint64_t at, uint64_t length)
{
    size_t want = length < LEGACY_LOOK_MAX ? (size_t)length : LEGACY_LOOK_MAX;
    size_t have, i = 0, step;
    const uint8_t *p = xsi_peek(w, at, want, &have);
    const char *why = "";

    while (i < have) {
        step = legacy_packed_page(p + i, have - i, &why);
        if (!step && have < length) {
            s->unpacked_bad = true; /* not all of it was looked at: how many is not known */
            return;
        }
        if (!step) {
            xsi_report(w, &legacy_findings[LEGACY_L44], at + i, 1,
                       "compressed page %" PRIu64 " of this checkpoint is not decodable: %s",
                       s->unpacked, why);
            s->unpacked_bad = true;
            return;
        }
        s->unpacked++;
        i += step;
    }
}

void legacy_check_unpacked(struct xsi_walk *w, struct legacy *s, uint64_t at)
{
    if (s->compress && !s->unpacked_bad && s->unpacked != s->packed)
        xsi_report(w, &legacy_findings[LEGACY_L44], at, 0,
                   "this checkpoint names %" PRIu64 " pages, its compressed data holds %" PRIu64,
                   s->packed, s->unpacked);
    s->packed = s->unpacked = 0;
    s->unpacked_bad = false;
}
