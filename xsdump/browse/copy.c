/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * y, Y, w: an offset or a field to the terminal's clipboard, bytes to a new file. The file is
 * written in slices, is never one that exists, and goes again when not all of it could be written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions.h"
#include "grid.h"
#include "xsdump/xsdump.h"

#define CLIP_MAX  (16U << 10) /* bytes that are copied as hex */
#define SAVE_MAX  (64ULL << 20)
#define SLICE     (256U << 10)
#define NAME_SIZE 1024

/* What the keys are about: the selected field, the chunk, a page. */
struct piece {
    const char *what;
    uint64_t offset, length;
};

static struct piece piece_of(struct browse *b)
{
    const struct look *look = browse_look(b);
    struct piece p = { .what = "page" };

    if (b->view == VIEW_PAGES && b->focus != PANEL_FIELDS && page_bytes(b, &p.offset, &p.length))
        return p;
    p.what = "field";
    if (b->field >= look->count) {
        p = (struct piece){ "chunk", look->offset, look->length };
        if (!look->valid)
            p = (struct piece){ "chunk", b->at, 0 };
        return p;
    }
    browse_selected(b, &p.offset, &p.length);
    return p;
}

/* ---------------------------------------------------------------- the clipboard ---- */

static void clip(struct browse *b, const char *text, const char *what)
{
    if (screen_clip(text))
        browse_say(b, ROLE_GOOD, "%s copied to the terminal's clipboard: %.60s%s", what, text,
                   strlen(text) > 60 ? " ..." : "");
    else
        browse_say(b, ROLE_WARNING,
                   "this terminal takes no clipboard text; w writes the bytes to a file. %s: %.60s",
                   what, text);
}

void key_copy_offset(struct browse *b)
{
    char text[24];

    snprintf(text, sizeof(text), "0x%" PRIx64, b->at);
    clip(b, text, "offset");
}

/* n bytes as "f7 ff ff ff"; NULL: no memory, or they cannot be read. */
static char *hex_of(struct browse *b, const struct piece *p)
{
    size_t n = (size_t)p->length;
    uint8_t *bytes = malloc(n + 1);
    char *hex = malloc(3 * n + 1);
    bool bad = false, whole = bytes && hex && doc_read(b->doc, p->offset, bytes, n, &bad) == n;

    for (size_t i = 0; whole && i < n; i++)
        snprintf(hex + 3 * i, 4, "%02x%s", bytes[i], i + 1 < n ? " " : "");
    free(bytes);
    if (whole)
        return hex;
    free(hex);
    return NULL;
}

static void copy_bytes(struct browse *b, const struct piece *p)
{
    char *hex;

    if (!p->length || p->length > CLIP_MAX) {
        browse_say(b, ROLE_WARNING, "the %s has %" PRIu64 " bytes, %s; w writes them to a new file",
                   p->what, p->length, p->length ? "too many for a clipboard" : "nothing to copy");
        return;
    }
    hex = hex_of(b, p);
    if (hex)
        clip(b, hex, p->what);
    else
        browse_say(b, ROLE_ERROR, "these bytes cannot be read");
    free(hex);
}

void key_copy_field(struct browse *b)
{
    struct piece p = piece_of(b);
    const struct look_field *f = b->field < b->look.count ? &b->look.field[b->field] : NULL;

    if (f && f->offset == p.offset && f->kind < XSI_BYTES && *f->value)
        clip(b, f->value, f->path);
    else
        copy_bytes(b, &p);
}

/* ---------------------------------------------------------------- a file ---- */

struct save {
    struct doc *doc;
    int fd;
    uint64_t from, at, end;
    bool whole; /* all of it is in the file */
    char name[NAME_SIZE];
    uint8_t bytes[SLICE];
};

static void save_free(void *data)
{
    struct save *s = data;

    if (s->fd >= 0)
        close(s->fd);
    if (!s->whole)
        unlink(s->name);
    free(s);
}

static double save_progress(struct browse *b, void *data)
{
    const struct save *s = data;

    (void)b;
    return s->end > s->from ? (double)(s->at - s->from) / (double)(s->end - s->from) : 1;
}

/* All of a slice; 0 or an errno. */
static int write_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);

        if (done < 0 && errno != EINTR)
            return errno;
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
    return 0;
}

static bool failed(struct browse *b, const struct save *s, const char *why)
{
    char name[NAME_SIZE];

    browse_say(b, ROLE_ERROR, "not written: %s at 0x%" PRIx64 "; %s was removed", why, s->at,
               cli_name(name, sizeof(name), s->name));
    return false;
}

static bool save_slice(struct browse *b, void *data)
{
    struct save *s = data;
    size_t n = s->end - s->at < SLICE ? (size_t)(s->end - s->at) : SLICE;
    bool bad = false;
    char name[NAME_SIZE];
    int error;

    n = n ? doc_read(s->doc, s->at, s->bytes, n, &bad) : 0;
    if (!n && s->at < s->end)
        return failed(b, s, bad ? "the disk cannot read the image" : "the image ends");
    error = write_all(s->fd, s->bytes, n);
    s->at += n;
    if (!error && s->at < s->end)
        return true;
    /* what a full disk or a server refuses late is said here */
    if (close(s->fd) && !error)
        error = errno;
    s->fd = -1;
    s->whole = !error;
    if (error)
        return failed(b, s, strerror(error));
    browse_say(b, ROLE_GOOD, "%" PRIu64 " bytes from 0x%" PRIx64 " written to %s", s->end - s->from,
               s->from, cli_name(name, sizeof(name), s->name));
    return false;
}

static const struct job save_job = {
    .what = "writing", .slice = save_slice, .progress = save_progress, .free = save_free
};

static void save_as(struct browse *b, const char *name)
{
    char shown[NAME_SIZE];
    struct save *s;

    if (!*name) {
        browse_say(b, ROLE_INFO, "nothing was written");
        return;
    }
    s = calloc(1, sizeof(*s));
    if (!s || (size_t)snprintf(s->name, sizeof(s->name), "%s", name) >= sizeof(s->name)) {
        browse_say(b, ROLE_ERROR, "%s", s ? "the name is too long" : "out of memory");
        free(s);
        return;
    }
    s->doc = b->doc;
    /* those that were asked about: a job may have gone elsewhere while the name was typed */
    s->from = s->at = b->piece[0];
    s->end = b->piece[0] + b->piece[1];
    s->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->fd < 0) {
        browse_say(b, ROLE_ERROR, "%s: %s", cli_name(shown, sizeof(shown), name),
                   errno == EEXIST ? "the file exists; it is not overwritten, give another name"
                                   : strerror(errno));
        free(s);
        return;
    }
    job_start(b, &save_job, s);
}

void key_save(struct browse *b)
{
    struct piece p = piece_of(b);
    char label[120], size[24];

    if (job_data(b, &save_job)) {
        browse_say(b, ROLE_INFO, "a file is being written; Esc stops that");
    } else if (!p.length) {
        browse_say(b, ROLE_WARNING, "nothing is selected that has bytes here");
    } else if (p.length > SAVE_MAX) {
        browse_say(
            b, ROLE_WARNING,
            "the %s has %s; w writes 64 MiB at most. All of it: dd, or xsdump --core for the "
            "guest's memory",
            p.what, cli_size(size, sizeof(size), p.length));
    } else {
        snprintf(label, sizeof(label), "%s, %" PRIu64 " bytes, to the new file", p.what, p.length);
        b->piece[0] = p.offset;
        b->piece[1] = p.length;
        popup_ask(b, label, NULL, save_as);
    }
}
