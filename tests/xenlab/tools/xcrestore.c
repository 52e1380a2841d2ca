/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xcrestore pv|pvh|hvm MEGABYTES STREAM: give a bare libxc stream to the host's own
 * xc_domain_restore, in a domain made for it and destroyed afterwards.  Prints one line,
 * "rc errno offset"; libxc's error lines go to stderr.  Dies as the library does. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenguest.h>
#include <xentoollog.h>

static int static_data_done(unsigned int missing, void *data)
{
    (void)missing;
    (void)data;
    return 0;
}

static uint32_t make_domain(xc_interface *xch, const char *type, unsigned long megabytes)
{
    struct xen_domctl_createdomain how = {
        .max_vcpus = 1,
        .max_evtchn_port = 1023,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };
    uint32_t domid = 0;
    int hvm = strcmp(type, "pv") != 0;

    memset(how.handle, 0x10, sizeof(how.handle));
    if (hvm) {
        how.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        how.arch.emulation_flags =
            strcmp(type, "hvm") == 0 ? XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI : XEN_X86_EMU_LAPIC;
    }
    if (xc_domain_create(xch, &domid, &how) != 0)
        err(2, "xc_domain_create");
    if (xc_domain_max_vcpus(xch, domid, 1) != 0 ||
        xc_domain_setmaxmem(xch, domid, megabytes * 1024 + 1024) != 0 ||
        (hvm && xc_set_paging_mempool_size(xch, domid, (2 + megabytes / 64) << 20) != 0)) {
        warn("domain %u", domid);
        xc_domain_destroy(xch, domid);
        exit(2);
    }
    return domid;
}

/* In a process of its own: the library may abort. */
static void restore(xc_interface *xch, uint32_t domid, int fd)
{
    struct restore_callbacks callbacks = { .static_data_done = static_data_done };
    unsigned long store_mfn = 0, console_mfn = 0;
    int store = xc_evtchn_alloc_unbound(xch, domid, 0);
    int console = xc_evtchn_alloc_unbound(xch, domid, 0);
    int rc = xc_domain_restore(xch, fd, domid, store, &store_mfn, 0, console, &console_mfn, 0,
                               XC_STREAM_PLAIN, &callbacks, -1);
    int why = errno;

    printf("%d %d %ld\n", rc, why, (long)lseek(fd, 0, SEEK_CUR));
}

int main(int argc, char **argv)
{
    xentoollog_logger *log = (void *)xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0);
    xc_interface *xch = xc_interface_open(log, log, 0);
    int fd = argc == 4 ? open(argv[3], O_RDONLY) : -1;
    int status = 0;
    uint32_t domid;
    pid_t child;

    if (!xch || fd < 0)
        err(2, "usage: xcrestore pv|pvh|hvm MEGABYTES STREAM");
    domid = make_domain(xch, argv[1], strtoul(argv[2], NULL, 0));
    child = fork();
    if (child == 0) {
        xch = xc_interface_open(log, log, 0);
        if (xch)
            restore(xch, domid, fd);
        fflush(stdout);
        _exit(xch ? 0 : 2);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("%s %d %ld\n", WTERMSIG(status) == SIGABRT ? "SIGABRT" : "SIGNAL", WTERMSIG(status),
               (long)lseek(fd, 0, SEEK_CUR));
    xc_domain_destroy(xch, domid);
    return 0;
}
