/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A drop-in for Xen's convert-legacy-stream (4.6 and later): the same options, descriptors and exit
 * status, for libxl to run on a legacy stream (4.17:libxl_convert_callout.c). The width of the
 * toolstack and the kind of guest are those that the stream shows: libxl passes its own width, and
 * "pv" for PVH guests.
 */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <xsi_convert.h>

#include "cli/cli.h"

#define NAME "xsi-convert-legacy-stream"

enum { DONE = 0, BAD_STREAM = 1, BAD_SCRIPT = 2 };

enum {
    XL_MAGIC_LENGTH = 32, /* 4.17:xl.h:savefileheader_magic, then four words */
    XL_HEADER = XL_MAGIC_LENGTH + 16,
    XL_STREAM_V2 = 2, /* XL_MANDATORY_FLAG_STREAMv2 */
    XL_BYTE_ORDER = 0x01020304
};

struct helper {
    const char *in, *out;
    unsigned width;
    enum xsi_guest guest;
    bool libxl, xl, skip_qemu, verbose, log, drop, help, version;
    int in_fd, out_fd;
    bool made; /* the output is a file of ours */
};

/* ---------------------------------------------------------------- words ---- */

static void __attribute__((format(printf, 3, 0)))
say(const struct helper *h, int priority, const char *fmt, va_list args)
{
    char raw[1024], text[2048];

    (void)vsnprintf(raw, sizeof(raw), fmt, args);
    (void)xsi_escape(text, sizeof(text), raw, strlen(raw));
    if (h->log)
        syslog(priority, "%s", text);
    /* as Xen's: errors go to both, the summary to one; but never between the stream's bytes */
    if (priority == LOG_ERR)
        fprintf(stderr, NAME ": %s\n", text);
    else if (!h->log)
        fprintf(h->out_fd == STDOUT_FILENO ? stderr : stdout, "%s\n", text);
}

static int __attribute__((format(printf, 3, 4)))
fault(const struct helper *h, int status, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(h, LOG_ERR, fmt, args);
    va_end(args);
    return status;
}

static void __attribute__((format(printf, 2, 3))) info(const struct helper *h, const char *fmt, ...)
{
    va_list args;

    if (!h->verbose)
        return;
    va_start(args, fmt);
    say(h, LOG_INFO, fmt, args);
    va_end(args);
}

/* ---------------------------------------------------------------- options ---- */

enum option {
    IN,
    OUT,
    WIDTH,
    GUEST,
    XL,
    FORMAT,
    SKIP_QEMU,
    DROP,
    VERBOSE,
    SYSLOG,
    VERSION,
    HELP,
    OPTIONS
};

/* clang-format off */
static const struct cli_option rows[OPTIONS] = {
    [IN] = { 'i', "in", "FD|FILE", "Streams", "The legacy stream." },
    [OUT] = { 'o', "out", "FD|FILE", "Streams", "Where the converted stream goes. A file that "
              "holds something is not overwritten." },
    [WIDTH] = { 'w', "width", "32|64", "What it is said to be", "Width of the toolstack that wrote "
                "it. Taken from the stream; when this says otherwise, a message says so." },
    [GUEST] = { 'g', "guest-type", "pv|hvm", "What it is said to be", "Kind of guest, likewise. In "
                "libxl's format, pv for an HVM stream is a PVH guest: no device model's state is "
                "written." },
    [XL] = { 'x', "xl", NULL, "What it is said to be", "An xl header stands in front of the "
             "stream; it is passed on." },
    [FORMAT] = { 'f', "format", "libxc|libxl", "What is written", "The stream (the default), or "
                 "that within libxl's, which xl and libvirt want." },
    [SKIP_QEMU] = { 0, "skip-qemu", NULL, "What is written", "In format libxc: leave out the "
                    "device model's record." },
    [DROP] = { 0, "drop", NULL, "What is written", "Leave out what the new stream cannot hold "
               "(tmem pools); without it such a stream is refused." },
    [VERBOSE] = { 'v', "verbose", NULL, "Other", "Say what is in the stream." },
    [SYSLOG] = { 0, "syslog", NULL, "Other", "Messages go to the system's log." },
    [VERSION] = { 0, "version", NULL, "Other", "Print the version." },
    [HELP] = { 'h', "help", NULL, "Other", "Print this text." },
};
/* clang-format on */

/* Which of two words; false after a message. */
static bool choose(enum option option, const char *argument, const char *a, const char *b,
                   bool *second)
{
    *second = !strcmp(argument, b);
    if (*second || !strcmp(argument, a))
        return true;
    cli_error(NULL, "--%s is %s or %s, not %s", rows[option].name, a, b, argument);
    return false;
}

