/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Xen says to the state of vCPUs that came through the converter: the checks are those of the
 * v2 reader's model, over the same bytes. Trees of page tables are not walked here.
 */
#include <stdlib.h>

#include "converter_priv.h"
#include "../v2/model.h"

/* As much of the v2 reader's state as its checks look at; NULL when there is no memory. */
static struct v2_judge *reader(const struct xsi_run *r, const struct converter *s)
{
    struct v2_judge *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    j->own = xsi_run_reader(r)->row->own;
    j->hvm = !s->pv;
    j->pvh = xsi_run_info(r)->guest == XSI_GUEST_PVH;
    j->width = s->width;
    j->length = s->context;
    j->at = s->context_at - V2_RHDR_SIZE;
    return j;
}

void converter_xen_context(struct xsi_run *r, struct converter *s, const uint8_t *p, size_t have,
                           struct v2_refusal *out)
{
    struct v2_judge *j = reader(r, s);

    out->error = 0;
    if (!j)
        return;
    v2_take_context(r, j, p, have); /* its wish for another record is replaced by the caller's */
    *out = j->context;
    s->vcpus_set = j->context_cpus;
    s->no_cpu = j->no_cpu;
    s->no_pic = j->no_pic;
    free(j);
}

void converter_xen_vcpu(struct xsi_run *r, struct converter *s, const uint8_t *p,
                        struct v2_refusal *out)
{
    struct v2_judge *j = reader(r, s);
    struct v2_vcpu v = { .id = s->vcpu };

    out->error = 0;
    if (!j)
        return;
    v2_basic_values(r, j, &v, p, s->cpu.at);
    *out = v.basic;
    free(j);
}
