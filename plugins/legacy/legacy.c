/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The legacy format: its tables, and which step function is responsible when. */
#include <stdio.h>

#include "legacy.h"
#include "messages.h"
#include "readers.h"
#include "recipe.h"
#include "take.h"
#include "writer.h"

const struct xsi_finding_row legacy_findings[LEGACY_FINDING_COUNT] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, explain) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, explain },
#include "findings.def"
#undef FINDING
};

#define ANY false
#define HVM true
static const struct legacy_chunk_row chunk_rows[] = {
#define CHUNK(id, name, body, decode, first, last, once, guest, help) \
    { { #name, true, id, help, decode }, BODY_##body, first, last, once, guest },
#include "chunks.def"
#undef CHUNK
};
#undef ANY
#undef HVM

const struct xsi_type legacy_parts[PART_COUNT] = {
#define PART(name, decode, help) { #name, false, 0, help, decode },
#include "parts.def"
#undef PART
};

const struct legacy_chunk_row *legacy_chunk_row(int64_t id)
{
    if (id > -1 || id < -(int64_t)(sizeof(chunk_rows) / sizeof(chunk_rows[0])))
        return NULL;
    return &chunk_rows[-id - 1];
}

/* param: guest kind that the bid found (enum xsi_guest). */
static int open_layer(struct xsi_walk *w, struct xsi_layer *l, unsigned param)
{
    struct legacy *s = l->state;
    struct xsi_info *info = xsi_info(w);
    enum xsi_guest guest = xsi_forced_guest(w);

    if (guest == XSI_GUEST_UNKNOWN)
        guest = param ? (enum xsi_guest)param : XSI_GUEST_HVM;
    s->ul = l->row->variant / 8;
    s->gw = s->ul;
    s->pv = guest == XSI_GUEST_PV;
    info->guest = s->pv                          ? XSI_GUEST_PV
                  : info->guest == XSI_GUEST_PVH ? XSI_GUEST_PVH
                                                 : XSI_GUEST_HVM;
    info->toolstack_bits = l->row->variant;
    if (!s->pv)
        legacy_saw(s, SEEN_HVM_GUEST);
    return 0;
}

static int step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;

    if (s->phase <= PH_FRAMES)
        return legacy_step_header(w, l, c);
    if (s->phase <= PH_BODY)
        return legacy_step_body(w, l, c);
    return legacy_step_tail(w, l, c);
}

/* The image ended while the layer was open. */
static void end(struct xsi_walk *w, struct xsi_layer *l)
{
    static const struct {
        enum legacy_finding finding;
        const char *missing;
    } rows[] = {
        [PH_P2M_SIZE] = { LEGACY_L11, "the first word" },
        [PH_EXT] = { LEGACY_L11, "the header behind the first word" },
        [PH_EXT_BLOCK] = { LEGACY_L11, "the rest of the extended info" },
        [PH_FRAMES] = { LEGACY_L11, "the p2m frame list" },
        [PH_BODY] = { LEGACY_L12, "the next batch or the end of the body, and the CPU state" },
        [PH_UNMAPPED] = { LEGACY_L14, "the whole tail: unmapped frames, vCPUs, shared info" },
        [PH_VCPU] = { LEGACY_L14, "vCPU records and the shared info page" },
        [PH_VCPU_EXT] = { LEGACY_L14, "the rest of a vCPU record and the shared info page" },
        [PH_VCPU_XSAVE] = { LEGACY_L14, "the rest of a vCPU record and the shared info page" },
        [PH_SHARED] = { LEGACY_L14, "the shared info page" },
        [PH_MAGIC] = { LEGACY_L14, "the whole tail: magic PFNs and HVM context" },
        [PH_CONTEXT] = { LEGACY_L14, "the HVM context" },
        [PH_RECORD] = { LEGACY_L23, "" },
        [PH_DONE] = { LEGACY_L23, "" },
    };
    struct legacy *s = l->state;

    legacy_era(w, s, true);
    legacy_report_last(w, s, xsi_outer(w, l) && !strcmp(xsi_outer(w, l)->row->name, "xapi"));
    if (s->phase == PH_NEXT || s->phase == PH_DONE || xsi_was_cut(w))
        return;
    if (s->phase == PH_RECORD)
        xsi_report(w, &legacy_findings[LEGACY_L23], xsi_at(w), 0,
                   "the image ends behind the HVM context; no device-model record follows");
    else if (s->checkpoint)
        xsi_report(w, &legacy_findings[LEGACY_L30], xsi_at(w), 0,
                   "checkpoint %u is not complete: missing is %s", s->checkpoint + 1,
                   rows[s->phase].missing);
    else
        xsi_report(w, &legacy_findings[rows[s->phase].finding], xsi_at(w), 0,
                   "the image ends here; missing is %s", rows[s->phase].missing);
}

static const struct xsi_layer_row layers[] = {
    { "libxc-legacy64", XSI_LAYER_STREAM, legacy_bid, 64 },
    { "libxc-legacy32", XSI_LAYER_STREAM, legacy_bid, 32 },
    { 0 },
};

/* Head of every HVM context (type 1, length 24, magic 0x54381286, version 1) and where the END and
 * the tail begin in front of it; device-model signatures; the last byte triple of a chunk id. */
#define HVM_HEAD "\x01\x00\x00\x00\x18\x00\x00\x00\x86\x12\x38\x54"
static const struct xsi_anchor anchors[] = {
    { HVM_HEAD, 12, 32 },
    { HVM_HEAD, 12, 28 },
    { "DeviceModelRecord", 17, 4 }, /* behind "Qemu" */
    { "DeviceModelRecord0002", 21, 0 },
    { "DeviceModelState", 16, 5 }, /* behind "Remus" */
    { "\xff\xff\xff", 3, 1 },
    { 0 },
};

const struct xsi_format xsi_format_legacy = {
    .name = "legacy",
    .layers = layers,
    .state_size = sizeof(struct legacy),
    .open = open_layer,
    .step = step,
    .end = end,
    .resync = legacy_resync,
    .resumed = legacy_resumed,
    .entries = legacy_entries,
    .anchors = anchors,
    .word_min = 1,
    .word_max = LEGACY_BATCH_MAX,
    .may_start = legacy_may_start,
    .readers = legacy_readers,
    .stream = "libxc-legacy",
    .model = &legacy_model,
    .findings = legacy_findings,
    .finding_count = LEGACY_FINDING_COUNT,
    .messages = legacy_messages,
    .recipes = legacy_recipes,
    .take = legacy_take,
    .take_size = sizeof(struct legacy_taken),
    .writers = legacy_writers,
};
