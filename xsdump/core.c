/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --core: the guest's memory as a file for crash, gdb or Volatility. A frame's page lies at a place
 * that its number alone decides, so one pass and little memory do, whatever the order of the
 * stream, and a later copy of a frame replaces an earlier one. Frames that are missing are holes.
 *
 * The ELF core has a PT_LOAD per run of frames with guest-physical addresses (elf(5)); there are no
 * registers in it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xsdump.h"

enum {
    BLOCK = 256, /* PFN entries that are asked for at a time */
    PIECE = 64,  /* pages that are read at a time */
    RUNS_MAX = 60000,
    HEADERS = 4 << 20 /* room for the program headers of so many runs */
};
#define PFN_END (1ULL << 34) /* 64 TiB: beyond what any guest of such images had */

struct run {
    uint64_t first, count;
};

struct core {
    const char *name;
    int fd;
    uint64_t base; /* place of frame 0 in the file */
    struct run *run;
    size_t count, capacity;
    uint64_t pages, unplaced;
    int error; /* errno of the first write that failed */
};

struct core *core_open(const char *name, bool raw, struct xsi_error *error)
{
    struct core *c = calloc(1, sizeof(*c));

    if (!c) {
        error->code = ENOMEM;
        snprintf(error->text, sizeof(error->text), "out of memory");
        return NULL;
    }
    c->name = name;
    c->base = raw ? 0 : HEADERS;
    c->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->fd < 0) {
        error->code = errno;
        snprintf(error->text, sizeof(error->text), "--core '%.120s': %s", name,
                 errno == EEXIST ? "the file exists; it is not overwritten, give another name"
                                 : strerror(errno));
        free(c);
        return NULL;
    }
    return c;
}

/* ---- which frames are there ---- */

static int by_frame(const void *a, const void *b)
{
    const struct run *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* Sort, and join runs that touch or lie less than `gap` frames apart. */
static void join(struct core *c, uint64_t gap)
{
    size_t n = 0;

    qsort(c->run, c->count, sizeof(*c->run), by_frame);
    for (size_t i = 0; i < c->count; i++) {
        struct run *last = n ? &c->run[n - 1] : NULL;
        uint64_t end = c->run[i].first + c->run[i].count;

        if (last && c->run[i].first <= last->first + last->count + gap) {
            if (end > last->first + last->count)
                last->count = end - last->first;
        } else {
            c->run[n++] = c->run[i];
        }
    }
    c->count = n;
}

/* Too many runs become fewer: what lies between them reads as zeros then. */
static bool make_room(struct core *c)
{
    struct run *larger;

    if (c->count < c->capacity)
        return true;
    for (uint64_t gap = 0; c->count > RUNS_MAX / 2 && gap < PFN_END; gap = gap * 2 + 1)
        join(c, gap);
    if (c->count < c->capacity)
        return true;
    larger = reallocarray(c->run, c->capacity ? c->capacity * 2 : 256, sizeof(*larger));
    if (!larger)
        return false;
    c->run = larger;
    c->capacity = c->capacity ? c->capacity * 2 : 256;
    return true;
}

static void present(struct core *c, uint64_t first, uint64_t count)
{
    struct run *last = c->count ? &c->run[c->count - 1] : NULL;

    c->pages += count;
    if (last && first == last->first + last->count)
        last->count += count;
    else if (make_room(c))
        c->run[c->count++] = (struct run){ first, count };
    else if (!c->error)
        c->error = ENOMEM;
}

/* ---- pages ---- */

static bool is_zero(const uint8_t *p, size_t n)
{
    return !*p && !memcmp(p, p + 1, n - 1);
}

static void put(struct core *c, const void *bytes, size_t n, uint64_t at)
{
    const uint8_t *p = bytes;

    while (n && !c->error) {
        ssize_t done = pwrite(c->fd, p, n, (off_t)at);

        if (done < 0 && errno != EINTR)
            c->error = errno;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
            at += (uint64_t)done;
        }
    }
}

