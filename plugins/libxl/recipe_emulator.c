/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending the device model's record. */
#include <inttypes.h>

#include "recipe.h"

#define SEARCH_MAX (64U << 20)
#define EMULATORS  2U /* ids that there are: libxl_emulators */
#define STATE_HEAD "QEVM\0\0\0\3"

enum {
    SECTION_FULL = 4,
    SECTION_AT = 16 + 8, /* record header, two words, QEVM, version */
    QEMU_TRADITIONAL = 1,
    NO_TRADITIONAL_SINCE = 42100
};

/* ---- first bytes ---- */

/* The record that a finding points into. */
static const struct xsi_map_row *emulator_row(const struct xsi_mend *m)
{
    const struct xsi_map_row *row = libxl_row(m, xsi_mend_at(m));

    if (row && !strcmp(row->type, "EMULATOR_CONTEXT"))
        return row;
    return config_row(m, LIBXL_LAYER, "EMULATOR_CONTEXT", 0);
}

/* A full section with a name begins: type, id, length of the name, letters. */
static bool section_at(const struct xsi_mend *m, uint64_t at)
{
    uint8_t p[10];

    if (!xsi_mend_read(m, at, p, sizeof(p)) || p[0] != SECTION_FULL || p[5] < 3)
        return false;
    for (size_t i = 6; i < sizeof(p) && i < 6U + p[5]; i++)
        if (p[i] < 0x20 || p[i] > 0x7e)
            return false;
    return true;
}

int libxl_fix_emulator(struct xsi_mend *m)
{
    const struct xsi_reader *reader = xsi_mend_reader(m);
    const struct xsi_map_row *row = emulator_row(m);
    uint8_t old[8], id[4];

    if (!row || row->length < SECTION_AT || !xsi_mend_read(m, row->offset + 8, id, sizeof(id)) ||
        !xsi_mend_read(m, row->offset + 16, old, sizeof(old)))
        return 0;
    if (xsi_le32(id) == QEMU_TRADITIONAL && reader && reader->release >= NO_TRADITIONAL_SINCE) {
        xsi_mend_refuse(m, "the state is that of qemu-traditional, which no other device model "
                           "takes: restore the image on Xen 4.20 or older");
        return 0;
    }
    if (!memcmp(old, STATE_HEAD, sizeof(old))) {
        xsi_mend_refuse(
            m,
            "the device model's state was cut before it was put into the image; " LIBXL_WHERE_STATE
            ". The memory can be saved: xsdump --core");
        return 0;
    }
    if (!section_at(m, row->offset + SECTION_AT)) {
        xsi_mend_refuse(
            m, "the device model's state is damaged beyond its first bytes; " LIBXL_WHERE_STATE
               ". The memory can be saved: xsdump --core");
        return 0;
    }
    xsi_mend_guess(m, "a section begins behind QEVM and version 3, as it should; the rest of the "
                      "state was not looked at");
    xsi_mend_splice(m, row->offset + 16, sizeof(old), STATE_HEAD, sizeof(old),
                    "put QEVM and version 3 back at 0x%" PRIx64, row->offset + 16);
    return 0;
}

/* ---- a state without a record ---- */

/* End of the last libxc record, or of the last libxl record behind it. */
static uint64_t records_end(const struct xsi_mend *m)
{
    const struct xsi_map_row *row;
    uint64_t end = 0;
    size_t count;

    row = xsi_map_rows(xsi_mend_map(m), &count);
    for (size_t i = 0; i < count; i++)
        if (!(row[i].flags & XSI_CHUNK_GAP) && !strncmp(row[i].layer, "libx", 4) &&
            strcmp(row[i].type, "EMULATOR_CONTEXT") != 0 &&
            !(!strcmp(row[i].layer, LIBXL_LAYER) && !strcmp(row[i].type, "END")))
            end = row[i].offset + row[i].length;
    return end;
}

