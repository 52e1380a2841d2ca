/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guest was told of its CPU, against what this host can give a guest. */
#include <stdlib.h>
#include <string.h>

#include "restore.h"

#define LEAVES_MOST 512 /* a policy of 4.17 has at most about 60 */

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static struct xsi_cpuid_leaf leaf_at(const uint8_t *p)
{
    return (struct xsi_cpuid_leaf){ le32(p),      le32(p + 4),  le32(p + 8),
                                    le32(p + 12), le32(p + 16), le32(p + 20) };
}

static const struct xsi_cpuid_leaf *host_leaf(const struct xsi_host *host, uint32_t leaf,
                                              uint32_t subleaf)
{
    for (size_t i = 0; i < host->leaf_count; i++)
        if (host->leaf[i].leaf == leaf && host->leaf[i].subleaf == subleaf)
            return &host->leaf[i];
    return NULL;
}

struct missing {
    char text[560];
    size_t used, count;
};

static void add(struct missing *m, const char *name)
{
    m->count++;
    if (m->used + strlen(name) + 8 < sizeof(m->text))
        m->used += (size_t)snprintf(m->text + m->used, sizeof(m->text) - m->used, "%s%s",
                                    m->used ? " " : "", name);
}

static void compare(struct missing *m, const struct xsi_cpuid_leaf *image,
                    const struct xsi_cpuid_leaf *host)
{
    const uint32_t is[4] = { image->a, image->b, image->c, image->d };
    const uint32_t has[4] = { host ? host->a : 0, host ? host->b : 0, host ? host->c : 0,
                              host ? host->d : 0 };

    for (unsigned reg = 0; reg < 4; reg++) {
        if (!xsi_cpuid_features(image->leaf, image->subleaf, reg))
            continue;
        for (unsigned bit = 0; bit < 32; bit++) {
            const char *name = xsi_cpuid_feature(image->leaf, image->subleaf, reg, bit);

            if (name && (is[reg] & ~has[reg]) >> bit & 1)
                add(m, name);
        }
    }
}

/*
 * Highest leaves: Xen refuses a policy with more than the host's. 4.17: xen/lib/x86/policy.c,
 * x86_cpu_policies_are_compatible()
 */
static bool too_high(const struct restore *r, const struct xsi_cpuid_leaf *l, char out[120])
{
    const struct xsi_cpuid_leaf *host = host_leaf(r->host, l->leaf, l->subleaf);

    if ((l->leaf != 0 && l->leaf != 0x80000000U) || !host || l->a <= host->a)
        return false;
    snprintf(out, 120, "its highest leaf is 0x%x, the host's 0x%x", l->a, host->a);
    return true;
}

/* A policy's other vendor cannot run: 4.17 sets it all the same. */
static bool other_vendor(const struct restore *r, const struct xsi_cpuid_leaf *l)
{
    const struct xsi_cpuid_leaf *host = host_leaf(r->host, 0, UINT32_MAX);

    return l->leaf == 0 && host && (l->b != host->b || l->c != host->c || l->d != host->d);
}

static void judge(struct restore *r, const uint8_t *bytes, size_t count, uint64_t offset)
{
    struct missing m = { .used = 0 };
    bool vendor = false;
    char high[120] = "";

    for (size_t i = 0; i < count; i++) {
        struct xsi_cpuid_leaf l = leaf_at(bytes + i * 24);

        if (!*high)
            (void)too_high(r, &l, high);
        vendor = vendor || other_vendor(r, &l);
        compare(&m, &l, host_leaf(r->host, l.leaf, l.subleaf));
    }
    if (*high)
        restore_note(r, CHECK_REFUSE, "CPU", "Xen will refuse the CPUID policy at 0x%llx: %s",
                     (unsigned long long)offset, high);
    if (vendor)
        restore_note(r, CHECK_WARN, "CPU", "the guest ran on a CPU of another vendor");
    if (m.count)
        restore_note(r, CHECK_WARN, "CPU",
                     "the guest was told of %zu feature%s that this host cannot give it, and may "
                     "crash when it uses them: %s",
                     m.count, m.count == 1 ? "" : "s", m.text);
    else if (!*high)
        restore_note(r, CHECK_GOOD, "CPU", "the host has all features of the CPUID policy");
}

void restore_check_cpu(struct restore *r)
{
    const struct xsi_item *item =
        r->convert ? xsi_vm_find(xsi_convert_vm(r->convert), XSI_ITEM_CPUID_POLICY, 0) : NULL;
    size_t count = item ? (size_t)item->length / 24 : 0;
    uint8_t *bytes;

    if (!item || !count || count > LEAVES_MOST) {
        restore_note(r, CHECK_SKIPPED, "CPU",
                     "the image holds no CPUID policy (images have one since Xen 4.14)");
        return;
    }
    if (!r->host_known || !r->host->leaf_count) {
        restore_note(r, CHECK_SKIPPED, "CPU", "%s",
                     r->host_known ? "the host's policy is not known (it needs the libxc back end)"
                                   : "not on a Xen host");
        return;
    }
    bytes = malloc(count * 24);
    if (bytes && xsi_convert_item(r->convert, item, 0, bytes, count * 24) == (ssize_t)(count * 24))
        judge(r, bytes, count, item->offset);
    free(bytes);
}