/* n frames from pfn on, whose pages stand behind each other. */
static void put_pages(struct core *c, struct image *im, const struct xsi_chunk *chunk, uint64_t pfn,
                      uint64_t from, size_t n)
{
    size_t have = 0, whole;
    const uint8_t *p = xsi_chunk_bytes(im->walk, chunk, from, n * XSI_PAGE_SIZE, &have);
    uint64_t at = c->base + pfn * XSI_PAGE_SIZE;

    whole = have / XSI_PAGE_SIZE;
    if (!whole)
        return;
    /* a hole, also where an earlier copy of the frame held something */
    if (!is_zero(p, whole * XSI_PAGE_SIZE) ||
        fallocate(c->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
                  (off_t)(whole * XSI_PAGE_SIZE)))
        put(c, p, whole * XSI_PAGE_SIZE, at);
    present(c, pfn, whole);
}

static void put_entries(struct core *c, struct image *im, const struct xsi_chunk *chunk,
                        const struct xsi_page_entry *e, size_t count)
{
    for (size_t i = 0, n; i < count; i += n) {
        n = 1;
        if (!e[i].data || e[i].data < chunk->offset)
            continue;
        if (e[i].pfn >= PFN_END) {
            c->unplaced++;
            continue;
        }
        while (i + n < count && n < PIECE && e[i + n].pfn == e[i].pfn + n &&
               e[i + n].pfn < PFN_END && e[i + n].data == e[i].data + n * XSI_PAGE_SIZE)
            n++;
        put_pages(c, im, chunk, e[i].pfn, e[i].data - chunk->offset, n);
    }
}

void core_chunk(struct core *c, struct image *im, const struct xsi_chunk *chunk)
{
    struct xsi_page_entry entry[BLOCK];
    uint64_t at = 0;
    ssize_t n;

    while (!c->error && (n = xsi_chunk_entries(im->walk, chunk, at, BLOCK, entry)) > 0) {
        put_entries(c, im, chunk, entry, (size_t)n);
        at += (uint64_t)n;
    }
}

/* ---- the end ---- */

static void put_headers(struct core *c)
{
    Elf64_Ehdr head = { .e_type = ET_CORE,
                        .e_machine = EM_X86_64,
                        .e_version = EV_CURRENT,
                        .e_phoff = sizeof(head),
                        .e_ehsize = sizeof(head),
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = (Elf64_Half)c->count };

    memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_ident[EI_DATA] = ELFDATA2LSB;
    head.e_ident[EI_VERSION] = EV_CURRENT;
    put(c, &head, sizeof(head), 0);
    for (size_t i = 0; i < c->count; i++) {
        const uint64_t at = c->run[i].first * XSI_PAGE_SIZE, n = c->run[i].count * XSI_PAGE_SIZE;
        const Elf64_Phdr load = { .p_type = PT_LOAD,
                                  .p_flags = PF_R | PF_W | PF_X,
                                  .p_offset = c->base + at,
                                  .p_vaddr = at,
                                  .p_paddr = at,
                                  .p_filesz = n,
                                  .p_memsz = n,
                                  .p_align = XSI_PAGE_SIZE };

        put(c, &load, sizeof(load), sizeof(head) + i * sizeof(load));
    }
}

unsigned core_close(struct core *c, const struct cli_term *t)
{
    unsigned status = 0;
    char name[1024];
    uint64_t end;

    for (uint64_t gap = 0; c->count && (!gap || c->count > RUNS_MAX); gap = gap * 2 + 1)
        join(c, gap);
    if (c->base)
        put_headers(c);
    end = c->count ? c->run[c->count - 1].first + c->run[c->count - 1].count : 0;
    if (!c->error && ftruncate(c->fd, (off_t)(c->base + end * XSI_PAGE_SIZE)))
        c->error = errno;
    if (!c->error && fsync(c->fd))
        c->error = errno;
    if (c->error) {
        cli_error(c->name, "the memory could not be written: %s; the file was removed",
                  strerror(c->error));
        unlink(c->name);
        status = CLI_OPERATIONAL;
    } else if (t) {
        fprintf(t->out, "core     %s  %s, %" PRIu64 " pages in %zu runs of frames\n",
                cli_name(name, sizeof(name), c->name), c->base ? "ELF" : "flat", c->pages,
                c->count);
        if (c->unplaced)
            fprintf(t->out, "         %" PRIu64 " pages are of frames beyond 64 TiB: left out\n",
                    c->unplaced);
    }
    close(c->fd);
    free(c->run);
    free(c);
    return status;
}
