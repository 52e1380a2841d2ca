/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device model of an HVM guest, started with the state that the image holds. The devices must
 * be those that the state is of, in the same places: the command line is the one that libxl makes
 * (4.17: libxl_dm.c, libxl__build_device_model_args_new()).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

#define ARGUMENTS   128
#define START_LIMIT 60 /* seconds: 4.17, libxl_internal.h, LIBXL_DEVICE_MODEL_START_TIMEOUT */

struct command {
    char *argv[ARGUMENTS];
    size_t count;
    bool failed;
};

static void XSI_PRINTF(2, 3) arg(struct command *c, const char *fmt, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, fmt);
    if (c->count + 1 >= ARGUMENTS || vasprintf(&text, fmt, args) < 0)
        c->failed = true;
    else
        c->argv[c->count++] = text;
    va_end(args);
}

static void forget(struct command *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->argv[i]);
}

/* ---------------------------------------------------------------- the command line ---- */

/* A path as the value of one of QEMU's options: a comma would begin the next one. */
static void escape(char out[1024], const char *path)
{
    size_t n = 0;

    for (; *path && n < 1021; path++) {
        if (*path == ',')
            out[n++] = ',';
        out[n++] = *path;
    }
    out[n] = '\0';
}

/* Number of a disk on the IDE bus: hda and xvda are 0. -1: it is not emulated. */
static int ide_unit(const char *vdev)
{
    const char *letter = strncmp(vdev, "hd", 2) == 0    ? vdev + 2
                         : strncmp(vdev, "xvd", 3) == 0 ? vdev + 3
                                                        : "";

    return letter[0] >= 'a' && letter[0] <= 'd' && !letter[1] ? letter[0] - 'a' : -1;
}

static void add_disks(struct work *w, struct command *c)
{
    const struct xsi_restore_job *job = w->job;
    char path[1024];

    for (size_t i = 0; i < job->disk_count; i++) {
        const struct xsi_restore_disk *d = &job->disk[i];
        int unit = ide_unit(d->vdev);
        bool empty = strcmp(d->format, "empty") == 0 || !*d->path;

        if (unit < 0 || (empty && !d->cdrom)) {
            work_say(w, XSI_LOG_WARNING, "disk %s is not emulated; --via xl connects all disks",
                     d->vdev);
            continue;
        }
        escape(path, d->path);
        arg(c, "-drive");
        if (d->cdrom) { /* 4.17 names a drive by its Xen device number: hda is 768 */
            int number = (unit < 2 ? 3 << 8 : 22 << 8) + (unit % 2) * 64;

            arg(c, "if=none,readonly=on,id=ide-%d%s%s%s%s", number,
                empty ? "" : ",file=", empty ? "" : path,
                empty ? "" : ",format=", empty ? "" : d->format);
            arg(c, "-device");
            arg(c, "ide-cd,id=ide-%d,drive=ide-%d,bus=ide.%d,unit=%d", number, number, unit / 2,
                unit % 2);
        } else {
            arg(c, "file=%s,if=ide,index=%d,media=disk,format=%s,cache=writeback", path, unit,
                d->format);
        }
    }
}

static void add_devices(struct work *w, struct command *c)
{
    const struct xsi_restore_job *job = w->job;
    unsigned long long video = job->video_kb >> 10;

    arg(c, "-display");
    arg(c, "none");
    arg(c, "-serial");
    arg(c, job->serial ? "null" : "none");
    if (strcmp(job->vga, "none") != 0) {
        arg(c, "-device");
        arg(c, "%s,vgamem_mb=%llu", strcmp(job->vga, "cirrus") == 0 ? "cirrus-vga" : "VGA",
            video                             ? video
            : strcmp(job->vga, "cirrus") == 0 ? 8
                                              : 16);
    }
    if (*job->boot) {
        arg(c, "-boot");
        arg(c, "order=%s", job->boot);
    }
    if (job->usb)
        arg(c, "-usb");
    if (job->usb_tablet) {
        arg(c, "-usbdevice");
        arg(c, "tablet");
    }
    if (job->vcpus > 1) {
        arg(c, "-smp");
        arg(c, "%u", job->vcpus);
    }
    if (*job->nic) { /* its wire leads nowhere: connecting it is a toolstack's work */
        arg(c, "-device");
        arg(c, "%s,id=nic0%s%s", job->nic, *job->mac ? ",mac=" : "", job->mac);
    } else {
        arg(c, "-net");
        arg(c, "none");
    }
}

static void build(struct work *w, struct command *c, const char *program)
{
    const struct xsi_restore_job *job = w->job;

    arg(c, "%s", program);
    arg(c, "-xen-domid");
    arg(c, "%u", w->domain);
    arg(c, "-no-shutdown");
    arg(c, "-chardev");
    arg(c, "socket,id=libxl-cmd,path=/var/run/xen/qmp-libxl-%u,server=on,wait=off", w->domain);
    arg(c, "-mon");
    arg(c, "chardev=libxl-cmd,mode=control");
    arg(c, "-nodefaults");
    arg(c, "-no-user-config");
    arg(c, "-name");
    arg(c, "%s", job->name);
    arg(c, "-vnc");
    arg(c, "none");
    add_devices(w, c);
    if (job->emulator >= 0) {
        arg(c, "-incoming");
        arg(c, "fd:%d", job->emulator);
    }
    arg(c, "-machine");
    arg(c, job->platform ? "xenfv,suppress-vmdesc=on" : "pc,accel=xen,suppress-vmdesc=on");
    arg(c, "-m");
    arg(c, "%llu", (unsigned long long)((job->most_kb - job->video_kb + 1023) >> 10));
    add_disks(w, c);
}