static bool set(void *context, size_t option, const char *argument)
{
    struct helper *h = context;
    bool second = false;

    switch ((enum option)option) {
    case IN:
        h->in = argument;
        return true;
    case OUT:
        h->out = argument;
        return true;
    case WIDTH:
        if (!choose(WIDTH, argument, "32", "64", &second))
            return false;
        h->width = second ? 64 : 32;
        return true;
    case GUEST:
        if (!choose(GUEST, argument, "pv", "hvm", &second))
            return false;
        h->guest = second ? XSI_GUEST_HVM : XSI_GUEST_PV;
        return true;
    case FORMAT:
        return choose(FORMAT, argument, "libxc", "libxl", &h->libxl);
    case VERBOSE:
        return h->verbose = true;
    case XL:
        return h->xl = true;
    case SKIP_QEMU:
        return h->skip_qemu = true;
    case DROP:
        return h->drop = true;
    case SYSLOG:
        return h->log = true;
    case VERSION:
        return h->version = true;
    case HELP:
        return h->help = true;
    case OPTIONS:
        break;
    }
    return false;
}

static void help(FILE *out)
{
    struct cli_term t, prose;

    cli_term_init(&t, "auto");
    t.out = out;
    prose = cli_prose(&t);
    fputs("Usage: " NAME " [options] -i FD|FILE -o FD|FILE\n\n", out);
    cli_wrap(&prose, 0, 0,
             "Converts a legacy stream of libxc (Xen 3.0 to 4.5) to the stream of Xen 4.6 and "
             "later, as Xen's convert-legacy-stream does. xl and libvirt take it instead of that "
             "when LIBXL_CONVERT_HELPER in their environment names this file. xsrecover convert "
             "does more.");
    cli_help(&t, rows, OPTIONS);
    fprintf(out, "\nExit status\n");
    cli_wrap(&prose, 0, 0,
             "0; 1: the stream is damaged, or reading or writing failed, or an option is missing; "
             "2: an option is wrong, or the new stream cannot hold what is in the old one.");
}

/* ---------------------------------------------------------------- opening ---- */

/* A decimal number is a descriptor: 4.17:xen/util.py:open_file_or_fd. -1 when it is none. */
static int descriptor(const char *text)
{
    uint64_t fd;

    return text[0] >= '0' && text[0] <= '9' && cli_number(text, &fd) && fd < 1 << 20 ? (int)fd : -1;
}