/* Put header and words in front of the state at `state`, padding and END behind it. */
static void wrap_state(struct xsi_mend *m, uint64_t from, uint64_t state, uint64_t last)
{
    uint64_t length = 8 + (last + 1 - state), have;
    size_t want = (size_t)(-length & 7) + 1 + LIBXL_RHDR_SIZE;
    uint32_t words[4] = { htole32(LIBXL_EMULATOR_CONTEXT), htole32((uint32_t)length), 0, 0 };
    uint32_t old[4] = { 0 };

    /* only the type is damaged: length and device model may stand there still */
    if (state - from == sizeof(old) && xsi_mend_read(m, from, old, sizeof(old)) &&
        le32toh(old[1]) >= length &&
        from + LIBXL_RHDR_SIZE + ((le32toh(old[1]) + UINT64_C(7)) & ~UINT64_C(7)) +
                LIBXL_RHDR_SIZE ==
            xsi_mend_size(m) &&
        le32toh(old[2]) <= EMULATORS && !old[3])
        memcpy(words + 1, old + 1, sizeof(old) - sizeof(old[0]));
    have = config_zeros(m, last, want);
    xsi_mend_guess(m, "the state at 0x%" PRIx64 " is this guest's, and ends at 0x%" PRIx64, state,
                   last + 1);
    if (state > from)
        xsi_mend_keep(m, "libxl-tail", from, state - from);
    xsi_mend_splice(m, from, state - from, words, sizeof(words),
                    "write the header of EMULATOR_CONTEXT in front of the state at 0x%" PRIx64,
                    state);
    if (have < want)
        xsi_mend_splice(m, last, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", want - have,
                        "append padding and libxl's END");
}

int libxl_insert_emulator(struct xsi_mend *m)
{
    uint64_t from = records_end(m), size = xsi_mend_size(m);
    size_t n = size > from && size - from <= SEARCH_MAX ? (size_t)(size - from) : 0;
    const uint8_t *p = from && n ? xsi_mend_bytes(m, from, n) : NULL;
    const uint8_t *state = p ? memmem(p, n, STATE_HEAD, 8) : NULL;

    while (p && n && !p[n - 1])
        n--;
    if (state && (size_t)(state - p) + 16 < n) {
        wrap_state(m, from, from + (uint64_t)(state - p), from + n);
        return 0;
    }
    xsi_mend_refuse(m, "the image holds no device model's state, and without one the device model "
                       "does not start, with an empty one neither; " LIBXL_WHERE_STATE
                       ". Memory and vCPUs are there: xsdump --core saves them");
    return 0;
}

/* ---- too many ---- */

static void drop(struct xsi_mend *m, const struct xsi_map_row *row)
{
    xsi_mend_keep(m,
                  !strcmp(row->type, "EMULATOR_CONTEXT") ? "emulator-context" : "emulator-xenstore",
                  row->offset, row->length);
    xsi_mend_splice(m, row->offset, row->length, NULL, 0, "take out %s at 0x%" PRIx64, row->type,
                    row->offset);
}

static int drop_cut(struct xsi_mend *m, const struct xsi_map_row *row)
{
    if (!xsi_mend_asked(m)) {
        xsi_mend_refuse(m,
                        "%" PRIu64 " of %" PRIu64 " bytes of the record are there, the rest is "
                        "nowhere in the image; " LIBXL_WHERE_STATE ". To go without any of it: "
                        "--recipe libxl-drop-emulator",
                        row->length, row->wanted);
        return 0;
    }
    xsi_mend_loses(m, "the device model's state: no device model starts for an HVM guest");
    xsi_mend_keep(m, "emulator-context", row->offset, row->length);
    xsi_mend_splice(m, row->offset, row->length, "\0\0\0\0\0\0\0", 8,
                    "END in the place of the cut record at 0x%" PRIx64, row->offset);
    return 0;
}

int libxl_drop_emulator(struct xsi_mend *m)
{
    const struct xsi_map_row *row = xsi_map_at(xsi_mend_map(m), xsi_mend_at(m)), *first;
    const struct xsi_map_row *cut = config_row(m, LIBXL_LAYER, "EMULATOR_CONTEXT", 0);
    enum xsi_guest guest = xsi_map_info(xsi_mend_map(m))->guest;

    if (cut && cut->length < cut->wanted)
        return drop_cut(m, cut);
    if (!cut && guest == XSI_GUEST_HVM)
        return libxl_insert_emulator(m); /* it is not even begun */
    if (!row || strcmp(row->layer, LIBXL_LAYER) || strncmp(row->type, "EMULATOR_", 9) != 0)
        return 0;
    first = config_row(m, LIBXL_LAYER, row->type, 0);
    if (first && first->offset < row->offset) {
        drop(m, first); /* libxl uses the last */
        return 0;
    }
    /* an HVM guest's stream under a PVH guest's configuration: that is what is wrong */
    if (!xsi_mend_asked(m) && (guest == XSI_GUEST_HVM || config_found(m, "XS-V87")))
        return 0;
    if (guest == XSI_GUEST_HVM)
        xsi_mend_loses(m, "the device model's state: no device model starts for an HVM guest");
    drop(m, row);
    return 0;
}