static const char *find_program(const struct work *w)
{
    static const char *const places[] = {
        "/usr/libexec/xen-qemu-system-i386", /* Debian's qemu-system-xen */
        "/usr/lib/xen/bin/qemu-system-i386", /* Xen's own build */
        "/usr/local/lib/xen/bin/qemu-system-i386",
        "/usr/lib/xen-4.17/bin/qemu-system-i386",
        "/usr/bin/qemu-system-i386",
    };

    if (w->job->program)
        return w->job->program;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* ---------------------------------------------------------------- keys in xenstore ---- */

/* 4.17 takes keys below physmap/ only, and so do we: they name a place in xenstore. */
static bool plain_key(const char *key)
{
    return strncmp(key, "physmap/", 8) == 0 && strlen(key) < 100 && !strstr(key, "//") &&
           strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_/") == strlen(key);
}

static void write_keys(struct work *w)
{
    const char *at = w->job->store, *end = at + w->job->store_length;
    char path[256];

    while (at && at < end) {
        const char *value = memchr(at, '\0', (size_t)(end - at));
        const char *last = value ? memchr(value + 1, '\0', (size_t)(end - value - 1)) : NULL;

        if (!last)
            return;
        snprintf(path, sizeof(path), "/local/domain/0/device-model/%u/%.100s", w->domain, at);
        if (plain_key(at))
            xs_write(w->xs, XBT_NULL, path, value + 1, (unsigned)(last - value - 1));
        at = last + 1;
    }
}

/* ---------------------------------------------------------------- running it ---- */

static void run(struct command *c, int state, int log)
{
    int null = open("/dev/null", O_RDONLY);

    setsid();
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    signal(SIGPIPE, SIG_DFL);
    if (state >= 0)
        fcntl(state, F_SETFD, 0);
    execv(c->argv[0], c->argv);
    dprintf(STDERR_FILENO, "%s: %s\n", c->argv[0], strerror(errno));
    _exit(127);
}

static void last_words(struct work *w, const char *log)
{
    char text[4096], *line, *rest = NULL;
    int fd = open(log, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t n;

    if (fd < 0)
        return;
    n = pread(fd, text, sizeof(text) - 1, size > 4095 ? size - 4095 : 0);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        work_say(w, XSI_LOG_ERROR, "qemu: %s", line);
}

/* It says "running" in xenstore when it has taken its state. */
static int await(struct work *w, const char *log)
{
    char path[128];
    unsigned n;
    int status;

    snprintf(path, sizeof(path), "/local/domain/0/device-model/%u/state", w->domain);
    for (unsigned i = 0; i < START_LIMIT * 20; i++) {
        char *state = xs_read(w->xs, XBT_NULL, path, &n);
        bool running = state && strcmp(state, "running") == 0;

        free(state);
        if (running)
            return 0;
        if (waitpid(w->emulator, &status, WNOHANG) == w->emulator) {
            w->emulator = 0;
            last_words(w, log);
            return work_fault(w, EIO,
                              "the device model ended (%s %d); its log is %s. With --via xl the "
                              "toolstack starts it with all devices",
                              WIFSIGNALED(status) ? "signal" : "status",
                              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), log);
        }
        usleep(50000);
    }
    last_words(w, log);
    return work_fault(w, ETIMEDOUT, "the device model did not start within %u seconds; its log: %s",
                      START_LIMIT, log);
}

int emulator_start(struct work *w)
{
    const char *program = find_program(w);
    struct command c = { .count = 0 };
    char log[64], path[128], pid[16];
    int fd;

    if (!program)
        return work_fault(w, ENOENT,
                          "there is no device model here (qemu-system-i386 of the host's Xen: "
                          "Debian package qemu-system-xen)");
    snprintf(log, sizeof(log), "/var/log/xen/qemu-dm-%u-restored.log", w->domain);
    fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return work_fault(w, errno, "the device model's log %s cannot be written: %s", log,
                          strerror(errno));
    snprintf(path, sizeof(path), "/local/domain/0/device-model/%u", w->domain);
    xs_rm(w->xs, XBT_NULL, path);
    xs_mkdir(w->xs, XBT_NULL, path);
    write_keys(w);
    build(w, &c, program);
    w->emulator = c.failed ? -1 : fork();
    if (w->emulator == 0)
        run(&c, w->job->emulator, fd);
    close(fd);
    forget(&c);
    if (w->emulator < 0)
        return work_fault(w, ENOMEM, "the device model cannot be started: out of memory");
    /* where `xl destroy` looks for it */
    snprintf(path, sizeof(path), "/local/domain/%u/image/device-model-pid", w->domain);
    snprintf(pid, sizeof(pid), "%d", (int)w->emulator);
    xs_write(w->xs, XBT_NULL, path, pid, (unsigned)strlen(pid));
    work_say(w, XSI_LOG_INFO, "device model %s, log %s", program, log);
    return await(w, log);
}

/* A number in xenstore may have become another process's. */
static bool is_emulator(pid_t pid)
{
    char path[64], name[512];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    n = readlink(path, name, sizeof(name) - 1);
    name[n > 0 ? n : 0] = '\0';
    return strstr(name, "qemu") != NULL;
}

void emulator_end(struct work *w, uint32_t domain)
{
    uint32_t pid = 0;

    if (w->emulator > 0)
        pid = (uint32_t)w->emulator;
    else if (!store_number(w, domain, "image/device-model-pid", &pid))
        return;
    if (pid > 1 && pid < INT32_MAX && is_emulator((pid_t)pid))
        kill((pid_t)pid, SIGKILL);
    if (w->emulator > 0)
        (void)waitpid(w->emulator, NULL, 0);
    w->emulator = 0;
}
