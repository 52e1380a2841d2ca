/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration for a stream that has none. A device model refuses a state with a section for a
 * device that it was started without ("Unknown savevm section": QEMU, migration/savevm.c), so the
 * devices are those whose sections the state holds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../qemu/qevm.h"
#include "../x86/x86.h"
#include "bare.h"

/* A guest without interrupt controllers and timers of a PC is a PVH one. */
#define PC_DEVICES (1U << X86_HVM_PIC | 1U << X86_HVM_IOAPIC | 1U << X86_HVM_PIT)

/* Lines of xl.cfg for a section of the state. One row of a group counts, the first that is there;
 * a row without a name ends a group that must have one. */
static const struct {
    unsigned group;
    const char *section, *line;
} devices[] = {
    { 1, "cirrus_vga", "vga = \"cirrus\"\n" },
    { 1, "vga", "vga = \"stdvga\"\n" },
    { 1, "qxl", "vga = \"qxl\"\n" },
    { 1, NULL, "vga = \"none\"\n" },
    { 2, "serial", "serial = \"null\"\n" },
    { 3, "uhci", "usb = 1\n" },
    { 4, "usb-tablet", "usbdevice = \"tablet\"\n" },
    { 5, "platform", "xen_platform_pci = 1\n" },
    { 5, NULL, "xen_platform_pci = 0\n" },
};

enum { LINES_MAX = 512 };

/* KiB of memory by the stream; 0: not known. */
static uint64_t memory_kib(const struct xsi_vm *vm)
{
    const struct xsi_info *info = vm->info;
    uint64_t pages = 0;

    if (vm->complete && info && info->pages_tracked)
        pages = info->pages_present;
    else if (vm->guest == XSI_GUEST_PV && vm->has_p2m_size) /* HVM: it counts the hole too */
        pages = vm->p2m_size;
    return (pages + 255) / 256 * 1024; /* whole MiB */
}

/* HVM and PVH guests have the same stream; what tells them apart is the context. */
static enum xsi_guest kind_of(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *context = xsi_vm_find(vm, XSI_ITEM_HVM_CONTEXT, 0);
    struct x86_hvm_summary sum = { 0 };
    const uint8_t *p;

    if (vm->guest == XSI_GUEST_PV || vm->guest == XSI_GUEST_PVH || !context)
        return vm->guest == XSI_GUEST_UNKNOWN ? XSI_GUEST_HVM : vm->guest;
    p = xsi_give_item_bytes(g, context);
    if (!p)
        return XSI_GUEST_HVM;
    (void)x86_hvm_check(p, (size_t)context->length, (size_t)context->length, &sum);
    if (!sum.end_seen || !sum.cpus || sum.types & PC_DEVICES)
        return XSI_GUEST_HVM;
    xsi_give_note(g, "the HVM context holds none of the devices of a PC: taken for a PVH guest");
    return XSI_GUEST_PVH;
}

/* The last state of a device model; NULL: none that tells its devices. */
static const uint8_t *state_of(struct xsi_give *g, size_t *n)
{
    const struct xsi_item *item, *last = NULL;
    const uint8_t *p;
    uint32_t version = 0;
    size_t i = 0;

    while ((item = xsi_vm_next(xsi_give_vm(g), XSI_ITEM_EMULATOR, &i)))
        last = item;
    p = last ? xsi_give_item_bytes(g, last) : NULL;
    *n = p ? (size_t)last->length : 0;
    return p && qevm_look(p, *n, &version) && version == 3 && qevm_has(p, *n, "cpu_common") ? p
                                                                                            : NULL;
}

static void device_lines(const uint8_t *state, size_t n, char *out, size_t size)
{
    unsigned done = 0; /* groups */
    size_t used = 0;

    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        unsigned group = 1U << devices[i].group;

        if (done & group || (devices[i].section && !qevm_has(state, n, devices[i].section)))
            continue;
        done |= group;
        used += (size_t)snprintf(out + used, size - used, "%s", devices[i].line);
    }
}

/* The same configuration with the devices of the state, by way of xl.cfg. */
static int with_devices(const struct xsi_config_bare *bare, const uint8_t *state, size_t n,
                        enum xsi_config_syntax to, struct xsi_config_out *out)
{
    struct xsi_config_out cfg = { 0 };
    int rc = xsi_config_minimal(bare, XSI_CONFIG_CFG, &cfg);
    char lines[LINES_MAX] = "", *text = NULL;

    device_lines(state, n, lines, sizeof(lines));
    if (!rc && asprintf(&text, "%s\n%s", cfg.text, lines) < 0) {
        text = NULL;
        rc = -ENOMEM;
    }
    if (!rc)
        rc = xsi_config_translate(text, strlen(text), XSI_CONFIG_CFG, to, out);
    for (size_t i = 0; !rc && i < cfg.guessed_count &&
                       out->guessed_count < sizeof(out->guessed) / sizeof(out->guessed[0]);
         i++)
        memcpy(out->guessed[out->guessed_count++], cfg.guessed[i], sizeof(cfg.guessed[i]));
    free(text);
    xsi_config_out_free(&cfg);
    return rc;
}

int config_bare(struct xsi_give *g, enum xsi_config_syntax to, struct xsi_config_out *out)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    struct xsi_config_bare bare = { .memory_kib = memory_kib(vm) };
    const uint8_t *state;
    size_t n;
    int rc;

    if (!bare.memory_kib)
        return xsi_give_needs(g, "the size of the guest's memory, for want of a configuration "
                                 "(--config FILE gives one)");
    bare.kind = kind_of(g);
    if (vm->info) {
        bare.name = vm->info->name;
        bare.uuid = vm->info->uuid;
        bare.vcpus = vm->info->vcpus;
    }
    state = bare.kind == XSI_GUEST_HVM && to != XSI_CONFIG_SXP ? state_of(g, &n) : NULL;
    rc = state ? with_devices(&bare, state, n, to, out) : xsi_config_minimal(&bare, to, out);
    if (rc)
        return xsi_give_cannot(g, "no configuration can be made: %s; give one with --config",
                               out->problem);
    return 0;
}
