/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a legacy stream cannot hold, and what it needs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../config/carry.h"
#include "../x86/x86.h"
#include "writer.h"

enum { PAE_ENABLED = 4, VM86_TSS = 15, TSS_SIZED = 37 };

bool legacy_reader_knows(const struct xsi_give *g, int64_t id)
{
    unsigned release = xsi_give_release(g);
    const struct legacy_chunk_row *row = legacy_chunk_row(id);

    return !release || !row || release / 100 >= (unsigned)row->first;
}

/* A chunk that the reader would stop at: out with it, or no output. */
static int unknown_chunk(struct xsi_give *g, int64_t id)
{
    const struct legacy_chunk_row *row = legacy_chunk_row(id);

    if (legacy_reader_knows(g, id))
        return 0;
    return xsi_give_drops(g, "%s (%s): readers know it from Xen %d.%d on", row->type.name,
                          row->type.help, row->first / 100, row->first % 100);
}

/* Readers up to 4.0 refuse the chunk: where the input may be that old, it decides. */
bool legacy_give_last(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const char *from = vm->info ? vm->info->writer_from : NULL;

    if (xsi_give_release(g))
        return legacy_reader_knows(g, -9);

    if (!legacy_given(vm) || xsi_vm_find(vm, XSI_ITEM_LAST_CHECKPOINT, 0))
        return true;
    return from && !strncmp(from, "xen-4.", 6) && strcmp(from, "xen-4.0") != 0;
}

/* The frames of HVM's special pages belong to the guest, also those that hold no page. */
static uint64_t with_special(const struct xsi_vm *vm)
{
    static const uint8_t special[] = { 1, 5, 6 }; /* STORE_PFN, IOREQ_PFN, BUFIOREQ_PFN */
    uint64_t size = vm->p2m_size;

    for (size_t i = 0; vm->version && i < sizeof(special); i++) {
        const struct xsi_item *item = xsi_vm_find(vm, XSI_ITEM_HVM_PARAM, special[i]);
        uint64_t pfn = item && item->bytes && item->length == 8 ? xsi_le64(item->bytes) : 0;

        if (pfn >= size && pfn < LEGACY_P2M_MAX)
            size = pfn + 1;
    }
    return size;
}

uint64_t legacy_give_size(struct xsi_give *g, int *rc)
{
    const struct xsi_vm *vm = xsi_give_vm(g);

    if (!vm->has_p2m_size)
        *rc = xsi_give_needs(g, "p2m_size, the number of the guest's frames");
    else if (!vm->p2m_size || vm->p2m_size > LEGACY_P2M_MAX)
        *rc = xsi_give_cannot(g, "a guest of %" PRIu64 " frames: an entry has room for 28 bits",
                              vm->p2m_size);
    return with_special(vm);
}

/* ---- the device model's keys ---- */

static struct legacy_region *region_of(struct legacy_region *row, size_t *count, uint64_t phys)
{
    for (size_t i = 0; i < *count; i++)
        if (row[i].phys == phys)
            return &row[i];
    if (*count == LEGACY_REGIONS)
        return NULL;
    row[*count] = (struct legacy_region){ .phys = phys };
    return &row[(*count)++];
}

/* "physmap/ADDRESS/start_addr", "size" or "name", the address in hex. */
static bool put_key(struct legacy_region *row, size_t *count, const char *key, const char *value)
{
    struct legacy_region *r;
    char *rest, *end;
    uint64_t phys;

    if (strncmp(key, "physmap/", 8) != 0)
        return false;
    phys = strtoull(key + 8, &rest, 16);
    if (rest == key + 8 || *rest != '/' || !(r = region_of(row, count, phys)))
        return false;
    if (!strcmp(rest, "/name")) {
        r->name = value;
        return true;
    }
    if (!strcmp(rest, "/start_addr"))
        r->start = strtoull(value, &end, 16);
    else if (!strcmp(rest, "/size"))
        r->size = strtoull(value, &end, 16);
    else
        return false;
    return end != value && !*end;
}

size_t legacy_regions(const uint8_t *text, size_t n, struct legacy_region *out, size_t *others)
{
    const char *key = (const char *)text, *end = key + n, *value, *last;
    size_t count = 0, kept = 0;

    *others = 0;
    for (; key < end; key = last + 1) {
        value = memchr(key, 0, (size_t)(end - key));
        last = value && ++value < end ? memchr(value, 0, (size_t)(end - value)) : NULL;
        if (!last) { /* a key without a value */
            ++*others;
            break;
        }
        *others += !put_key(out, &count, key, value);
    }
    for (size_t i = 0; i < count; i++)
        if (out[i].name)
            out[kept++] = out[i];
    *others += count - kept;
    return kept;
}

static int check_store(struct xsi_give *g)
{
    const struct xsi_item *item = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_EMULATOR_STORE, 0);
    const uint8_t *p = item && item->length ? xsi_give_item_bytes(g, item) : NULL;
    struct legacy_region region[LEGACY_REGIONS];
    size_t others;

    if (!p)
        return item && item->length ? -EBADMSG : 0;
    if (legacy_regions(p, (size_t)item->length, region, &others) && !legacy_reader_knows(g, -18))
        return unknown_chunk(g, -18);
    return others ? xsi_give_drops(g, "%zu xenstore keys of the device model", others) : 0;
}

/* ---- parameters ---- */

static bool in_tail(uint64_t index)
{
    for (unsigned i = 0; i < LEGACY_MAGIC; i++)
        if (legacy_magic_params[i] == index)
            return true;
    return false;
}

