/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem chunks as the readers take them (xc_tmem_restore, xc_tmem_restore_extra). They read with
 * the plain read_exact, so a short read has no lines of its own. The hypervisor is taken to have
 * tmem and to accept what it is given.
 */
#include "model.h"

#define TMEM_END 0xffffffffU

static void next_pool(struct xsi_run *r, struct legacy_m *s);
static void next_object(struct xsi_run *r, struct legacy_m *s);

static unsigned oid_size(const struct legacy_m *s)
{
    return legacy_has(s, QUIRK_TMEM8) ? 8 : 24;
}

static void tmem_error(struct xsi_run *r, struct legacy_m *s, const char *why)
{
    legacy_cause(s, LEGACY_L27, xsi_run_at(r), 0, "%s", why);
    xsi_run_say(r, s->id == -6 ? LEGACY_MSG_TMEM_EXTRA : LEGACY_MSG_TMEM, XSI_ERRNO_LEFT);
    legacy_body_error(r, s, XSI_ERRNO_LEFT);
}

static bool all_ones(const uint8_t *p, unsigned n)
{
    while (n && *p == 0xff) {
        p++;
        n--;
    }
    return !n;
}

/* ---- TMEM ---- */

static void got_page(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < 4 + (uint64_t)s->tmem_page) {
        tmem_error(r, s, "the image ends in a tmem page");
        return;
    }
    s->tmem_left--;
    next_object(r, s);
}

static void got_oid(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < oid_size(s))
        tmem_error(r, s, "the image ends in a tmem object id");
    else if (all_ones(p, oid_size(s)))
        next_pool(r, s);
    else
        xsi_run_skip(r, 4 + (uint64_t)s->tmem_page, "tmem index and page", got_page);
}

static void next_object(struct xsi_run *r, struct legacy_m *s)
{
    if (s->tmem_left)
        xsi_run_need(r, oid_size(s), "tmem object id", got_oid);
    else
        next_pool(r, s);
}

static void got_pool(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 24) {
        tmem_error(r, s, "the image ends in a tmem pool");
        return;
    }
    s->tmem_page = 1U << (((xsi_le32(p) >> 4) & 15) + 12);
    s->tmem_left = xsi_le32(p + 4);
    if (s->tmem_left > INT32_MAX) /* counted down in an int: none */
        s->tmem_left = 0;
    next_object(r, s);
}

static void got_pool_id(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 4)
        tmem_error(r, s, "the image ends where a tmem pool must begin");
    else if (xsi_le32(p) == TMEM_END)
        legacy_next(r, s);
    else
        xsi_run_need(r, 24, "tmem pool", got_pool);
}

static void next_pool(struct xsi_run *r, struct legacy_m *s)
{
    legacy_need(r, s, 4, "tmem pool id", got_pool_id);
}

static void got_client(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    /* flags, weight, cap, and a fourth word that nobody looks at */
    if (got < 16)
        tmem_error(r, s, "the image ends in the head of the tmem chunk");
    else
        next_pool(r, s);
}

static void got_head(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 12)
        tmem_error(r, s, "the image ends in the head of the tmem chunk");
    else if (xsi_le32(p + 8) != TMEM_END)
        tmem_error(r, s, "the head of the tmem chunk lacks its mark");
    else
        xsi_run_need(r, 16, "tmem client", got_client);
}

/* ---- TMEM_EXTRA ---- */

static void got_extra_id(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

static void got_extra(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < oid_size(s) + 4U)
        tmem_error(r, s, "the image ends in a tmem object");
    else
        xsi_run_need(r, 4, "tmem pool id", got_extra_id);
}

static void got_extra_id(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 4)
        tmem_error(r, s, "the image ends where a tmem object must begin");
    else if (xsi_le32(p) == TMEM_END)
        legacy_next(r, s);
    else
        xsi_run_need(r, oid_size(s) + 4U, "tmem object", got_extra);
}

void legacy_tmem(struct xsi_run *r, struct legacy_m *s, bool extra)
{
    xsi_run_condition(r, "a hypervisor with tmem that takes the guest's objects");
    if (extra)
        legacy_need(r, s, 4, "tmem pool id", got_extra_id);
    else
        legacy_need(r, s, 12, "head of the tmem chunk", got_head);
}
