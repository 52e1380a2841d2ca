/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The libxc stream of Xen 4.6 and later as a format: what it is called, and how a step is taken. */
#include "v2.h"

#include "../plugins.h"
#include "convert.h"
#include "messages.h"
#include "model.h"
#include "recipe.h"

static int v2_open(struct xsi_walk *w, struct xsi_layer *l, unsigned param)
{
    struct v2_state *s = l->state;

    s->base = l->start;
    s->last = V2_RECORDS;
    if (param == V2_NO_HEADERS) {
        s->phase = V2_AT_RECORD;
        s->version = l->row->variant;
        v2_report(w, V10, l->start, 0,
                  "the stream begins with records: image header and domain "
                  "header are missing");
    }
    return 0;
}

/* Between CHECKPOINT and CHECKPOINT_END the records are libxl's. */
static int step_libxl(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct v2_state *s = l->state;
    int rc = libxl_step(w, &s->libxl, out);

    if (rc != XSI_CHUNK)
        return rc;
    out->layer = LIBXL_LAYER;
    if (out->id == LIBXL_CHECKPOINT_END) {
        s->phase = V2_AT_RECORD;
        s->last = V2_RECORDS;
    }
    return XSI_CHUNK;
}

static int step_record(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct v2_state *s = l->state;
    struct v2_head h;
    int rc;

    v2_head_at(w, s, xsi_at(w), &h);
    if (!h.have && xsi_left(w, h.at) == 0)
        return XSI_DONE;
    if (h.have < V2_RHDR_SIZE) { /* the image ends in a record header */
        xsi_chunk_is(out, &v2_types[V2_RECORDS], V2_RHDR_SIZE);
        out->has_id = false;
        s->cut_head = true;
        return XSI_CHUNK;
    }
    rc = h.type == V2_PAGE_DATA ? v2_step_pages(w, l, &h, out)
         : h.type == V2_END     ? v2_step_end(w, l, &h, out)
                                : v2_step_record(w, l, &h, out);
    if (rc == XSI_CHUNK)
        s->last = h.type < V2_RECORDS ? (enum v2_record)h.type : V2_RECORDS;
    return rc;
}

static int take_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct v2_state *s = l->state;

    switch (s->phase) {
    case V2_AT_IHDR:
        return v2_step_ihdr(w, l, out);
    case V2_AT_DHDR:
        return v2_step_dhdr(w, l, out);
    case V2_AT_LIBXL:
        if (v2_libxl_follows(w, l, xsi_at(w)))
            return step_libxl(w, l, out);
        s->phase = V2_AT_RECORD; /* no CHECKPOINT_END: the libxc records go on */
        return step_record(w, l, out);
    case V2_AT_RECORD:
        return step_record(w, l, out);
    case V2_AT_END:
        break;
    }
    return XSI_DONE;
}

static int v2_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct v2_state *s = l->state;
    int rc = take_step(w, l, out);
    uint64_t left;

    if (rc != XSI_CHUNK || out->layer || s->phase == V2_AT_END)
        return rc;
    left = xsi_left(w, xsi_at(w));
    if (left == UINT64_MAX && out->length <= V2_CHECK_MAX && !xsi_exists(w, xsi_at(w), out->length))
        left = xsi_left(w, xsi_at(w)); /* a pipe, whose end is known now */
    if (left < out->length) {          /* said here, since it is known what is missing with it */
        s->cut = true;
        v2_report_cut(w, s, s->last, xsi_at(w) + left);
    }
    return rc;
}

static const struct xsi_layer_row v2_layers[] = { { "libxc-v2", XSI_LAYER_STREAM, v2_bid, 2 },
                                                  { "libxc-v3", XSI_LAYER_STREAM, v2_bid, 3 },
                                                  { NULL, 0, NULL, 0 } };

const struct xsi_finding_row v2_findings[V2_FINDING_COUNT] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, explain) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, explain },
#include "findings.def"
#undef FINDING
};

const struct xsi_format xsi_format_v2 = {
    .name = "v2",
    .layers = v2_layers,
    .state_size = sizeof(struct v2_state),
    .open = v2_open,
    .step = v2_step,
    .end = v2_end,
    .resync = v2_resync,
    .resumed = v2_resumed,
    .entries = v2_entries,
    .anchors = v2_anchors,
    .word_min = V2_PAGE_DATA,
    .word_max = V2_RECORDS - 1,
    .may_start = v2_may_start,
    .stream = "libxc-v2",
    .findings = v2_findings,
    .finding_count = V2_FINDING_COUNT,
    .messages = v2_messages,
    .readers = v2_readers,
    .model = &v2_model,
    .recipes = v2_recipes,
    .take = v2_take,
    .writers = v2_writers,
};