static int check_param(struct xsi_give *g, const struct xsi_item *item)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct x86_param *known = x86_hvm_param(item->id);

    if (item->id == PAE_ENABLED) { /* xc_restore@3.1 to 4.5 has it as an argument */
        xsi_give_note(g,
                      "HVM_PARAM_PAE_ENABLED is left to the configuration (pae=1 is the default)");
        return 0;
    }
    if (item->id == TSS_SIZED && !xsi_vm_find(vm, XSI_ITEM_HVM_PARAM, VM86_TSS)) {
        xsi_give_note(g, "HVM_PARAM_VM86_TSS_SIZED becomes HVM_VM86_TSS, without its size");
        return 0;
    }
    for (const struct legacy_param_row *row = legacy_params; row->id; row++)
        if (row->index == item->id)
            return unknown_chunk(g, row->id);
    if (in_tail(item->id))
        return 0;
    return xsi_give_drops(g, "HVM parameter %" PRIu64 " (%s)", item->id,
                          known ? known->name : "of no known name");
}

static int check_params(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *item;
    size_t i = 0;
    int rc = 0;

    while (!rc && (item = xsi_vm_next(vm, XSI_ITEM_HVM_PARAM, &i)))
        if (item->bytes && item->length == 8 && xsi_le64(item->bytes))
            rc = check_param(g, item);
    for (unsigned k = 0; !rc && k < LEGACY_MAGIC; k++)
        if (!xsi_vm_find(vm, XSI_ITEM_HVM_PARAM, legacy_magic_params[k]) && vm->version)
            rc = xsi_give_needs(g, "HVM parameter %u, the frame of an ioreq or xenstore page",
                                legacy_magic_params[k]);
    return rc;
}

/* ---- everything ---- */

static int check_dropped(struct xsi_give *g)
{
    static const struct {
        enum xsi_item_kind kind;
        const char *what;
    } rows[] = {
        { XSI_ITEM_CPUID_POLICY, "the CPUID policy (the host's own will apply)" },
        { XSI_ITEM_MSR_POLICY, "the MSR policy (the host's own will apply)" },
        { XSI_ITEM_VCPU_MSRS, "MSRs of the vCPUs" },
        { XSI_ITEM_TMEM, "the guest's tmem pools: what it keeps there is lost to it" },
    };
    const struct xsi_vm *vm = xsi_give_vm(g);
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct xsi_item *item;
        size_t at = 0;

        while ((item = xsi_vm_next(vm, rows[i].kind, &at)) && !item->length)
            ;
        if (item)
            rc = xsi_give_drops(g, "%s", rows[i].what);
    }
    return rc;
}

static void note_pv(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *item;
    uint64_t longest = 0;
    size_t i = 0, k = 0;

    if (legacy_given(vm) && vm->guest_bits != 8 * legacy_give_width(g) &&
        !xsi_vm_find(vm, XSI_ITEM_PV_HEADER, 0))
        xsi_give_note(g, "extended info is added, which readers up to 3.1 do not understand: they "
                         "take a guest to be as wide as they are");
    while ((item = xsi_vm_next(vm, XSI_ITEM_VCPU_XSAVE, &i)))
        longest = item->length > longest ? item->length : longest;
    while ((item = xsi_vm_next(vm, XSI_ITEM_VCPU_XSAVE, &k)))
        if (item->length < longest)
            xsi_give_note(g,
                          "the XSAVE area of vCPU %" PRIu64 " grows from %" PRIu64 " to %" PRIu64
                          " bytes: readers take one size for all",
                          item->id, item->length, longest);
}

/* Contexts of one size, and what a PV guest cannot be without. */
static int check_pv(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *item;
    uint64_t want = vm->guest_bits == 32 ? LEGACY_VCPU32 : LEGACY_VCPU64;
    size_t i = 0;

    while ((item = xsi_vm_next(vm, XSI_ITEM_VCPU_BASIC, &i)))
        if (item->length != want)
            return xsi_give_cannot(g,
                                   "the context of vCPU %" PRIu64 " has %" PRIu64
                                   " bytes; a %u-bit guest's has %" PRIu64,
                                   item->id, item->length, vm->guest_bits, want);
    if (!xsi_vm_find(vm, XSI_ITEM_SHARED_INFO, 0))
        return xsi_give_needs(g, "the shared info page");
    note_pv(g);
    return 0;
}

static bool has_xsave(const struct xsi_vm *vm)
{
    size_t i = 0;

    return xsi_vm_next(vm, XSI_ITEM_VCPU_XSAVE, &i);
}

int legacy_give_check(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    struct legacy_map map;
    int rc = 0;

    (void)legacy_give_size(g, &rc);
    if (vm->guest == XSI_GUEST_PVH && vm->version)
        xsi_give_note(
            g, "readers of this stream know no PVH guest: they want a device model's record");
    if (!rc && vm->guest == XSI_GUEST_PV)
        rc = check_pv(g);
    if (!rc && vm->guest != XSI_GUEST_PV)
        rc = check_params(g);
    if (!rc && vm->guest != XSI_GUEST_PV && !xsi_vm_find(vm, XSI_ITEM_HVM_CONTEXT, 0))
        rc = xsi_give_needs(g, "the HVM context");
    rc = rc ? rc : legacy_give_map(g, &map);
    rc = rc ? rc : config_check_rest(g, false);
    rc = rc ? rc : check_dropped(g);
    if (!rc && xsi_vm_find(vm, XSI_ITEM_TSC, 0))
        rc = unknown_chunk(g, -7);
    if (!rc && xsi_give_release(g) && xsi_give_release(g) < 40100 && has_xsave(vm))
        rc = xsi_give_cannot(g, "XSAVE areas of the vCPUs: readers know them from Xen 4.1 on");
    return rc ? rc : check_store(g);
}
