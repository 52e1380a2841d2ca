/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layer for files of other programs: one chunk and a finding that says what to do. Only the
 * text of a migration handshake is followed by layers of Xen's.
 */
#include <stdio.h>

#include "../plugins.h"
#include "foreign.h"

enum foreign_stage { STAGE_DATA, STAGE_BEHIND, STAGE_INSIDE, STAGE_END };

struct foreign_state {
    unsigned stage;
};

static const struct xsi_finding_row foreign_findings[FOREIGN_FINDINGS] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, text) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, text },
#include "findings.def"
#undef FINDING
};

/* The next command, for the finding's line. */
static const char *const advice[FOREIGN_FINDINGS] = {
    [FOREIGN_C80] = "qemu-img convert -f vpc -O raw FILE image.raw",
    [FOREIGN_C81] = "qemu-img convert -f vhdx -O raw FILE image.raw",
    [FOREIGN_C82] = "qemu-nbd -r -c /dev/nbd0 FILE, or qemu-img convert -O raw FILE image.raw",
    [FOREIGN_C83] = "qemu-img convert -f vmdk -O raw FILE image.raw",
    [FOREIGN_C84] = "for a disk, qemu-img convert -O raw FILE image.raw",
    [FOREIGN_C85] = "virsh restore, on a host of that kind",
    [FOREIGN_C86] = "QEMU's analyze-migration.py",
    [FOREIGN_C87] = "crash, with the guest kernel's vmlinux",
    [FOREIGN_C88] = "crash or Volatility",
    [FOREIGN_C89] = "the tools of Hyper-V or Windows",
    [FOREIGN_C90] = "unpack it and look at the file inside",
    [FOREIGN_C91] = "mount -o ro,loop,noload FILE /mnt and look at suspend-image inside",
    [FOREIGN_C92] = "losetup -r -P -f --show FILE and look at the partitions",
    [FOREIGN_C93] = "xsdump --explain 'A LINE OF IT'",
    [FOREIGN_C94] = "cmp FILE /dev/zero, then xsdump --offset N",
    [FOREIGN_C95] = "check the device's name and its cabling",
    [FOREIGN_C97] = "decompress it first",
    [FOREIGN_C98] = "decrypt it first",
    [FOREIGN_C99] = "check the file's name",
};

static void decode_data(struct xsi_decode *d)
{
    size_t n = d->have < 64 ? d->have : 64;

    xsi_put_text(d, "first_bytes", XSI_BYTES, 0, d->bytes, n);
}

static void decode_banner(struct xsi_decode *d)
{
    xsi_put_text(d, "text", XSI_TEXT, 0, d->bytes, d->have);
}

static const struct xsi_type types[] = {
    { "FOREIGN_DATA", false, 0, "data of another program", decode_data },
    { "BANNER", false, 0, "text of a migration handshake", decode_banner },
};

/* Signatures far behind the start matter only where the start itself is empty. */
static void look(struct xsi_walk *w, uint64_t at, struct foreign_guess *guess)
{
    size_t have, i;
    const uint8_t *p = xsi_peek(w, at, FOREIGN_NEAR, &have);

    for (i = 0; i < have && i < 512 && (!p[i] || p[i] == 0xff); i++)
        ;
    if (i == 512)
        p = xsi_peek(w, at, FOREIGN_LOOK, &have);
    foreign_recognise(p, have, guess);
}

static void foreign_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                        struct xsi_bid *bid)
{
    struct foreign_guess guess;

    (void)row;
    look(w, at, &guess);
    bid->score = guess.score;
    if (guess.score)
        snprintf(bid->reason, sizeof(bid->reason), "%s", guess.name);
}

static int data_chunk(struct xsi_walk *w, struct foreign_state *s, struct xsi_chunk *out)
{
    struct foreign_guess guess;

    look(w, xsi_at(w), &guess);
    xsi_chunk_is(out, &types[guess.banner > 0], guess.banner ? guess.banner : UINT64_MAX);
    s->stage = guess.banner ? STAGE_BEHIND : STAGE_END;
    if (!guess.score) /* forced by the user */
        return XSI_CHUNK;
    xsi_note(out, "%s", guess.name);
    if (guess.banner) {
        xsi_report(w, &foreign_findings[guess.finding], xsi_at(w), guess.banner,
                   "%zu bytes of a migration handshake stand in front of the stream; cut them off "
                   "with tail -c +%zu",
                   guess.banner, guess.banner + 1);
        return XSI_CHUNK;
    }
    out->meta = 512;
    xsi_report(w, &foreign_findings[guess.finding], xsi_at(w), 0,
               "not a Xen save image: %s; next: %s", guess.name, advice[guess.finding]);
    return XSI_CHUNK;
}

static int foreign_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct foreign_state *s = l->state;

    switch (s->stage) {
    case STAGE_DATA:
        return data_chunk(w, s, out);
    case STAGE_BEHIND:
        s->stage = STAGE_INSIDE;
        xsi_push(w, XSI_LAYER_CONTAINER | XSI_LAYER_MIDDLE | XSI_LAYER_STREAM, NULL);
        return XSI_PUSH;
    default:
        return XSI_DONE;
    }
}

static const struct xsi_layer_row layers[] = { { "foreign", XSI_LAYER_FOREIGN, foreign_bid, 0 },
                                               { NULL, 0, NULL, 0 } };

const struct xsi_format xsi_format_foreign = {
    .name = "foreign",
    .layers = layers,
    .state_size = sizeof(struct foreign_state),
    .step = foreign_step,
    .findings = foreign_findings,
    .finding_count = FOREIGN_FINDINGS,
    .recipes = foreign_recipes,
};
