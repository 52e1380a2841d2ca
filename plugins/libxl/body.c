/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libxl's records hold. */
#include <inttypes.h>

#include "libxl.h"
#include "../qemu/qevm.h"

#define QEVM_VERSION 3U
#define LOOK_MAX     (1U << 20)

const struct xsi_name libxl_emulators[] = {
    { 0, "unknown" }, { 1, "qemu-traditional" }, { 2, "qemu-upstream" }, { 0, NULL }
};

/* Both kinds of emulator records begin with these two words. */
static void check_words(struct xsi_walk *w, const struct libxl_records *r, uint64_t at,
                        const uint8_t *p, size_t have, struct xsi_chunk *out)
{
    struct xsi_cursor c = { .at = p, .left = have, .big = r->big };
    uint32_t id = xsi_u32(&c), index = xsi_u32(&c);
    const char *name = xsi_name_of(libxl_emulators, id);

    if (c.short_read)
        return;
    if (!name)
        libxl_report(w, X16, at, 4, "device model number %" PRIu32 " does not exist", id);
    else
        xsi_note(out, "%s", name);
    if (index)
        libxl_report(w, X16, at + 4, 4, "index of the device model is %" PRIu32 ", not 0", index);
}

/* The next string of [*p, end), or NULL when no NUL ends it. */
static const char *next_string(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *start = *p, *nul = memchr(start, 0, (size_t)(end - start));

    if (!nul)
        return NULL;
    *p = nul + 1;
    return (const char *)start;
}

void libxl_check_xenstore(struct xsi_walk *w, const struct libxl_records *r, uint64_t at,
                          uint32_t length, struct xsi_chunk *out)
{
    uint64_t body = at + LIBXL_RHDR_SIZE;
    uint32_t want = length < LOOK_MAX ? length : LOOK_MAX;
    unsigned pairs = 0;
    size_t have;
    const uint8_t *p = xsi_peek(w, body, want, &have), *first = p, *end = p + have;

    if (length < 8 || have < want)
        return;
    check_words(w, r, body, p, have, out);
    p += 8;
    while (p < end) {
        uint64_t place = body + (uint64_t)(p - first);
        const char *key = next_string(&p, end), *value = NULL;
        const char *what = NULL;

        if (key && *key)
            value = p < end ? next_string(&p, end) : NULL;
        if (!key)
            what = "key without a zero byte at its end";
        else if (!*key)
            what = "empty key";
        else if (*key == '/')
            what = "key that begins with '/'";
        else if (!value)
            what = "value without a zero byte at its end";
        if (what) {
            libxl_report(w, X19, place, 0, "%s in EMULATOR_XENSTORE_DATA", what);
            return;
        }
        pairs++;
    }
    xsi_note(out, "%u pairs", pairs);
}

/* The state's last byte says that nothing follows. */
static void check_tail(struct xsi_walk *w, uint64_t at, uint32_t length)
{
    uint64_t last = at + LIBXL_RHDR_SIZE + length - 1;
    size_t have;
    const uint8_t *p;

    if (length > (8U << 20))
        return;
    p = xsi_peek(w, last, 1, &have);
    if (have && *p)
        libxl_report(w, X27, last, 1,
                     "the device model's state ends with 0x%02x, not with a zero "
                     "byte",
                     *p);
}

void libxl_check_emulator(struct xsi_walk *w, struct libxl_records *r, uint64_t at, uint32_t length,
                          struct xsi_chunk *out)
{
    uint64_t body = at + LIBXL_RHDR_SIZE;
    uint32_t version = 0;
    size_t have;
    const uint8_t *p = xsi_peek(w, body, 16, &have);

    r->emulators++;
    if (length < 8)
        return;
    check_words(w, r, body, p, have, out);
    if (length == 8) {
        libxl_report(w, X15, at, 16, "EMULATOR_CONTEXT without a state");
        return;
    }
    if (have > 8 + (size_t)length - 8)
        have = length;
    if (have < 12)
        return;
    xsi_note(out, "%" PRIu32 " bytes of state", length - 8);
    if (!qevm_look(p + 8, have - 8, &version)) {
        libxl_report(w, X13, body + 8, 4, "the device model's state does not begin with QEVM");
        return;
    }
    if (have == 16 && version != QEVM_VERSION)
        libxl_report(w, X14, body + 12, 4,
                     "the device model's state has version %" PRIu32 ", not "
                     "%u",
                     version, QEVM_VERSION);
    check_tail(w, at, length);
}

void libxl_check_state(struct xsi_walk *w, const struct libxl_records *r, uint64_t at,
                       uint32_t length, struct xsi_chunk *out)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at + LIBXL_RHDR_SIZE, 4, &have);
    struct xsi_cursor c = { .at = p, .left = have, .big = r->big };
    uint32_t state = xsi_u32(&c);

    if (length < 4 || c.short_read)
        return;
    if (state > 3)
        libxl_report(w, X28, at + LIBXL_RHDR_SIZE, 4, "CHECKPOINT_STATE %" PRIu32 " does not exist",
                     state);
    else
        xsi_note(out, "state %" PRIu32, state);
}