/* A file that holds something stays as it is: it may be the image. */
static int open_output(struct helper *h)
{
    struct stat st;

    h->out_fd = descriptor(h->out);
    if (h->out_fd >= 0)
        return fcntl(h->out_fd, F_GETFD) < 0 ? -errno : 0;
    h->out_fd = open(h->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    h->made = h->out_fd >= 0;
    if (h->out_fd < 0 && errno == EEXIST)
        h->out_fd = open(h->out, O_WRONLY | O_CLOEXEC);
    if (h->out_fd < 0 || fstat(h->out_fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) && st.st_size ? -EEXIST : 0;
}

static int open_both(struct helper *h)
{
    int rc;

    h->in_fd = descriptor(h->in);
    if (h->in_fd < 0)
        h->in_fd = open(h->in, O_RDONLY | O_CLOEXEC);
    if (h->in_fd < 0 || fcntl(h->in_fd, F_GETFD) < 0)
        return fault(h, BAD_STREAM, "%s: %s", h->in, strerror(errno));
    rc = open_output(h);
    if (rc < 0)
        return fault(h, BAD_STREAM,
                     rc == -EEXIST ? "%s: %s, and holds something; name a new one" : "%s: %s",
                     h->out, strerror(-rc));
    return DONE;
}

/* ---------------------------------------------------------------- the xl header ---- */

static int read_all(int fd, uint8_t *to, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(fd, to + done, n - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -ENODATA;
        done += (size_t)got;
    }
    return 0;
}

static int write_all(int fd, const uint8_t *from, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = write(fd, from + done, n - done);

        if (put < 0 && errno != EINTR)
            return -errno;
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Header and optional data go through as they are, but for the flag that says what follows. */
static int pass_xl_header(const struct helper *h)
{
    static const char magic[XL_MAGIC_LENGTH + 1] = "Xen saved domain, xl format\n \0 \r";
    uint8_t block[65536];
    uint32_t left;
    int rc = read_all(h->in_fd, block, XL_HEADER);

    if (rc == -ENODATA || (!rc && (memcmp(block, magic, XL_MAGIC_LENGTH) != 0 ||
                                   word(block + XL_MAGIC_LENGTH) != XL_BYTE_ORDER)))
        return fault(h, BAD_STREAM, "there is no xl header in front of the stream: leave out --xl");
    left = word(block + XL_MAGIC_LENGTH + 12);
    if (h->libxl)
        block[XL_MAGIC_LENGTH + 4] |= XL_STREAM_V2;
    if (!rc)
        rc = write_all(h->out_fd, block, XL_HEADER);
    while (!rc && left) {
        size_t n = left < sizeof(block) ? left : sizeof(block);

        rc = read_all(h->in_fd, block, n);
        rc = rc ? rc : write_all(h->out_fd, block, n);
        left -= (uint32_t)n;
    }
    if (rc)
        return fault(h, BAD_STREAM, "in the xl header: %s",
                     rc == -ENODATA ? "the image ends" : strerror(-rc));
    info(h, "xl header passed on");
    return DONE;
}

/* ---------------------------------------------------------------- converting ---- */

static const char *guest_name(enum xsi_guest guest)
{
    return guest == XSI_GUEST_PV ? "PV" : guest == XSI_GUEST_PVH ? "PVH" : "HVM";
}

/* What the caller believed of the stream, and what it is. */
static void correct(const struct helper *h, const struct xsi_vm *vm)
{
    bool pv = vm->guest == XSI_GUEST_PV;

    if (h->width && vm->toolstack_bits && h->width != vm->toolstack_bits)
        (void)fault(h, 0,
                    "a %u-bit toolstack wrote this stream, not one of %u bits: taken as it is",
                    vm->toolstack_bits, h->width);
    if (h->guest && vm->guest && pv != (h->guest == XSI_GUEST_PV))
        (void)fault(h, 0, "this is the stream of %s guest, not of %s guest: taken as it is%s",
                    pv ? "a PV" : "an HVM or PVH", pv ? "an HVM" : "a PV",
                    !pv && h->libxl ? ", for a PVH domain" : "");
}

static void tell(const struct helper *h, const struct xsi_convert *c)
{
    const struct xsi_vm *vm = xsi_convert_vm(c);
    const char *text;

    correct(h, vm);
    info(h, "%s guest, %u-bit toolstack, %" PRIu64 " pages", guest_name(vm->guest),
         vm->toolstack_bits, vm->pages);
    for (size_t i = 0; (text = xsi_convert_layer(c, i)); i++)
        info(h, "written as: %s", text);
}

/* What is left out is said once, whenever it became known. */
static void tell_notes(const struct helper *h, const struct xsi_convert *c)
{
    const char *text;

    for (size_t i = 0; (text = xsi_convert_note(c, i)); i++)
        (void)fault(h, 0, "%s", text);
}

static int status_of(const struct xsi_error *err)
{
    return err->code == ENOTSUP || err->code == EINVAL ? BAD_SCRIPT : BAD_STREAM;
}

/* Offsets count from where the descriptor stood. */
static int refuse(const struct helper *h, const struct xsi_error *err, off_t start)
{
    (void)fault(h, 0, "%s", err->text);
    if (start > 0)
        (void)fault(h, 0, "the stream begins at byte %lld of the file: add that to offsets",
                    (long long)start);
    return status_of(err);
}

static int convert(const struct helper *h, struct xsi_source *src, off_t start)
{
    const struct xsi_convert_options options = {
        .to = h->libxl ? "libxl-v2>libxc-v3" : "libxc-v3",
        .drop = h->drop,
        /* libxl ends the restore of a guest that is not HVM at a record of the device model:
         * 4.17:libxl_stream_read.c:process_record */
        .no_emulator = h->libxl ? h->guest == XSI_GUEST_PV : h->skip_qemu,
    };
    struct xsi_written written = { 0 };
    struct xsi_error err = { 0 };
    struct xsi_convert *c = xsi_convert_new(src, &options, &err);
    bool surveyed;
    int rc;

    if (!c)
        return refuse(h, &err, start);
    surveyed = xsi_convert_vm(c)->complete;
    if (surveyed)
        tell(h, c);
    rc = xsi_convert_write(c, h->out_fd, NULL, NULL, &written, &err);
    if (!surveyed) /* a pipe: only now it is known */
        tell(h, c);
    tell_notes(h, c);
    if (rc)
        rc = refuse(h, &err, start);
    else
        info(h, "%" PRIu64 " bytes written", written.bytes);
    xsi_convert_free(c);
    return rc;
}

static int run(struct helper *h)
{
    const struct xsi_source_options exact = { .exact = true };
    struct xsi_error err = { 0 };
    struct xsi_source *src;
    off_t start;
    int status = open_both(h);

    if (!status && h->xl)
        status = pass_xl_header(h);
    if (status)
        return status;
    start = lseek(h->in_fd, 0, SEEK_CUR);
    src = xsi_source_fd(h->in_fd, &exact, &err);
    if (!src)
        return refuse(h, &err, start);
    status = convert(h, src, start);
    xsi_source_free(src);
    return status;
}

/* ---------------------------------------------------------------- the program ---- */

bool helper_named(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

    return argv0 && !strcmp(slash ? slash + 1 : argv0, NAME);
}

int helper_main(int argc, char **argv)
{
    struct helper h = { .in_fd = -1, .out_fd = -1 };
    int status;

    if (cli_options(argc, argv, rows, OPTIONS, set, &h) < 0)
        return BAD_SCRIPT;
    if (h.help || h.version) {
        if (h.help)
            help(stdout);
        else
            printf(NAME " %s\n", XSI_VERSION);
        return DONE;
    }
    if (!h.in || !h.out) {
        help(stderr);
        return BAD_STREAM;
    }
    if (h.log)
        openlog(NAME, LOG_PID, LOG_USER);
    status = run(&h);
    if (h.out_fd >= 0 && close(h.out_fd) < 0 && !status)
        status = fault(&h, BAD_STREAM, "%s: %s", h.out, strerror(errno));
    if (status && h.made)
        (void)unlink(h.out); /* nobody takes half a stream for a whole one */
    return status;
}
