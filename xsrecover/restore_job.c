/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the back end is told of the domain: from the configuration, and where that is silent from
 * the stream. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "restore.h"

#define EMULATOR_MOST (256U << 20)
#define STORE_MOST    (1U << 20)

/* A name for xenstore and for programs' arguments: an image's text is neither. */
static void take_name(struct restore *r)
{
    const char *from = *r->config.name ? r->config.name : r->look.info->name;
    size_t n = 0;

    for (; from[n] && n + 1 < sizeof(r->job.name); n++) {
        unsigned char c = (unsigned char)from[n];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (n && strchr("._-+:@", c));

        r->job.name[n] = (char)(plain ? c : '_');
    }
    if (!n)
        snprintf(r->job.name, sizeof(r->job.name), "restored");
}

static void make_uuid(char out[40])
{
    uint8_t b[16] = { 0 };

    (void)!getrandom(b, sizeof(b), 0);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* random, RFC 4122 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

static void take_uuid(struct restore *r)
{
    const char *from = *r->config.uuid ? r->config.uuid : r->look.info->uuid;

    if (strlen(from) == 36 && strspn(from, "0123456789abcdefABCDEF-") == 36) {
        for (size_t i = 0; i <= 36; i++)
            r->job.uuid[i] = (char)(from[i] >= 'A' && from[i] <= 'F' ? from[i] + 32 : from[i]);
        return;
    }
    make_uuid(r->job.uuid);
}

static void take_memory(struct restore *r)
{
    const struct xsi_info *info = r->look.info;
    const struct xsi_vm *vm = r->convert ? xsi_convert_vm(r->convert) : NULL;
    uint64_t pages = info->pages_tracked ? info->pages_present : vm ? vm->pages : 0;
    uint64_t kb = pages * 4;

    /* a PV guest may own frames that the stream brings without contents */
    if (r->guest == XSI_GUEST_PV && !r->config.memory_kb && vm && vm->has_p2m_size &&
        vm->p2m_size < pages * 2 + 1024)
        kb = vm->p2m_size * 4;
    r->job.memory_kb = kb > r->config.memory_kb ? kb : r->config.memory_kb;
    r->job.most_kb = r->config.most_kb > r->job.memory_kb ? r->config.most_kb : r->job.memory_kb;
    r->job.video_kb = r->config.video_kb < r->job.most_kb ? r->config.video_kb : 0;
}

/* ---------------------------------------------------------------- the device model ---- */

/* The item's bytes in a file without a name; -1 after a message. */
static int copy_item(struct restore *r, const struct xsi_item *item)
{
    int fd = memfd_create("device-model", MFD_CLOEXEC);
    uint8_t *buffer = malloc(1 << 20);
    uint64_t at = 0;
    ssize_t n = 0;

    while (fd >= 0 && buffer && at < item->length) {
        n = xsi_convert_item(r->whole, item, at, buffer, 1 << 20);
        if (n <= 0 || write(fd, buffer, (size_t)n) != n)
            break;
        at += (uint64_t)n;
    }
    free(buffer);
    if (fd >= 0 && at == item->length && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    fail(r->s->transcript, 0, r->file, "the device model's state at 0x%llx cannot be read",
         (unsigned long long)item->offset);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool take_store(struct restore *r, const struct xsi_item *item)
{
    if (!item || !item->length || item->length > STORE_MOST)
        return true;
    r->store = malloc(item->length);
    if (!r->store ||
        xsi_convert_item(r->whole, item, 0, r->store, item->length) != (ssize_t)item->length)
        return false;
    r->job.store = r->store;
    r->job.store_length = item->length;
    return true;
}

static bool take_emulator(struct restore *r)
{
    const struct xsi_vm *vm = xsi_convert_vm(r->whole);
    const struct xsi_item *state = xsi_vm_find(vm, XSI_ITEM_EMULATOR, 2);

    r->emulator = r->job.emulator = -1;
    if (r->via != VIA_LIBXC || r->guest != XSI_GUEST_HVM || r->s->has_into)
        return true;
    if (!state) {
        size_t i = 0;
        const struct xsi_item *other = xsi_vm_next(vm, XSI_ITEM_EMULATOR, &i);

        if (other && other->id == 1)
            restore_note(r, CHECK_REFUSE, "device model",
                         "its state at 0x%llx is qemu-traditional's, which qemu-xen does not "
                         "read: the guest would be without its devices; a host that has "
                         "qemu-traditional can take it through xl",
                         (unsigned long long)other->offset);
        else if (!other)
            restore_note(r, CHECK_WARN, "device model",
                         "the image holds no state of one: none is started, and the guest will be "
                         "without emulated devices");
        else
            state = other;
    }
    if (!state)
        return true;
    if (state->length > EMULATOR_MOST) {
        restore_note(r, CHECK_REFUSE, "device model", "its state of %llu bytes is too large",
                     (unsigned long long)state->length);
        return true;
    }
    r->emulator = r->job.emulator = copy_item(r, state);
    return r->emulator >= 0 && take_store(r, xsi_vm_find(vm, XSI_ITEM_EMULATOR_STORE, 0));
}

/*
 * The state itself tells its devices, and they must be there whatever a configuration says, which
 * may come from another toolstack: each section of QEMU's stream begins with the length of its name
 * and the name, for a PCI device behind its address (7.2: migration/savevm.c,
 * save_section_header()).
 */
static const struct device {
    const char *section; /* as it ends */
    size_t member;       /* of the job: text, or a flag when value is NULL */
    const char *value;
} devices[] = {
    { "\006serial", offsetof(struct xsi_restore_job, serial), NULL },
    { "/platform", offsetof(struct xsi_restore_job, platform), NULL },
    { "/uhci", offsetof(struct xsi_restore_job, usb), NULL },
    { "/usb-ptr", offsetof(struct xsi_restore_job, usb_tablet), NULL },
    { "/vga", offsetof(struct xsi_restore_job, vga), "std" },
    { "/cirrus_vga", offsetof(struct xsi_restore_job, vga), "cirrus" },
    { "/rtl8139", offsetof(struct xsi_restore_job, nic), "rtl8139" },
    { "/e1000", offsetof(struct xsi_restore_job, nic), "e1000" },
};

static void take_devices(struct restore *r)
{
    off_t size = r->emulator >= 0 ? lseek(r->emulator, 0, SEEK_END) : 0;
    char *state =
        size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, r->emulator, 0) : MAP_FAILED;

    if (r->emulator >= 0)
        (void)lseek(r->emulator, 0, SEEK_SET);
    if (state == MAP_FAILED)
        return;
    snprintf(r->job.vga, sizeof(r->job.vga), "none");
    r->job.nic[0] = '\0';
    r->job.serial = r->job.platform = r->job.usb = r->job.usb_tablet = false;
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        const struct device *d = &devices[i];
        char *to = (char *)&r->job + d->member;

        if (!memmem(state, (size_t)size, d->section, strlen(d->section)))
            continue;
        if (d->value)
            snprintf(to, 16, "%s", d->value);
        else
            *(bool *)to = true;
    }
    (void)munmap(state, (size_t)size);
}

bool restore_job(struct restore *r)
{
    struct xsi_restore_job *job = &r->job;
    const struct restore_config *c = &r->config;

    job->size = sizeof(*job);
    job->before = r->host_known ? r->host : NULL;
    job->guest = r->guest;
    job->vcpus = c->vcpus ? c->vcpus : r->look.info->vcpus ? r->look.info->vcpus : 1;
    job->event_channels = c->event_channels;
    job->into = r->s->has_into ? (uint32_t)r->s->into : XSI_NO_DOMAIN;
    job->paused = r->s->paused;
    job->config = r->text;
    job->serial = c->serial;
    job->platform = c->there ? c->platform : true;
    job->usb = c->usb;
    job->usb_tablet = c->usb_tablet;
    memcpy(job->vga, c->there ? c->vga : "cirrus", c->there ? sizeof(job->vga) : 7);
    memcpy(job->boot, c->boot, sizeof(job->boot));
    memcpy(job->nic, c->nic, sizeof(job->nic));
    memcpy(job->mac, c->mac, sizeof(job->mac));
    memcpy(job->disk, c->disk, sizeof(job->disk));
    job->disk_count = c->disk_count;
    take_name(r);
    take_uuid(r);
    take_memory(r);
    r->emulator = job->emulator = -1;
    if (r->whole && !take_emulator(r))
        return false;
    take_devices(r);
    return true;
}
